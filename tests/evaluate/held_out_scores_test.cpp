// SPDX-License-Identifier: Apache-2.0
#include "seqrec/evaluate/held_out_scores.hpp"

#include <set>
#include <string>
#include <vector>

#include "seqrec/cpu.hpp"
#include "seqrec/data/readers/synthetic.hpp"
#include "seqrec/models/din.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/serve/recommend.hpp"
#include "support/catch.hpp"
#include "support/other_space.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext;

namespace {

const Dataset& toy_data() {
  static const Dataset data = [] {
    Dataset made = synthetic_dataset({.users = 60, .items = 50, .genres = 5, .min_events = 3, .max_events = 20});
    std::vector<std::vector<std::string>> of_users, of_items;
    for (index_t user = 0; user < made.num_users(); ++user) of_users.push_back({user % 2 == 0 ? "even" : "odd"});
    for (index_t item = 0; item < made.num_items(); ++item) of_items.push_back({item % 3 == 0 ? "a" : "b"});
    made.user_features = make_feature_table(of_users);
    made.item_features = make_feature_table(of_items);
    return made;
  }();
  return data;
}

Din<DoubleContext> toy_din() {
  Din<DoubleContext> model({.items = toy_data().num_items(),
                            .width = 4,
                            .max_length = 8,
                            .attention_hidden = {5},
                            .hidden = {4},
                            .user_categories = 2,
                            .item_categories = 2});
  seqrec_test::randomise(model, 4);
  return model;
}
SasRec<DoubleContext> toy_sasrec() {
  SasRec<DoubleContext> model({.items = toy_data().num_items(), .width = 6, .blocks = 1, .max_length = 8});
  seqrec_test::randomise(model, 4);
  return model;
}

/// What a model thinks of every item after a held-out user's history, from its recommendations.
template <class Model>
std::vector<double> all_scores(const Model& model, const HeldOut& held_out, index_t i) {
  DoubleContext context;
  std::vector<double> scores(static_cast<std::size_t>(model.num_items()));
  const KnownUser user{known_features(*held_out.data),
                       static_cast<user_t>(held_out.users[static_cast<std::size_t>(i)])};
  for (const auto& offer : recommend(model, context, held_out.history(i), model.num_items(), {}, user))
    scores[static_cast<std::size_t>(offer.item)] = offer.score;
  return scores;
}

template <class Model>
void check_scores(const Model& model) {
  const Split split = leave_one_out(toy_data());
  const CandidateLists candidates = draw_candidates(split.test, {.negatives = 7});
  const TeamOptions team_options{.threads = GENERATE(1, 3), .slots = 4};
  DoubleContext::Team team(0, team_options);
  const EvaluateOptions options{.candidates = &candidates, .users_at_once = GENERATE(7, 1000), .token_budget = 20};
  const std::vector<double> scores = candidate_scores(team, model, split.test, options);
  const auto ranks = catalogue_ranks(team, model, split.test, {.users_at_once = 7, .token_budget = 20});
  REQUIRE(std::ssize(scores) == split.test.size() * 8);
  REQUIRE(std::ssize(ranks) == split.test.size());
  for (index_t i = 0; i < split.test.size(); ++i) {
    const std::vector<double> expected = all_scores(model, split.test, i);
    const item_t target = split.test.targets[static_cast<std::size_t>(i)];
    const double of_target = expected[static_cast<std::size_t>(target)];
    REQUIRE(scores[static_cast<std::size_t>(8 * i)] == Approx(of_target).epsilon(1e-10));
    for (index_t k = 0; k < 7; ++k)
      REQUIRE(scores[static_cast<std::size_t>(8 * i + 1 + k)] ==
              Approx(expected[static_cast<std::size_t>(candidates.negatives(i)[static_cast<std::size_t>(k)])])
                  .epsilon(1e-10));
    const auto history = split.test.history(i);
    std::set<item_t> seen(history.begin(), history.end());
    seen.erase(target);
    double above = 0;
    for (item_t item = 0; item < model.num_items(); ++item)
      above += !seen.contains(item) && item != target && expected[static_cast<std::size_t>(item)] > of_target;
    REQUIRE(ranks[static_cast<std::size_t>(i)].rank == 1 + above);
    REQUIRE(ranks[static_cast<std::size_t>(i)].candidates == model.num_items() - std::ssize(seen));
  }
}

}  // namespace

TEST_CASE("held-out items are scored as recommendations are, by a model that looks at candidates", "[train]") {
  check_scores(toy_din());
}

TEST_CASE("held-out items are scored as recommendations are, by a static encoder", "[train]") {
  check_scores(toy_sasrec());
}

TEST_CASE("candidate scores need candidates", "[train]") {
  const Split split = leave_one_out(toy_data());
  DoubleContext::Team team(0, {.threads = 1});
  CHECK_THROWS_WITH(candidate_scores(team, toy_din(), split.test, {}),
                    "candidate_scores candidates is null, expected frozen lists");
}

TEST_CASE("a model in another space is evaluated there", "[train]") {
  const Dataset data = synthetic_dataset({.users = 12, .items = 20, .genres = 4, .max_events = 9});
  const Split split = leave_one_out(data);
  const seqrec_test::OtherModel model{data.num_items()};
  seqrec_test::OtherContext::Team team;
  const CandidateLists candidates = draw_candidates(split.test, {.negatives = 3});
  const auto scores = candidate_scores(team, model, split.test, {.candidates = &candidates, .token_budget = 5});
  const auto ranks = catalogue_ranks(team, model, split.test, {.token_budget = 5});
  const auto category = [&](item_t item) {
    return data.item_features ? 1e-3f * static_cast<float>(data.item_features.view()[item](0)) : 0.0f;
  };
  REQUIRE(std::ssize(scores) == 4 * split.test.size());
  for (index_t i = 0; i < split.test.size(); ++i) {
    const auto history = split.test.history(i);
    const auto score = [&](item_t item) {
      return 100 * static_cast<float>(history.back()) + static_cast<float>(item) + category(item);
    };
    const item_t target = split.test.targets[static_cast<std::size_t>(i)];
    CHECK(scores[static_cast<std::size_t>(4 * i)] == score(target));
    for (std::size_t k = 0; k < 3; ++k)
      CHECK(scores[static_cast<std::size_t>(4 * i) + 1 + k] == score(candidates.negatives(i)[k]));
    index_t above = 0;
    for (item_t item = 0; item < data.num_items(); ++item)
      above += item != target && score(item) > score(target) &&
               std::find(history.begin(), history.end(), item) == history.end();
    CHECK(ranks[static_cast<std::size_t>(i)].rank == static_cast<double>(above + 1));
  }
}
