// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/alias_table.hpp"

#include <cstddef>
#include <limits>
#include <numeric>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;

namespace {

/// The probability of each item, from all that `draw` can do: a column, then its item or the alias.
std::vector<double> frequencies(const AliasTable& table, std::size_t items, int draws) {
  std::vector<double> counts(items, 0);
  RandomStream random(3, Purpose::negatives, 0);
  for (int i = 0; i < draws; ++i) counts.at(static_cast<std::size_t>(table.draw(random))) += 1;
  return counts;
}

}  // namespace

TEST_CASE("items are drawn in proportion to their weights, those of weight 0 never") {
  const std::vector<double> weights = {1, 0, 7, 2, 0, 0.5, 30, 9.5};
  const AliasTable table(weights);
  const auto probabilities = table.probabilities();
  REQUIRE(probabilities.size() == weights.size());
  for (std::size_t i = 0; i < weights.size(); ++i) CHECK(probabilities[i] == weights[i] / 50);
  const int draws = 200'000;
  const std::vector<double> counts = frequencies(table, weights.size(), draws);
  double chi_square = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double expected = probabilities[i] * draws;
    if (expected == 0)
      CHECK(counts[i] == 0);
    else
      chi_square += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  CHECK(chi_square < 20.52);  // 5 degrees of freedom: exceeded once in a thousand seeds
}

TEST_CASE("one item, equal items and very unequal ones") {
  CHECK(frequencies(AliasTable(std::vector<double>{4}), 1, 10)[0] == 10);
  const std::vector<double> equal = frequencies(AliasTable(std::vector<double>(10, 0.1)), 10, 100'000);
  for (const double count : equal) CHECK(count == Approx(10'000).margin(400));
  std::vector<double> steep(1000);
  for (std::size_t i = 0; i < steep.size(); ++i) steep[i] = i % 3 == 0 ? 0 : 1 / static_cast<double>(i * i);
  const AliasTable table(steep);
  CHECK(std::accumulate(table.probabilities().begin(), table.probabilities().end(), 0.0) == Approx(1));
  const std::vector<double> counts = frequencies(table, steep.size(), 100'000);
  CHECK(counts[1] == Approx(table.probabilities()[1] * 100'000).epsilon(0.02));
  for (std::size_t i = 0; i < steep.size(); i += 3) REQUIRE(counts[i] == 0);
}

TEST_CASE("weights that are no weights are refused") {
  for (const std::vector<double>& weights : {std::vector<double>{},
                                             {0, 0},
                                             {1, -1},
                                             {1, std::numeric_limits<double>::infinity()},
                                             {std::numeric_limits<double>::quiet_NaN()},
                                             {1e308, 1e308}})
    CHECK_THROWS_AS(AliasTable(weights), ArgumentError);
}
