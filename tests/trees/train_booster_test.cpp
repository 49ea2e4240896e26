// SPDX-License-Identifier: Apache-2.0
#include "seqrec/trees/train_booster.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "support/catch.hpp"
#include "support/trees.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

/// The share of groups whose highest score has a label of 1.
double hit_rate(const Booster& booster, const TreeToy& toy) {
  const std::vector<double> scores = booster.scores(toy.rows());
  index_t hits = 0;
  for (std::size_t g = 0; g < toy.groups.size(); ++g) {
    const auto first = scores.begin() + static_cast<std::ptrdiff_t>(10 * g);
    const auto best = static_cast<std::size_t>(std::max_element(first, first + 10) - scores.begin());
    hits += toy.labels[best] == 1.0f;
  }
  return static_cast<double>(hits) / static_cast<double>(toy.groups.size());
}

}  // namespace

TEST_CASE("trees learn to rank, whatever their objective") {
  const auto objective = GENERATE(TreeObjective::lambdarank, TreeObjective::binary);
  const TreeToy unseen(100, 77);
  CHECK(hit_rate(toy_booster(objective), unseen) > 0.6);  // chance is 0.2
}

TEST_CASE("training stops after its patience and keeps the best round") {
  const TreeToy toy(60), other(20, 5);
  auto options = toy_trees();
  options.rate = 0.5;
  options.rounds = 400;
  options.patience = 7;
  const TreeData training(TreeToy::columns(), toy.rows(), toy.targets(), options);
  const TreeData validation(training, other.rows(), other.targets(), options);
  std::vector<TreeRound> heard;
  TreeListeners listeners;
  listeners.round = [&](const TreeRound& round) { heard.push_back(round); };
  const TrainedBooster trained = train_booster(training, &validation, options, listeners);
  REQUIRE(trained.validation.size() < 400);
  CHECK(std::ssize(trained.validation) == trained.best_round + 7);
  CHECK(std::ssize(trained.booster.trees()) == trained.best_round);
  const auto best = std::max_element(trained.validation.begin(), trained.validation.end());
  CHECK(*best == Approx(trained.validation[static_cast<std::size_t>(trained.best_round - 1)]).margin(1e-9));
  REQUIRE(heard.size() == trained.validation.size());
  for (std::size_t i = 0; i < heard.size(); ++i) {
    CHECK(heard[i].round == static_cast<index_t>(i) + 1);
    CHECK(heard[i].validation == trained.validation[i]);
    CHECK(heard[i].best >= heard[i].validation - 1e-9);
  }
  CHECK(heard.back().best_round == trained.best_round);
}

TEST_CASE("log loss is better when it is lower") {
  const TreeToy toy(60), other(20, 5);
  auto options = toy_trees(TreeObjective::binary);
  options.metric = TreeMetric::log_loss;
  options.rounds = 30;
  const TreeData training(TreeToy::columns(), toy.rows(), {toy.labels}, options);
  const TreeData validation(training, other.rows(), {other.labels}, options);
  const TrainedBooster trained = train_booster(training, &validation, options);
  CHECK(trained.best_round > 1);
  CHECK(trained.validation[static_cast<std::size_t>(trained.best_round - 1)] < trained.validation[0]);
}

TEST_CASE("the same seed makes the same trees on any number of threads, another seed others") {
  const auto objective = GENERATE(TreeObjective::lambdarank, TreeObjective::binary);
  const TreeToy toy(2000), other(100, 5);
  const auto text = [&](index_t threads, index_t seed) {
    auto options = toy_trees(objective);
    options.column_share = 0.5;
    options.leaves = 31;
    options.threads = threads;
    options.seed = seed;
    const TreeData training(TreeToy::columns(), toy.rows(), toy.targets(), options);
    const TreeData validation(training, other.rows(), other.targets(), options);
    return train_booster(training, &validation, options).booster.text();
  };
  const std::string once = text(1, 3);
  CHECK(text(1, 3) == once);
  CHECK(text(2, 3) == once);
  CHECK(text(3, 3) == once);
  CHECK(text(1, 4) != once);
}

TEST_CASE("rows in which nothing can be split are refused") {
  const TreeToy toy(3);
  auto options = toy_trees();
  options.min_rows = 200;
  const TreeData training(TreeToy::columns(), toy.rows(), toy.targets(), options);
  CHECK_THAT(message_of<TreeError>([&] { train_booster(training, nullptr, options); }),
             ContainsSubstring("of 30 rows no two leaves of 200 (min_rows)"));
  const TreeData validation(training, toy.rows(), toy.targets(), options);
  CHECK_THROWS_AS(train_booster(training, &validation, options), TreeError);
}
