// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "seqrec/core/types.hpp"

namespace seqrec {

/// A sparse matrix from items to items, built row by row: what each item says for others. In compressed rows (CSR),
/// eight bytes an entry.
class ItemWeights {
 public:
  /// An item with its weight.
  struct Entry {
    item_t item;
    float weight;
  };

  explicit ItemWeights(index_t num_items) : sums_(static_cast<std::size_t>(num_items), 0.0) {}

  /// A whole one, as rows have it.
  /// @param offsets  (V+1) where each row starts among the entries
  ItemWeights(std::vector<std::size_t> offsets, std::vector<Entry> entries)
      : offsets_(std::move(offsets)), entries_(std::move(entries)), sums_(offsets_.size() - 1, 0.0) {}

  index_t num_items() const { return std::ssize(sums_); }
  index_t num_entries() const { return std::ssize(entries_); }

  /// Adds to an entry of the row that is being built. Weights must be positive.
  void add(item_t item, double weight) {
    double& sum = sums_.data()[item];
    if (sum == 0) touched_.push_back(item);
    sum += weight;
  }

  /// Ends the row that is being built, the next one in order of items.
  /// @param rescale (item, sum) -> weight; 0 leaves the entry out
  /// @param limit   keeps so many of the largest weights, of equal ones those of the smaller items; 0 keeps all
  template <class Rescale>
  void end_row(Rescale&& rescale, index_t limit = 0) {
    row_.clear();
    for (const item_t item : touched_) {
      const auto weight = static_cast<float>(rescale(item, sums_.data()[item]));
      if (weight != 0) row_.push_back({item, weight});
      sums_.data()[item] = 0;
    }
    touched_.clear();
    if (limit > 0 && limit < std::ssize(row_)) {
      std::nth_element(row_.begin(), row_.begin() + limit, row_.end(), [](const Entry& a, const Entry& b) {
        return a.weight != b.weight ? a.weight > b.weight : a.item < b.item;
      });
      row_.resize(static_cast<std::size_t>(limit));
    }
    std::sort(row_.begin(), row_.end(), [](const Entry& a, const Entry& b) { return a.item < b.item; });
    entries_.insert(entries_.end(), row_.begin(), row_.end());
    offsets_.push_back(entries_.size());
  }

  /// What an item says for others, by ascending item.
  std::span<const Entry> row(item_t item) const {
    const std::size_t* begin = offsets_.data() + item;
    return {entries_.data() + begin[0], begin[1] - begin[0]};
  }

  /// What an item says for another; 0 where it says nothing.
  float weight(item_t item, item_t other) const {
    const std::span<const Entry> entries = row(item);
    const auto place = std::lower_bound(entries.begin(), entries.end(), other,
                                        [](const Entry& entry, item_t wanted) { return entry.item < wanted; });
    return place == entries.end() || place->item != other ? 0.0F : place->weight;
  }

  /// Adds factor times an item's row to scores (V).
  void add_row(item_t item, double factor, std::span<double> scores) const {
    for (const Entry& entry : row(item)) scores.data()[entry.item] += factor * static_cast<double>(entry.weight);
  }

 private:
  std::vector<std::size_t> offsets_{0};  // where each row starts
  std::vector<Entry> entries_;
  std::vector<double> sums_;     // (V) of the row that is being built
  std::vector<item_t> touched_;  // its items
  std::vector<Entry> row_;
};

}  // namespace seqrec
