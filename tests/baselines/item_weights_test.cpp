// SPDX-License-Identifier: Apache-2.0
#include "seqrec/baselines/item_weights.hpp"

#include <utility>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;

namespace {

using Row = std::vector<std::pair<item_t, float>>;

Row row(const ItemWeights& weights, item_t item) {
  Row entries;
  for (const auto& entry : weights.row(item)) entries.emplace_back(entry.item, entry.weight);
  return entries;
}

double as_it_is(item_t /*item*/, double sum) { return sum; }

}  // namespace

TEST_CASE("rows of weights are sums, by ascending item", "[baselines]") {
  ItemWeights weights(4);
  weights.add(3, 0.5);
  weights.add(1, 2);
  weights.add(3, 0.25);
  weights.end_row(as_it_is);
  weights.end_row(as_it_is);  // an empty row
  weights.add(0, 1);
  weights.add(2, 8);
  weights.end_row([](item_t item, double sum) { return item == 0 ? 0.0 : sum / 4; });  // nothing is left of a zero
  CHECK(row(weights, 0) == Row{{1, 2.0f}, {3, 0.75f}});
  CHECK(row(weights, 1).empty());
  CHECK(row(weights, 2) == Row{{2, 2.0f}});
  CHECK(weights.num_items() == 4);
  CHECK(weights.num_entries() == 3);

  std::vector<double> scores{1, 1, 1, 1};
  weights.add_row(0, 2, scores);
  weights.add_row(2, 0.5, scores);
  CHECK(scores == std::vector<double>{1, 5, 2, 2.5});
}

TEST_CASE("a limit keeps the largest weights, of equal ones the smaller items", "[baselines]") {
  const auto limited = [](index_t limit) {
    ItemWeights weights(6);
    for (const item_t item : {5, 4, 3, 2, 1}) weights.add(item, item == 4 ? 3 : item == 1 ? 1 : 2);
    weights.end_row(as_it_is, limit);
    return row(weights, 0);
  };
  CHECK(limited(1) == Row{{4, 3.0f}});
  CHECK(limited(3) == Row{{2, 2.0f}, {3, 2.0f}, {4, 3.0f}});
  CHECK(limited(4) == Row{{2, 2.0f}, {3, 2.0f}, {4, 3.0f}, {5, 2.0f}});
  CHECK(limited(5).size() == 5);
  CHECK(limited(6).size() == 5);
  CHECK(limited(0).size() == 5);
}
