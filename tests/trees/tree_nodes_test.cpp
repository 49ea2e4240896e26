// SPDX-License-Identifier: Apache-2.0
#include "seqrec/trees/tree_nodes.hpp"

#include <limits>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;

namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

/// A node of one column with LightGBM's bits: 1 categorical, 2 missing goes left, 4 zero is missing, 8 NaN is missing.
bool left(int decision, double threshold, double value) {
  TreeNodes nodes;
  nodes.decision = {decision};
  nodes.threshold = {threshold};
  nodes.set_begin = {0, 1, 3};
  nodes.sets = {0b101, 0, 1u << 3};  // {0, 2} and {35}
  return nodes.goes_left(0, value);
}

}  // namespace

TEST_CASE("a node decides as LightGBM does") {
  CHECK(left(0, 1.5, 1.5));
  CHECK_FALSE(left(0, 1.5, 1.6));
  CHECK(left(0, 1.5, missing));  // nothing was missing in training: a missing value counts as 0
  CHECK_FALSE(left(0, -1, missing));
  CHECK(left(2 + 8, -1, missing));
  CHECK_FALSE(left(8, 1, missing));
  CHECK(left(8, 1, 0));
  CHECK(left(2 + 4, -1, 0));
  CHECK(left(2 + 4, -1, missing));
  CHECK_FALSE(left(4, 1, 1e-40));
  CHECK(left(4, 1, 1e-30));
}

TEST_CASE("a set of categories goes left, everything else right") {
  for (const double value : {0.0, 2.0, 2.9}) CHECK(left(1, 0, value));
  for (const double value : {1.0, 3.0, 35.0, 64.0, 1e300, -1.0, missing}) CHECK_FALSE(left(1, 0, value));
  CHECK(left(1, 1, 35));
  for (const double value : {0.0, 2.0, 34.0, 36.0, 67.0}) CHECK_FALSE(left(1, 1, value));
}

TEST_CASE("what a tree says on average follows the training rows") {
  // The root has 6 rows: leaf 0 has 4, the other node leaf 1 with 1 and leaf 2 with 1.
  TreeNodes nodes;
  nodes.column = {0, 1};
  nodes.left = {~0, ~1};
  nodes.right = {1, ~2};
  nodes.leaf_value = {3, 5, -7};
  nodes.leaf_count = {4, 1, 1};
  nodes.node_count = {6, 2};
  const std::vector<double> expected = nodes.expected_values();
  CHECK(expected == std::vector<double>{(4 * 3.0 + 5 - 7) / 6, -1});
  CHECK(nodes.value_of(1, expected) == -1);
  CHECK(nodes.value_of(~2, expected) == -7);
  CHECK(nodes.leaves() == 3);
}
