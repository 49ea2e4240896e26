// SPDX-License-Identifier: Apache-2.0
#include "seqrec/trees/decision_path.hpp"

#include <cmath>
#include <vector>

#include "support/catch.hpp"
#include "support/trees.hpp"

using namespace seqrec;
using namespace seqrec_test;

TEST_CASE("a row's path ends in the leaf that LightGBM says, and its outputs are the score") {
  const Booster booster = toy_booster();
  const TreeToy toy(20, 6);
  const std::vector<index_t> leaves = booster.leaves(toy.rows());
  const std::vector<double> scores = booster.scores(toy.rows()), contributions = booster.contributions(toy.rows());
  const index_t trees = std::ssize(booster.trees());
  bool missing = false, categorical = false;
  for (index_t r = 0; r < 200; ++r) {
    double score = 0, expected = 0;
    for (index_t t = 0; t < trees; ++t) {
      const DecisionPath path = decision_path(booster, t, toy.row(r));
      CHECK(path.tree == t);
      CHECK(path.leaf == leaves[static_cast<std::size_t>(r * trees + t)]);
      score += path.output;
      expected += path.expected;
      REQUIRE(!path.steps.empty());
      CHECK(path.steps.front().before == path.expected);
      CHECK(path.steps.back().after == path.output);
      for (std::size_t s = 0; s < path.steps.size(); ++s) {
        const TreeStep& step = path.steps[s];
        if (s > 0) CHECK(step.before == path.steps[s - 1].after);
        const double value = toy.row(r)[static_cast<std::size_t>(step.column)];
        CHECK((step.value == value || (std::isnan(step.value) && std::isnan(value))));
        if (!step.is_categorical && !std::isnan(value)) CHECK(step.went_left == (value <= step.threshold));
        missing = missing || std::isnan(value);
        categorical = categorical || step.is_categorical;
      }
    }
    CHECK(score == Approx(scores[static_cast<std::size_t>(r)]).margin(1e-12));
    CHECK(expected == Approx(contributions[static_cast<std::size_t>(r * 5 + 4)]).margin(1e-12));
  }
  CHECK(missing);
  CHECK(categorical);
}

TEST_CASE("the strongest paths come first") {
  const Booster booster = toy_booster();
  const TreeToy toy(1, 6);
  const auto all = strongest_paths(booster, toy.row(0), 100);
  REQUIRE(all.size() == booster.trees().size());
  const auto strength = [](const DecisionPath& path) { return std::abs(path.output - path.expected); };
  for (std::size_t i = 1; i < all.size(); ++i) CHECK(strength(all[i - 1]) >= strength(all[i]));
  CHECK(strength(all.front()) > strength(all.back()));
  const auto three = strongest_paths(booster, toy.row(0), 3);
  REQUIRE(three.size() == 3);
  CHECK(three[2].tree == all[2].tree);
  CHECK(strongest_paths(booster, toy.row(0), 0).empty());
}

TEST_CASE("paths of other rows and trees are refused") {
  const Booster booster = toy_booster();
  const std::vector<double> three(3);
  CHECK_THROWS_AS(decision_path(booster, 0, std::span<const double>(three)), TreeError);
  const TreeToy toy(1);
  CHECK_THROWS_AS(decision_path(booster, 12, toy.row(0)), ArgumentError);
  CHECK_THROWS_AS(decision_path(booster, -1, toy.row(0)), ArgumentError);
}
