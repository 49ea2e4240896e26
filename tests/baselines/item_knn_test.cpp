// SPDX-License-Identifier: Apache-2.0
#include "seqrec/baselines/item_knn.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <span>
#include <vector>

#include "data/small_datasets.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::message_of;

namespace {

std::vector<double> scores_of(const ItemKnn& scorer, const std::vector<item_t>& history) {
  std::vector<double> scores(static_cast<std::size_t>(scorer.num_items()), -1.0);
  scorer.score(history, scores);
  return scores;
}

/// The users whose training events hold an item.
std::set<index_t> users_of(const Split& split, item_t item) {
  std::set<index_t> users;
  for (index_t user = 0; user < split.data->num_users(); ++user) {
    const auto history = split.train_history(user);
    if (std::find(history.begin(), history.end(), item) != history.end()) users.insert(user);
  }
  return users;
}

double similarity(const Split& split, item_t i, item_t j, double shrinkage) {
  const std::set<index_t> a = users_of(split, i), b = users_of(split, j);
  double both = 0;
  for (const index_t user : a) both += b.contains(user);
  return i == j || both == 0 ? 0.0 : both / (std::sqrt(static_cast<double>(a.size() * b.size())) + shrinkage);
}

}  // namespace

TEST_CASE("item-kNN, by hand", "[baselines]") {
  // Training events: user 0 has items 0 and 1 (0 twice), user 1 has 0 and 2, user 2 has 0. Item 3 is held out only.
  const Dataset data = seqrec_test::dataset_of({{0, 0, 1, 3, 3}, {0, 2, 3, 3}, {0, 3, 3}});
  const Split split = leave_one_out(data);
  const ItemKnn plain(split, {.shrinkage = 0});
  const double third = 1 / std::sqrt(3.0);
  const auto near = [](const std::vector<double>& actual, const std::vector<double>& expected) {
    REQUIRE(actual.size() == expected.size());
    for (std::size_t i = 0; i < actual.size(); ++i) CHECK(actual[i] == Approx(expected[i]).margin(1e-7));
  };
  near(scores_of(plain, {}), {0, 0, 0, 0});
  near(scores_of(plain, {0}), {0, third, third, 0});
  near(scores_of(plain, {1, 2, 2, 3}), {2 * third, 0, 0, 0});  // each distinct item once
  const double shrunk = 1 / (std::sqrt(3.0) + 20);
  near(scores_of(ItemKnn(split), {1, 0}), {shrunk, shrunk, shrunk, 0});
}

TEST_CASE("item-kNN is what sets of users say", "[baselines]") {
  const Dataset data = seqrec_test::random_dataset(60, 25, 18, 4);
  const Split split = leave_one_out(data);
  const double shrinkage = GENERATE(0.0, 5.0);
  const index_t max_history = GENERATE(1, 4, 100);
  const ItemKnn scorer(split, {.max_history = max_history, .shrinkage = shrinkage});
  CHECK(scorer.options().shrinkage == shrinkage);
  for (index_t i = 0; i < split.test.size(); i += 7) {
    const auto history = split.test.history(i);
    const auto kept = history.last(std::min(history.size(), static_cast<std::size_t>(max_history)));
    const std::set<item_t> distinct(kept.begin(), kept.end());
    const auto scores = scores_of(scorer, {history.begin(), history.end()});
    for (item_t item = 0; item < 25; ++item) {
      double expected = 0;
      for (const item_t seen : distinct) expected += similarity(split, seen, item, shrinkage);
      CHECK(scores[static_cast<std::size_t>(item)] == Approx(expected).epsilon(1e-6).margin(1e-12));
    }
  }
}

TEST_CASE("item-kNN keeps the most similar items", "[baselines]") {
  const Dataset data = seqrec_test::random_dataset(60, 25, 18, 4);
  const Split split = leave_one_out(data);
  const ItemKnn all(split), some(split, {.neighbours = 6});
  for (item_t item = 0; item < 25; ++item) {
    std::vector<float> weights, kept;
    for (const auto& entry : all.similarities().row(item)) weights.push_back(entry.weight);
    for (const auto& entry : some.similarities().row(item)) kept.push_back(entry.weight);
    std::sort(weights.rbegin(), weights.rend());
    std::sort(kept.rbegin(), kept.rend());
    weights.resize(std::min<std::size_t>(weights.size(), 6));
    CHECK(kept == weights);
  }
}

TEST_CASE("item-kNN refuses options out of range and scores of another size", "[baselines][errors]") {
  const Dataset data = seqrec_test::dataset_of({{0, 1, 2}});
  const Split split = leave_one_out(data);
  CHECK(message_of<ArgumentError>([&] { ItemKnn(split, {.neighbours = -1}); }) ==
        "ItemKnn neighbours is -1, expected at least 0");
  CHECK(message_of<ArgumentError>([&] { ItemKnn(split, {.max_history = 0}); }) ==
        "ItemKnn max_history is 0, expected at least 1");
  CHECK(message_of<ArgumentError>([&] { ItemKnn(split, {.shrinkage = -0.5}); }) ==
        "ItemKnn shrinkage is -0.5, expected a number of at least 0");
  CHECK_THROWS_AS(ItemKnn(split, {.shrinkage = std::nan("")}), ArgumentError);
  std::vector<double> scores(4);
  CHECK_THROWS_AS(ItemKnn(split).score({}, scores), ShapeError);
}
