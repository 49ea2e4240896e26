// SPDX-License-Identifier: Apache-2.0
// Histories of items for tests of jagged ops, on the host and in the memory of a context.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

#include "seqrec/core/batch.hpp"
#include "seqrec/core/random.hpp"
#include "support/tensors.hpp"

namespace seqrec_test {

using seqrec::item_t;
using seqrec::offset_t;

/// Where segments of these lengths start.
inline std::vector<offset_t> offsets_of(const std::vector<index_t>& lengths) {
  std::vector<offset_t> offsets = {0};
  for (const index_t length : lengths) offsets.push_back(offsets.back() + static_cast<offset_t>(length));
  return offsets;
}

/// `count` items of a table of `items`.
inline std::vector<item_t> random_items(index_t count, index_t items, std::uint64_t seed) {
  seqrec::RandomStream random(seed, seqrec::Purpose::negatives, 1);
  std::vector<item_t> drawn(static_cast<std::size_t>(count));
  for (item_t& item : drawn) item = static_cast<item_t>(random.below(static_cast<std::uint32_t>(items)));
  return drawn;
}

/// A batch, or a shard of one, on the host.
struct Histories {
  std::vector<index_t> lengths;
  std::vector<item_t> items;
  index_t first_row = 0;
  index_t first_user = 0;

  index_t rows() const { return static_cast<index_t>(items.size()); }
  index_t users() const { return static_cast<index_t>(lengths.size()); }

  /// Users first .. first+count-1 as a shard.
  Histories shard(index_t first, index_t count) const {
    const std::vector<offset_t> offsets = offsets_of(lengths);
    const index_t begin = offsets[static_cast<std::size_t>(first)];
    const index_t end = offsets[static_cast<std::size_t>(first + count)];
    return {{lengths.begin() + first, lengths.begin() + first + count},
            {items.begin() + begin, items.begin() + end},
            begin,
            first};
  }
};

inline Histories random_histories(const std::vector<index_t>& lengths, index_t items, std::uint64_t seed) {
  return {lengths, random_items(offsets_of(lengths).back(), items, seed)};
}

/// Batches that every jagged op must get right: one user, an empty history, a single item, rows that are no multiple
/// of 32, and a history longer than any block of rows that a kernel takes at a time.
inline const std::vector<std::vector<index_t>>& batches_of_lengths() {
  static const std::vector<std::vector<index_t>> batches = {{1}, {0}, {5}, {4, 0, 1, 7}, {0, 33, 2, 70, 1, 0}};
  return batches;
}

/// The inverse index of a list of rows, in a memory space: which entries name each distinct row.
template <class Space>
class PlacedRowIndex {
 public:
  explicit PlacedRowIndex(const std::vector<item_t>& entries) {
    std::map<item_t, std::vector<offset_t>> entries_of;
    for (std::size_t e = 0; e < entries.size(); ++e) entries_of[entries[e]].push_back(static_cast<offset_t>(e));
    std::vector<offset_t> order, row_offsets = {0};
    std::vector<item_t> rows;
    for (const auto& [row, group] : entries_of) {
      rows.push_back(row);
      order.insert(order.end(), group.begin(), group.end());
      row_offsets.push_back(static_cast<offset_t>(order.size()));
    }
    order_ = placed<Space>(order);
    rows_ = placed<Space>(rows);
    row_offsets_ = placed<Space>(row_offsets);
  }

  seqrec::RowIndex<Space> view() const { return {order_.view(), rows_.view(), row_offsets_.view()}; }

 private:
  seqrec::Tensor<offset_t, 1, Space> order_, row_offsets_;
  seqrec::Tensor<item_t, 1, Space> rows_;
};

/// Lists of items, one after another, in a memory space.
template <class Space>
class PlacedJagged {
 public:
  explicit PlacedJagged(const std::vector<std::vector<item_t>>& lists) {
    std::vector<item_t> values;
    std::vector<offset_t> offsets = {0};
    for (const auto& list : lists) {
      values.insert(values.end(), list.begin(), list.end());
      offsets.push_back(static_cast<offset_t>(values.size()));
    }
    values_ = placed<Space>(values);
    offsets_ = placed<Space>(offsets);
  }

  seqrec::Jagged<const item_t, Space> view() const { return {values_.view(), offsets_.view()}; }

 private:
  seqrec::Tensor<item_t, 1, Space> values_;
  seqrec::Tensor<offset_t, 1, Space> offsets_;
};

/// Histories in a memory space.
template <class Space>
class HistoryBatch {
 public:
  explicit HistoryBatch(const Histories& histories)
      : items_(placed<Space>(histories.items)),
        offsets_(placed<Space>(offsets_of(histories.lengths))),
        index_(histories.items),
        first_row_(histories.first_row),
        first_user_(histories.first_user) {
    const std::vector<offset_t> offsets = offsets_of(histories.lengths);
    longest_ =
        seqrec::make_batch({histories.items.data(), histories.rows()}, {offsets.data(), std::ssize(offsets)}).longest;
  }

  seqrec::VectorView<const offset_t, Space> offsets() const { return offsets_.view(); }
  index_t longest() const { return longest_; }
  seqrec::Batch<Space> view() const {
    seqrec::Batch<Space> batch;
    batch.items = {items_.view(), offsets_.view()};
    batch.item_index = index_.view();
    batch.first_row = first_row_;
    batch.first_user = first_user_;
    batch.longest = longest_;
    return batch;
  }

 private:
  seqrec::Tensor<item_t, 1, Space> items_;
  seqrec::Tensor<offset_t, 1, Space> offsets_;
  PlacedRowIndex<Space> index_;
  index_t first_row_, first_user_, longest_ = 0;
};

}  // namespace seqrec_test
