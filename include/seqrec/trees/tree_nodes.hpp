// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "seqrec/core/types.hpp"

namespace seqrec {

/// One tree as LightGBM writes it, with n leaves. Its n - 1 nodes have the numbers 0 .. n - 2, from the root on; a
/// child is a node, always with a higher number, or leaf l as ~l.
struct TreeNodes {
  std::vector<index_t> column;     ///< (n - 1) that a node asks about
  std::vector<double> threshold;   ///< (n - 1) up to it a value goes left; of a categorical node, its set
  std::vector<int> decision;       ///< (n - 1) LightGBM's bits: categorical, missing goes left, what is missing
  std::vector<int> left, right;    ///< (n - 1)
  std::vector<double> leaf_value;  ///< (n) what a leaf adds to the raw score
  std::vector<index_t> leaf_count, node_count;  ///< (n), (n - 1) training rows that came by
  std::vector<index_t> set_begin;               ///< (sets + 1) words of each set of categories that goes left
  std::vector<std::uint32_t> sets;              ///< 32 categories a word

  index_t leaves() const { return std::ssize(leaf_value); }
  bool is_categorical(std::size_t node) const { return (decision[node] & 1) != 0; }

  /// Whether a value goes left at a node, exactly as LightGBM decides.
  bool goes_left(std::size_t node, double value) const {
    if (is_categorical(node)) return std::isfinite(value) && value >= 0 && holds(threshold[node], value);
    // LightGBM remembers what was missing in training: nothing, values next to zero, or NaN.
    const int missing = decision[node] >> 2 & 3;
    if (std::isnan(value) && missing != 2) value = 0;
    const bool is_missing =
        missing == 2 ? std::isnan(value) : missing == 1 && std::abs(value) <= static_cast<double>(1e-35f);
    return is_missing ? (decision[node] & 2) != 0 : value <= threshold[node];
  }

  /// Training rows that came by a child.
  index_t count_of(int child) const {
    return child < 0 ? leaf_count[static_cast<std::size_t>(~child)] : node_count[static_cast<std::size_t>(child)];
  }

  /// What the tree adds on average to the rows that come by a node, by their counts in training: (n - 1).
  std::vector<double> expected_values() const {
    std::vector<double> expected(column.size());
    for (std::size_t node = column.size(); node-- > 0;) {
      double sum = 0, rows = 0;
      for (const int child : {left[node], right[node]}) {
        const auto count = static_cast<double>(count_of(child));
        sum += count * value_of(child, expected);
        rows += count;
      }
      expected[node] = sum / rows;
    }
    return expected;
  }

  /// @param expected  as expected_values
  double value_of(int child, const std::vector<double>& expected) const {
    return child < 0 ? leaf_value[static_cast<std::size_t>(~child)] : expected[static_cast<std::size_t>(child)];
  }

 private:
  bool holds(double set, double value) const {
    const auto number = static_cast<std::size_t>(set);
    const double words = static_cast<double>(set_begin[number + 1] - set_begin[number]);
    if (value >= 32 * words) return false;
    const auto category = static_cast<std::size_t>(value);
    return (sets[static_cast<std::size_t>(set_begin[number]) + category / 32] >> category % 32 & 1) != 0;
  }
};

}  // namespace seqrec
