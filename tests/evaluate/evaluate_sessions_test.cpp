// SPDX-License-Identifier: Apache-2.0
#include "seqrec/evaluate/evaluate_sessions.hpp"

#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "data/small_datasets.hpp"
#include "seqrec/baselines/item_knn.hpp"
#include "seqrec/cpu.hpp"
#include "seqrec/data/splits/session_split.hpp"
#include "seqrec/evaluate/evaluate_scorer.hpp"
#include "seqrec/models/gru4rec.hpp"
#include "support/encoders.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using namespace seqrec_test;
using Model = Gru4Rec<DoubleContext>;

namespace {

const Split& toy_split() {
  static const Split split = session_split(random_dataset(90, 40, 14, 5), {.validation_share = 0.2, .test_share = 0.4});
  return split;
}

Model toy_model(index_t max_length = 200) {
  Model model({.items = toy_split().data->num_items(), .width = 6, .layers = 2, .max_length = max_length});
  randomise(model, 4);
  return model;
}

EvaluateOptions all_items() { return {.top_k = {5, 20}, .seen = SeenItems::ranked}; }

void check_same(const Evaluation& found, const Evaluation& expected) {
  REQUIRE(found.ranking.metrics.size() == expected.ranking.metrics.size());
  CHECK(found.ranking.users == expected.ranking.users);
  CHECK(found.protocol == expected.protocol);
  for (std::size_t i = 0; i < found.ranking.metrics.size(); ++i)
    CHECK(found.ranking.metrics[i].value == expected.ranking.metrics[i].value);
}

/// Knows that item i + 1 follows item i, and half as well i + 2.
struct Follower {
  index_t items;

  index_t num_items() const { return items; }
  void score(std::span<const item_t> history, std::span<double> scores) const {
    for (double& score : scores) score = 0;
    const auto last = static_cast<std::size_t>(history.back());
    if (last + 1 < scores.size()) scores[last + 1] = 2;
    if (last + 2 < scores.size()) scores[last + 2] = 1;
  }
};

}  // namespace

TEST_CASE("every event of a session is ranked after those before it, and of no other session", "[evaluate]") {
  const Model model = toy_model();
  EvaluateOptions options = all_items();
  options.users_at_once = GENERATE(1, 5, 1000);
  options.token_budget = GENERATE(3, 256);
  options.team = {.threads = GENERATE(1, 3), .slots = 4};
  DoubleContext::Team team(0, options.team);
  const HeldOut& test = toy_split().test;
  const auto ranks = session_ranks(team, model, test, options);
  const auto expected = catalogue_ranks(team, model, test, all_items());
  REQUIRE(std::ssize(ranks) == test.size());
  index_t wrong = 0;
  for (std::size_t i = 0; i < ranks.size(); ++i)
    wrong += ranks[i].rank != expected[i].rank || ranks[i].candidates != expected[i].candidates;
  CHECK(wrong == 0);
  check_same(evaluate_sessions(model, test, options), evaluate(model, test, options));
}

TEST_CASE("a session's scores have the same bits alone, first and in another's place", "[evaluate]") {
  const Model model = toy_model();
  const std::vector<item_t> session = {3, 1, 4, 1, 5};
  const std::vector<double> alone = encode(model, session);
  for (const std::size_t place : {0u, 2u, 4u}) {
    std::vector<ToyUser> users = toy_users({9, 1, 30, 5, 2}, static_cast<int>(model.num_items()), 0, 3);
    users[place] = {session, session};
    const std::vector<double> together = encode(model, ToyBatch(users, static_cast<int>(model.num_items()), 0));
    std::size_t first = 0;
    for (std::size_t i = 0; i < place; ++i) first += users[i].history.size() * 6;
    CHECK(std::vector<double>(together.begin() + static_cast<std::ptrdiff_t>(first),
                              together.begin() + static_cast<std::ptrdiff_t>(first + alone.size())) == alone);
  }
}

TEST_CASE("Recall@20 and MRR@20 over every event, by hand, and a baseline on the same sessions", "[evaluate]") {
  // Test: 0 1 3 2, of which the follower has the second event first, the third second and the fourth in the middle.
  std::vector<std::vector<std::int64_t>> sessions(8, {0, 1, 2, 3, 4, 5, 6});
  sessions.push_back({0, 1});
  sessions.push_back({0, 1, 3, 2});
  const Split split = session_split(dataset_of(sessions));
  REQUIRE(split.test.size() == 3);
  const Evaluation found = evaluate(Follower{7}, split.test, {.top_k = {2, 20}, .seen = SeenItems::ranked});
  CHECK(found["recall@2"] == Approx(2.0 / 3));
  CHECK(found["recall@20"] == 1);
  // Items 0, 1, 2, 3 and 6 have score 0 after item 3: ranks 3 to 7, on average 5.
  CHECK(found["mrr@20"] == Approx((1 + 0.5 + 1.0 / 5) / 3));
  const Evaluation knn = evaluate(ItemKnn(split), split.test, {.top_k = {20}, .seen = SeenItems::ranked});
  CHECK(knn["recall@20"] == 1);
  CHECK(knn.ranking.users == 3);
}

TEST_CASE("other rankings, and sessions longer than a model reads, are evaluated event by event", "[evaluate]") {
  const HeldOut& test = toy_split().test;
  check_same(evaluate_sessions(toy_model(5), test, all_items()), evaluate(toy_model(5), test, all_items()));
  EvaluateOptions unseen = all_items();
  unseen.seen = SeenItems::left_out;
  const Model model = toy_model();
  check_same(evaluate_sessions(model, test, unseen), evaluate(model, test, unseen));
}

TEST_CASE("sessions that cannot be evaluated are refused", "[evaluate][errors]") {
  Model model = toy_model();
  EvaluateOptions options = all_items();
  options.users_at_once = 0;
  CHECK_THROWS_AS(evaluate_sessions(model, toy_split().test, options), ArgumentError);
  const Model small({.items = 3});
  CHECK_THROWS_AS(evaluate_sessions(small, toy_split().test, all_items()), DataError);
  for (index_t i = 0; i < model.parameters().values().size(); ++i)
    model.parameters().values()(i) = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(evaluate_sessions(model, toy_split().test, all_items()), NonFiniteError);
}
