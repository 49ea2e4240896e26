// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/random.hpp"
#include "seqrec/core/types.hpp"

namespace seqrec {

/// Draws items with given probabilities, each draw in constant time (Walker 1977; built as by Vose 1991): a column per
/// item, filled to the mean with its own probability and topped up by one other item, its alias.
class AliasTable {
 public:
  /// @param weights  (V) in any unit, finite, none negative, not all 0; an item of weight 0 is never drawn
  /// @throws ArgumentError for other weights
  explicit AliasTable(std::span<const double> weights) : probability_(weights.begin(), weights.end()) {
    double total = 0;
    for (const double weight : weights) {
      check_argument(weight >= 0 && std::isfinite(weight), "weight", weight, "a finite number of at least 0");
      total += weight;
    }
    check_argument(total > 0 && std::isfinite(total), "sum of weights", total, "a finite number above 0");
    const auto items = static_cast<double>(weights.size());
    columns_.resize(weights.size());
    std::vector<double> level(weights.size());
    std::vector<std::size_t> low, high;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      probability_[i] /= total;
      level[i] = probability_[i] * items;
      (level[i] < 1 ? low : high).push_back(i);
    }
    while (!low.empty() && !high.empty()) {
      const std::size_t poor = low.back(), rich = high.back();
      low.pop_back();
      columns_[poor] = {level[poor], static_cast<item_t>(rich)};
      level[rich] -= 1 - level[poor];
      if (level[rich] >= 1) continue;
      high.pop_back();
      low.push_back(rich);
    }
    // What is left over is full to within rounding. Should rounding ever leave a weight of 0, it stays undrawn.
    const auto heaviest = std::max_element(weights.begin(), weights.end()) - weights.begin();
    for (const std::size_t i : high) columns_[i] = {1, static_cast<item_t>(i)};
    for (const std::size_t i : low) columns_[i] = {level[i] > 0 ? 1.0 : 0.0, static_cast<item_t>(heaviest)};
  }

  item_t draw(RandomStream& random) const {
    const auto item = static_cast<item_t>(random.below(static_cast<std::uint32_t>(columns_.size())));
    const Column& column = columns_.data()[item];
    return random.uniform() < column.level ? item : column.alias;
  }

  /// (V) They add up to 1.
  std::span<const double> probabilities() const { return probability_; }

 private:
  struct Column {
    double level = 0;  ///< share of the column that is its own item's
    item_t alias = 0;  ///< whose the rest is
  };

  std::vector<double> probability_;
  std::vector<Column> columns_;
};

}  // namespace seqrec
