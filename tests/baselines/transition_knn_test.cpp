// SPDX-License-Identifier: Apache-2.0
#include "seqrec/baselines/transition_knn.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "data/small_datasets.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::message_of;

namespace {

std::vector<double> scores_of(const TransitionKnn& scorer, const std::vector<item_t>& history) {
  std::vector<double> scores(static_cast<std::size_t>(scorer.num_items()), -1.0);
  scorer.score(history, scores);
  return scores;
}

/// The definition, pair by pair.
std::vector<std::vector<double>> transitions_by_pairs(const Split& split, const TransitionKnnOptions& options) {
  const auto items = static_cast<std::size_t>(split.data->num_items());
  std::vector<std::vector<double>> weights(items, std::vector<double>(items, 0.0));
  std::vector<double> counts(items, 0.0);
  for (index_t user = 0; user < split.data->num_users(); ++user) {
    const auto history = split.train_history(user);
    for (std::size_t q = 0; q < history.size(); ++q) {
      counts[static_cast<std::size_t>(history[q])] += 1;
      for (std::size_t p = 0; p < q; ++p)
        if (static_cast<index_t>(q - p) <= options.max_gap)
          weights[static_cast<std::size_t>(history[p])][static_cast<std::size_t>(history[q])] +=
              1 / static_cast<double>(q - p);
    }
  }
  for (std::size_t i = 0; i < items; ++i)
    for (std::size_t j = 0; j < items; ++j)
      weights[i][j] /= std::pow(counts[i] + options.shrinkage, options.from_exponent) *
                       std::pow(counts[j] + options.shrinkage, options.to_exponent);
  return weights;
}

}  // namespace

TEST_CASE("transition-kNN, by hand", "[baselines]") {
  // Training events: 0 1 2 and 1 2. Items 3 and 4 are held out only.
  const Dataset data = seqrec_test::dataset_of({{0, 1, 2, 3, 4}, {1, 2, 4, 3}});
  const Split split = leave_one_out(data);
  const TransitionKnn scorer(split);
  const auto divisor = [](double from, double to) { return std::sqrt(from + 3) * std::pow(to + 3, 0.3); };
  const double from_0_to_1 = 1 / divisor(1, 2), from_0_to_2 = 0.5 / divisor(1, 2), from_1_to_2 = 2 / divisor(2, 2);
  const auto near = [](const std::vector<double>& actual, const std::vector<double>& expected) {
    REQUIRE(actual.size() == expected.size());
    for (std::size_t i = 0; i < actual.size(); ++i) CHECK(actual[i] == Approx(expected[i]).epsilon(1e-6).margin(0));
  };
  near(scores_of(scorer, {}), {0, 0, 0, 0, 0});
  near(scores_of(scorer, {0}), {0, from_0_to_1, from_0_to_2, 0, 0});
  near(scores_of(scorer, {1}), {0, 0, from_1_to_2, 0, 0});  // it has a direction
  near(scores_of(scorer, {2, 3}), {0, 0, 0, 0, 0});
  // The last event has age 0, so the first one counts 0.8 x 0.8.
  near(scores_of(scorer, {0, 3, 1}), {0, 0.64 * from_0_to_1, 0.64 * from_0_to_2 + from_1_to_2, 0, 0});
}

TEST_CASE("transition-kNN is its definition, pair by pair", "[baselines]") {
  const Dataset data = seqrec_test::random_dataset(50, 25, 45, 3);
  const Split split = leave_one_out(data);
  const TransitionKnnOptions options = GENERATE(
      TransitionKnnOptions{}, TransitionKnnOptions{.max_gap = 1, .max_history = 1},
      TransitionKnnOptions{.max_gap = 3, .max_history = 5, .decay = 0.6, .shrinkage = 1},
      TransitionKnnOptions{.max_gap = 100, .max_history = 100, .decay = 1, .from_exponent = 0, .to_exponent = 0.5});
  const auto weights = transitions_by_pairs(split, options);
  const TransitionKnn scorer(split, options);
  CHECK(scorer.options().max_gap == options.max_gap);
  for (index_t i = 0; i < split.test.size(); i += 5) {
    const auto history = split.test.history(i);
    const auto scores = scores_of(scorer, {history.begin(), history.end()});
    for (std::size_t item = 0; item < 25; ++item) {
      double expected = 0;
      for (index_t age = 0; age < std::min(options.max_history, std::ssize(history)); ++age)
        expected +=
            std::pow(options.decay, static_cast<double>(age)) *
            weights[static_cast<std::size_t>(history[history.size() - 1 - static_cast<std::size_t>(age)])][item];
      CHECK(scores[item] == Approx(expected).epsilon(1e-6).margin(1e-12));
    }
  }
}

TEST_CASE("transition-kNN does not see what is held out", "[baselines]") {
  const Dataset one = seqrec_test::dataset_of({{0, 1, 2, 3, 4}, {4, 3, 2, 1, 0}}),
                other = seqrec_test::dataset_of({{0, 1, 2, 4, 3}, {4, 3, 2, 0, 1}});
  const Split one_split = leave_one_out(one), other_split = leave_one_out(other);
  CHECK(scores_of(TransitionKnn(one_split), {0, 1, 2}) == scores_of(TransitionKnn(other_split), {0, 1, 2}));
}

TEST_CASE("transition-kNN refuses options out of range and scores of another size", "[baselines][errors]") {
  const Dataset data = seqrec_test::dataset_of({{0, 1, 2}});
  const Split split = leave_one_out(data);
  const auto refused = [&](const TransitionKnnOptions& options) {
    return message_of<ArgumentError>([&] { TransitionKnn(split, options); });
  };
  CHECK(refused({.max_gap = 0}) == "TransitionKnn max_gap is 0, expected at least 1");
  CHECK(refused({.max_history = 0}) == "TransitionKnn max_history is 0, expected at least 1");
  CHECK(refused({.decay = 0}) == "TransitionKnn decay is 0, expected a number in (0, 1]");
  CHECK(refused({.decay = 1.5}) == "TransitionKnn decay is 1.5, expected a number in (0, 1]");
  CHECK(refused({.shrinkage = -1}) == "TransitionKnn shrinkage is -1, expected a number of at least 0");
  CHECK_THAT(refused({.from_exponent = std::nan("")}), ContainsSubstring("from_exponent is nan"));
  CHECK_THAT(refused({.to_exponent = std::numeric_limits<double>::infinity()}),
             ContainsSubstring("to_exponent is inf"));
  std::vector<double> scores(2);
  CHECK_THROWS_AS(TransitionKnn(split).score({}, scores), ShapeError);
}
