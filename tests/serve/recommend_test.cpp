// SPDX-License-Identifier: Apache-2.0
#include "seqrec/serve/recommend.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "seqrec/data/features.hpp"
#include "seqrec/models/din.hpp"
#include "seqrec/models/sasrec.hpp"
#include "support/biased_model.hpp"
#include "support/catch.hpp"
#include "support/other_space.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::ToyBatch;
using Model = SasRec<DoubleContext>;

namespace {

constexpr int items = 20;

Model toy_model() {
  Model model({.items = items, .width = 6, .blocks = 1, .max_length = 5});
  seqrec_test::randomise(model, 4);
  return model;
}

/// All items by score after a history of at most max_length items, best first.
std::vector<Recommendation<double>> ranking_by_loops(const Model& model, const std::vector<item_t>& history) {
  DoubleContext context;
  Tape<DoubleContext> tape(context, Mode::inference);
  const ToyBatch batch({{history, history}}, items, 0);
  const auto states = model.encode(tape, batch.histories()).value();
  const auto table = model.item_head().table->view();
  std::vector<Recommendation<double>> ranking;
  for (item_t item = 0; item < items; ++item) {
    double score = 0;
    for (index_t i = 0; i < table.columns(); ++i) score += states(states.rows() - 1, i) * table(item, i);
    ranking.push_back({item, score});
  }
  std::sort(ranking.begin(), ranking.end(), [](const auto& a, const auto& b) { return a.score > b.score; });
  return ranking;
}

template <class Recommendations>
std::vector<item_t> items_of(const Recommendations& recommendations) {
  std::vector<item_t> all;
  for (const auto& recommendation : recommendations) all.push_back(recommendation.item);
  return all;
}

const std::vector<item_t> nothing;

}  // namespace

TEST_CASE("recommendations are the best items in order, with their scores", "[train]") {
  const Model model = toy_model();
  DoubleContext context;
  const std::vector<item_t> history = {3, 9, 4};
  const auto expected = ranking_by_loops(model, history);
  for (const index_t count : {1, 7, items}) {
    const auto actual = recommend(model, context, history, count, nothing);
    REQUIRE(std::ssize(actual) == count);
    for (std::size_t i = 0; i < actual.size(); ++i) {
      CHECK(actual[i].item == expected[i].item);
      CHECK(actual[i].score == Approx(expected[i].score));
    }
  }
}

TEST_CASE("excluded items are not recommended", "[train]") {
  const Model model = toy_model();
  DoubleContext context;
  const std::vector<item_t> history = {3, 9, 4}, exclusions = {9, 0, 9, 17, 3};
  std::vector<item_t> expected = items_of(ranking_by_loops(model, history));
  expected.erase(
      std::remove_if(expected.begin(), expected.end(),
                     [&](item_t item) { return std::count(exclusions.begin(), exclusions.end(), item) > 0; }),
      expected.end());
  CHECK(items_of(recommend(model, context, history, items, exclusions)) == expected);
}

TEST_CASE("fewer items are recommended when the catalogue runs out", "[train]") {
  const Model model = toy_model();
  DoubleContext context;
  std::vector<item_t> all(items);
  std::iota(all.begin(), all.end(), 0);
  const std::vector<item_t> but_two(all.begin() + 2, all.end()), history = {3};
  CHECK(recommend(model, context, history, 5, but_two).size() == 2);
  CHECK(recommend(model, context, history, 5, all).empty());  // who has seen everything
  CHECK(recommend(model, context, history, index_t{1} << 40, nothing).size() == items);
}

TEST_CASE("only the last max_length items of a history are read", "[train]") {
  const Model model = toy_model();
  DoubleContext context;
  const std::vector<item_t> history = {1, 2, 3, 4, 5, 6, 7, 8}, last = {4, 5, 6, 7, 8};
  CHECK(items_of(recommend(model, context, history, items, nothing)) ==
        items_of(recommend(model, context, last, items, nothing)));
}

TEST_CASE("an empty history is refused with what to offer instead", "[train]") {
  const Model model = toy_model();
  DoubleContext context;
  CHECK(seqrec_test::message_of<ArgumentError>([&] { recommend(model, context, nothing, 3, nothing); }) ==
        "recommend: the history is empty, expected at least one item; hint: offer the most popular items "
        "(seqrec::Popularity), or what the service offers to everybody");
  CHECK_THROWS_AS(recommend(seqrec_test::BiasedModel(items, 4), context, nothing, 3, nothing), ArgumentError);
}

TEST_CASE("a score that is not a number is refused, whatever the model", "[train]") {
  DoubleContext context;
  const std::vector<item_t> history = {3, 9, 4};
  const auto check = [&](auto model) {
    const std::string table = model.parameters().entries().front().name;
    for (const ParameterEntry& entry : model.parameters().entries())
      if (entry.name == table) model.parameters().values(entry)(7 * entry.shape.back()) = std::nan("");  // item 7
    CHECK(seqrec_test::message_of<NonFiniteError>([&] { recommend(model, context, history, 3, nothing); }) ==
          "recommend request 0: a score is NaN, expected numbers; hint: are the model's weights finite?");
    CHECK(recommend(model, context, history, 3, std::vector<item_t>{7}).size() == 3);  // which is not asked for
  };
  check(toy_model());
  check(Din<DoubleContext>({.items = items, .width = 4, .max_length = 5, .attention_hidden = {3}, .hidden = {3}}));
}

TEST_CASE("a context serves one request after another", "[train]") {
  const Model model = toy_model();
  DoubleContext context, fresh;
  const std::vector<item_t> history = {3, 9, 4}, other = {7};
  recommend(model, context, other, 4, nothing);
  const std::size_t held = context.memory_held();
  const auto again = recommend(model, context, history, 4, nothing);
  CHECK(items_of(again) == items_of(recommend(model, fresh, history, 4, nothing)));
  CHECK(context.memory_held() == held);
}

TEST_CASE("what cannot be recommended for is refused", "[train]") {
  const Model model = toy_model();
  DoubleContext context;
  const std::vector<item_t> history = {3};
  for (const index_t count : {index_t{0}, index_t{-1}})
    CHECK_THAT(seqrec_test::message_of<ArgumentError>([&] { recommend(model, context, history, count, nothing); }),
               ContainsSubstring("count is " + std::to_string(count) + ", expected at least 1"));
  for (const item_t item : {-1, items})
    CHECK_THAT(
        seqrec_test::message_of<DataError>([&] {
          recommend(model, context, std::vector<item_t>{2, item}, 3, nothing);
        }),
        ContainsSubstring("item id " + std::to_string(item) + " at event 1") && ContainsSubstring("expected 0 to 19"));
  CHECK_THAT(seqrec_test::message_of<DataError>([&] {
               recommend(model, context, history, 3, std::vector<item_t>{2, items});
             }),
             ContainsSubstring("exclusion 20 is beyond the model's table"));
}

TEST_CASE("a context of another space is served there", "[train]") {
  const seqrec_test::OtherModel model;
  seqrec_test::OtherContext context;
  const FeatureTable categories = make_feature_table(std::vector<std::vector<std::string>>(10, {"a"}));
  const std::vector<item_t> history = {3, 2}, exclusions = {9, 7};
  const auto best = recommend(model, context, history, 3, exclusions, {{{}, categories.view(), 0, 1}, -1});
  CHECK(items_of(best) == std::vector<item_t>{8, 6, 5});
  CHECK(best[0].score == 208);
}

TEST_CASE("recommendations know the bias of an item head", "[train]") {
  const seqrec_test::BiasedModel model(items, 4);
  DoubleContext context;
  const std::vector<item_t> history = {3, 9, 4};
  Tape<DoubleContext> tape(context, Mode::inference);
  const ToyBatch batch({{history, history}}, items, 0);
  const auto states = model.encode(tape, batch.histories()).value();
  std::vector<double> state(states.row(2), states.row(2) + 4);
  const auto actual = recommend(model, context, history, items, nothing);
  REQUIRE(std::ssize(actual) == items);
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const auto of = [&](index_t d) { return state[static_cast<std::size_t>(d)]; };
    CHECK(actual[i].score == Approx(model.score(of, actual[i].item)));
    if (i > 0) CHECK(actual[i].score <= actual[i - 1].score);
  }
}
