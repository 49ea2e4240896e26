// SPDX-License-Identifier: Apache-2.0
#include "seqrec/serve/recommender.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "seqrec/cpu.hpp"
#include "seqrec/data/readers/synthetic.hpp"
#include "seqrec/evaluate/held_out_scores.hpp"
#include "seqrec/models/avg_pool.hpp"
#include "seqrec/models/din.hpp"
#include "seqrec/models/extend_catalogue.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/serve/score.hpp"
#include "support/catch.hpp"
#include "support/other_space.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using Context = cpu::Context;
using Items = std::vector<item_t>;

namespace {

/// Users with features, and what they ask.
struct Asked {
  Dataset data = synthetic_dataset({.users = 40, .items = 60, .genres = 5, .min_events = 3, .max_events = 25});
  std::vector<Items> exclusions, candidates;
  std::vector<RecommendRequest> recommend;
  std::vector<ScoreRequest> score;

  Asked() {
    std::vector<std::vector<std::string>> of_users, of_items;
    for (index_t user = 0; user < data.num_users(); ++user) of_users.push_back({user % 2 == 0 ? "even" : "odd"});
    for (index_t item = 0; item < data.num_items(); ++item) of_items.push_back({item % 3 == 0 ? "a" : "b"});
    data.user_features = make_feature_table(of_users);
    data.item_features = make_feature_table(of_items);
    RandomStream random(3, Purpose::synthetic_data, 0);
    const auto draw = [&](std::vector<Items>& lists, std::uint32_t most) {
      lists.emplace_back();
      for (std::uint32_t left = random.below(most + 1); left > 0; --left)
        lists.back().push_back(static_cast<item_t>(random.below(static_cast<std::uint32_t>(data.num_items()))));
    };
    for (index_t user = 0; user < data.num_users(); ++user) {
      draw(exclusions, 20);
      draw(candidates, 9);  // some lists are empty, some repeat an item
    }
    for (index_t user = 0; user < data.num_users(); ++user) {
      const auto i = static_cast<std::size_t>(user);
      const index_t count = user == 7 ? 1000 : 1 + user % 13;
      recommend.push_back({data.history(user), count, exclusions[i], static_cast<user_t>(user)});
      score.push_back({data.history(user), candidates[i], static_cast<user_t>(user)});
    }
    recommend[5].history = score[5].history = {};  // who is new
  }
  KnownUser user(index_t i) const { return {known_features(data), static_cast<user_t>(i)}; }
};

bool same(const std::vector<Recommendation<float>>& a, const std::vector<Recommendation<float>>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return x.item == y.item && x.score == y.score; });
}

/// A model asked in company on any number of threads, alone by an object, by the functions, and by an evaluation: each
/// time the same bits.
template <class Model>
void check_same_bits(const Model& model) {
  const Asked asked;
  Context context;
  std::vector<std::vector<Recommendation<float>>> alone;
  std::vector<std::vector<float>> scores_alone;
  for (std::size_t i = 0; i < asked.recommend.size(); ++i) {
    const RecommendRequest& r = asked.recommend[i];
    const KnownUser user = asked.user(static_cast<index_t>(i));
    alone.emplace_back();
    scores_alone.emplace_back();
    if (r.history.empty()) continue;
    alone.back() = recommend(model, context, r.history, r.count, r.exclusions, user);
    scores_alone.back() = score(model, context, r.history, asked.score[i].candidates, user);
    Items offered;
    std::vector<float> of_offered;
    for (const auto& [item, of_item] : alone.back()) offered.push_back(item), of_offered.push_back(of_item);
    REQUIRE(score(model, context, r.history, offered, user) == of_offered);
  }
  for (const RecommenderOptions& options :
       {RecommenderOptions{}, {{1, 1}, 7, 20, false}, {{3, 4}, 1000, 20, true}, {{2, 8}, 1000, 1000, false}}) {
    CAPTURE(options.team.threads, options.users_at_once, options.token_budget);
    Recommender<Model> server(model, options, known_features(asked.data));
    for (int round = 0; round < 2; ++round) {
      const auto answers = server.recommend(asked.recommend);
      const auto scores = server.score(asked.score);
      REQUIRE(answers.size() == alone.size());
      REQUIRE(scores.size() == alone.size());
      for (std::size_t i = 0; i < alone.size(); ++i) {
        CAPTURE(i);
        REQUIRE(same(answers[i].items, alone[i]));
        REQUIRE(answers[i].cold == (i == 5));
        REQUIRE(scores[i].scores == scores_alone[i]);
        REQUIRE(scores[i].cold == (i == 5));
      }
    }
    CHECK(same(server.recommend(asked.recommend[3]), alone[3]));
    CHECK(server.score(asked.score[3]) == scores_alone[3]);
  }
  const Split split = leave_one_out(asked.data);
  const CandidateLists lists = draw_candidates(split.test, {.negatives = 7});
  Context::Team team(0, {.threads = 2});
  const auto evaluated = candidate_scores(team, model, split.test, {.candidates = &lists, .token_budget = 50});
  for (index_t i = 0; i < split.test.size(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    Items items = {split.test.targets[at]};
    for (const item_t item : lists.negatives(i)) items.push_back(item);
    const auto found = score(model, context, split.test.history(i), items, asked.user(split.test.users[at]));
    REQUIRE(std::vector<float>(evaluated.begin() + 8 * i, evaluated.begin() + 8 * (i + 1)) == found);
  }
}

/// With further items in its catalogue, a model says of the old ones what it said before.
template <class Model>
void check_extended(Model model) {
  const Asked asked;
  model.set_vocabulary(asked.data.item_ids);
  const std::vector<std::string> new_ids = {"new 0", "new 1", "new 2", "new 3", "new 4"};
  const Model larger = extend_catalogue(model, new_ids);
  Context context;
  Items old(60);
  std::iota(old.begin(), old.end(), 0);
  const Items added = {60, 61, 62, 63, 64};
  for (index_t user = 0; user < 10; ++user) {
    const auto history = asked.data.history(user);
    REQUIRE(score(larger, context, history, old, asked.user(user)) ==
            score(model, context, history, old, asked.user(user)));
    REQUIRE(same(recommend(larger, context, history, 60, added, asked.user(user)),
                 recommend(model, context, history, 60, {}, asked.user(user))));
  }
  const Split split = leave_one_out(asked.data);
  const CandidateLists lists = draw_candidates(split.test, {.negatives = 7});
  Context::Team team(0, {.threads = 1});
  const EvaluateOptions options{.candidates = &lists};
  CHECK(candidate_scores(team, larger, split.test, options) == candidate_scores(team, model, split.test, options));
}

}  // namespace

// Widths that are no multiple of a vector register's: rows of a batch begin where sums could take other orders.
TEST_CASE("a SasRec answers alike alone, in company and in an evaluation, to the bit", "[serve]") {
  const SasRecOptions options{.items = 60, .width = 50, .blocks = 1, .heads = 5, .max_length = 20, .seed = 1};
  check_same_bits(SasRec<Context>(options));
  check_extended(SasRec<Context>(options));
}
TEST_CASE("an AvgPool answers alike alone, in company and in an evaluation, to the bit", "[serve]") {
  const AvgPoolOptions options{
      .items = 60, .width = 50, .max_length = 20, .projection = PoolProjection::linear, .seed = 1};
  check_same_bits(AvgPool<Context>(options));
  check_extended(AvgPool<Context>(options));
}
TEST_CASE("a Din answers alike alone, in company and in an evaluation, to the bit", "[serve]") {
  DinOptions options{.items = 60,
                     .width = 6,
                     .max_length = 20,
                     .attention_hidden = {7},
                     .hidden = {9, 5},
                     .user_categories = 2,
                     .item_categories = 2,
                     .seed = 1};
  check_same_bits(Din<Context>(options));
  options.item_categories = 0;  // of the new items nothing is known
  check_extended(Din<Context>(options));
}

TEST_CASE("a user who has seen everything gets an empty list among others", "[serve]") {
  const seqrec_test::OtherModel model;
  Recommender server(model);
  const Items all = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, some = {2, 4};
  const auto answers =
      server.recommend(std::vector<RecommendRequest>{{some, 3, some}, {all, 3, all}, {some, 99, some}});
  REQUIRE(answers[0].items.size() == 3);
  CHECK(answers[0].items[0].item == 9);
  CHECK(answers[0].items[0].score == 409);
  CHECK(answers[1].items.empty());
  CHECK_FALSE(answers[1].cold);
  CHECK(answers[2].items.size() == 8);
  CHECK(server.recommend(RecommendRequest{all, 3, all}).empty());
  CHECK(server.recommend(std::vector<RecommendRequest>{}).empty());
}

TEST_CASE("a request that cannot be answered is named, and those after it are answered", "[serve]") {
  const seqrec_test::OtherModel model;
  Recommender server(model);
  const Items good = {1}, beyond = {1, 10};
  const auto recommended = [&](const RecommendRequest& second) {
    return [&] { server.recommend(std::vector<RecommendRequest>{{}, second}); };  // the first is cold
  };
  CHECK(seqrec_test::message_of<ArgumentError>(recommended({good, 0})) ==
        "recommend request 1: count is 0, expected at least 1");
  CHECK_THAT(seqrec_test::message_of<DataError>(recommended({beyond, 3})),
             ContainsSubstring("history 1: item id 10 at event 1"));
  CHECK_THAT(seqrec_test::message_of<DataError>(recommended({good, 3, beyond})),
             ContainsSubstring("ranking request 1: exclusion 10"));
  CHECK_THAT(seqrec_test::message_of<DataError>([&] {
               server.score(std::vector<ScoreRequest>{{}, {good, beyond}});
             }),
             ContainsSubstring("ranking request 1: candidate 10"));
  CHECK_THROWS_AS(server.recommend(RecommendRequest{}), ArgumentError);
  CHECK_THROWS_AS(server.score(ScoreRequest{{}, good}), ArgumentError);
  CHECK(server.recommend(RecommendRequest{good, 2}).size() == 2);
}

TEST_CASE("any number of threads ask a Recommender at once, and each gets the answers that it gets alone", "[serve]") {
  const SasRec<Context> model({.items = 60, .width = 20, .blocks = 1, .max_length = 20, .seed = 1});
  const Asked asked;
  const Recommender<SasRec<Context>> server(model, {.team = {.threads = 2}, .callers = 2});
  const auto expected = server.recommend(asked.recommend);
  const auto expected_scores = server.score(asked.score);
  std::atomic<int> wrong = 0;
  {
    std::vector<std::jthread> callers;
    for (int caller = 0; caller < 4; ++caller)
      callers.emplace_back([&] {
        std::vector<Recommendations<float>> answers(asked.recommend.size());
        for (int round = 0; round < 10; ++round) {
          server.recommend(asked.recommend, answers);
          const auto scores = server.score(asked.score);
          for (std::size_t i = 0; i < answers.size(); ++i) {
            if (!same(answers[i].items, expected[i].items)) ++wrong;
            if (scores[i].scores != expected_scores[i].scores) ++wrong;
          }
        }
      });
  }
  CHECK(wrong == 0);
}

TEST_CASE("after its model was trained on, a Recommender is refreshed", "[serve]") {
  SasRec<Context> model({.items = 60, .width = 20, .blocks = 1, .max_length = 20, .seed = 1});
  Recommender<SasRec<Context>> server(model);
  const Items history = {3, 1, 4};
  for (int i = 0; i < model.parameters().size(); ++i) model.parameters().values()(i) *= -2;
  server.refresh();
  Context context;
  CHECK(
      same(server.recommend(RecommendRequest{history, 20, history}), recommend(model, context, history, 20, history)));
}

TEST_CASE("answers of the caller's are one for each request", "[serve]") {
  const seqrec_test::OtherModel model;
  const Recommender server(model);
  const Items history = {1};
  const RecommendRequest request{history, 3, history};
  std::vector<Recommendations<float>> answers(2);
  CHECK(seqrec_test::message_of<ArgumentError>([&] {
          server.recommend({&request, 1}, answers);
        }) == "Recommender answers is 2, expected 1, one for each request");
}

TEST_CASE("options of a Recommender out of range are named", "[serve]") {
  const seqrec_test::OtherModel model;
  CHECK(seqrec_test::message_of<ArgumentError>([&] {
          Recommender<seqrec_test::OtherModel> server(model, {.users_at_once = 0});
        }) == "Recommender users_at_once is 0, expected at least 1");
}

TEST_CASE("a model whose scores are not numbers is refused when its Recommender is made, or by request", "[serve]") {
  SasRec<Context> model({.items = 9, .width = 8, .blocks = 0, .max_length = 4, .seed = 1});
  const ParameterEntry& table = model.parameters().entries().front();
  REQUIRE(table.name == "item_embedding.weight");
  model.parameters().values(table)(0) = std::nanf("");  // of item 0
  CHECK_THROWS_AS(Recommender<SasRec<Context>>(model), NonFiniteError);
  Recommender<SasRec<Context>> server(model, {.warm_up = false});
  const Items history = {2}, good = {3}, all = {0, 1, 2, 3, 4, 5, 6, 7, 8};
  const auto bad = [&](auto&& call) { return seqrec_test::message_of<NonFiniteError>(call); };
  CHECK(bad([&] {
          server.recommend(std::vector<RecommendRequest>{{}, {history, 3}});
        }) == "recommend request 1: a score is NaN, expected numbers; hint: are the model's weights finite?");
  CHECK(bad([&] {
          server.score(std::vector<ScoreRequest>{{history, good}, {history, all}});
        }) == "score request 1: a score is NaN, expected numbers; hint: are the model's weights finite?");
}

TEST_CASE("a Recommender in bfloat16 finds nearly the same items by nearly the same scores", "[serve]") {
  const Asked asked;
  const SasRec<Context> model(
      {.items = asked.data.num_items(), .width = 16, .max_length = 20, .initial_deviation = 0.5});
  const Recommender<SasRec<Context>> exact(model), rounded(model, {.team = {.products = ProductPrecision::bf16}});
  std::vector<RecommendRequest> requests = asked.recommend;
  requests.erase(requests.begin() + 5);
  const auto expected = exact.recommend(requests), found = rounded.recommend(requests);
  double largest = 0, furthest = 0;
  for (std::size_t user = 0; user < requests.size(); ++user) {
    REQUIRE(found[user].items.size() == expected[user].items.size());
    for (std::size_t i = 0; i < found[user].items.size(); ++i) {
      const auto here = static_cast<double>(found[user].items[i].score);
      largest = std::max(largest, std::abs(here));
      furthest = std::max(furthest, std::abs(here - static_cast<double>(expected[user].items[i].score)));
    }
    CHECK(same(found[user].items, rounded.recommend(requests[user])));  // in company and alone
  }
  CHECK(furthest > 0);
  CHECK(furthest < 8e-3 * largest);
  // Listed candidates are scored as ever, and so is a catalogue that is not packed.
  const Recommender<SasRec<Context>> unpacked(model,
                                              {.team = {.products = ProductPrecision::bf16}, .pack_items = false});
  CHECK(same(unpacked.recommend(requests[0]), expected[0].items));
  for (const ScoreRequest& request : {asked.score[0], asked.score[9]})
    CHECK(rounded.score(request) == exact.score(request));
}
