// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <limits>
#include <span>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/jagged.hpp"
#include "seqrec/core/types.hpp"

namespace seqrec {

/// Where the inverse indices of a batch's S shards are written, one after another.
struct RowIndexPlace {
  std::span<offset_t> order;        ///< (M)
  std::span<item_t> rows;           ///< (M), of which each shard uses as many as it has distinct rows
  std::span<offset_t> row_offsets;  ///< (M+S), likewise
};

/// The inverse of a batch's item list (see RowIndex), for each of its shards, in memory that the caller provides; and
/// for the whole batch, in memory of its own.
///
/// Two stable counting passes: by item over the batch, then by shard. Cost O(entries + table rows); the buffers are
/// kept, so building for a batch that is not larger than an earlier one allocates nothing.
class ShardedRowIndex {
 public:
  /// @param items         (M) table rows, each in 0 .. table_rows-1 (checked where the batch was packed)
  /// @param shard_begins  (S+1) ascending: shard s holds entries shard_begins[s] .. shard_begins[s+1]-1
  /// @param place         for the shards' indices, which end with it
  /// @throws ArgumentError if there are 2^31 entries or more
  /// @throws ShapeError    if the place has not the room
  void build(std::span<const item_t> items, std::span<const offset_t> shard_begins, index_t table_rows,
             const RowIndexPlace& place) {
    check_argument(items.size() <= static_cast<std::size_t>(std::numeric_limits<offset_t>::max()),
                   "entries of a row index", items.size(), "at most 2^31 - 1: use smaller batches");
    const index_t entries = std::ssize(items);
    check_extent("row index", "place for order", std::ssize(place.order), entries);
    check_extent("row index", "place for rows", std::ssize(place.rows), entries);
    check_extent("row index", "place for row offsets", std::ssize(place.row_offsets),
                 entries + std::ssize(shard_begins) - 1);
    place_ = place;
    shard_begins_.assign(shard_begins.begin(), shard_begins.end());
    sort_by_item(items, table_rows);
    number_shards(items.size());
    distribute(items);
  }

  index_t num_shards() const { return std::ssize(shard_begins_) - 1; }

  /// The index of the whole batch. Views are valid until the next `build`.
  RowIndex<HostSpace> whole() const {
    const index_t entries = std::ssize(order_);
    return {{order_.data(), entries}, {rows_.data(), num_rows_}, {row_offsets_.data(), num_rows_ + 1}};
  }

  /// The index of one shard; positions count from the shard's first entry. Views are valid as long as the place is.
  RowIndex<HostSpace> shard(index_t i) const {
    const offset_t begin = shard_begins_.data()[i], end = shard_begins_.data()[i + 1];
    const offset_t rows = shard_num_rows_.data()[i];
    return {{place_.order.data() + begin, end - begin},
            {place_.rows.data() + begin, rows},
            {place_.row_offsets.data() + begin + i, rows + 1}};
  }

 private:
  void sort_by_item(std::span<const item_t> items, index_t table_rows) {
    count_.assign(static_cast<std::size_t>(table_rows) + 1, 0);
    offset_t* count = count_.data();
    for (const item_t item : items) ++count[item + 1];
    rows_.resize(items.size());
    row_offsets_.resize(items.size() + 1);
    num_rows_ = 0;
    for (index_t row = 0; row < table_rows; ++row) {
      if (count[row + 1] != 0) {
        rows_.data()[num_rows_] = static_cast<item_t>(row);
        row_offsets_.data()[num_rows_++] = count[row];
      }
      count[row + 1] += count[row];  // now: where the next row's entries begin
    }
    row_offsets_.data()[num_rows_] = static_cast<offset_t>(items.size());
    order_.resize(items.size());
    for (std::size_t entry = 0; entry < items.size(); ++entry)
      order_.data()[count[items[entry]]++] = static_cast<offset_t>(entry);
  }

  void number_shards(std::size_t entries) {
    shard_of_.resize(entries);
    for (index_t shard = 0; shard < num_shards(); ++shard)
      std::fill(shard_of_.begin() + shard_begins_.data()[shard], shard_of_.begin() + shard_begins_.data()[shard + 1],
                static_cast<offset_t>(shard));
  }

  /// Deals the sorted entries to their shards. Entries of one item come together, ascending, so each shard receives
  /// them in the order it needs.
  void distribute(std::span<const item_t> items) {
    const auto shards = static_cast<std::size_t>(num_shards());
    shard_num_rows_.assign(shards, 0);
    filled_.assign(shards, 0);
    for (const offset_t entry : order_) {
      const offset_t shard = shard_of_.data()[entry], begin = shard_begins_.data()[shard];
      offset_t& filled = filled_.data()[shard];
      offset_t& rows = shard_num_rows_.data()[shard];
      if (rows == 0 || place_.rows.data()[begin + rows - 1] != items.data()[entry]) {
        place_.rows.data()[begin + rows] = items.data()[entry];
        place_.row_offsets.data()[begin + shard + rows++] = filled;
      }
      place_.order.data()[begin + filled++] = entry - begin;
    }
    for (std::size_t shard = 0; shard < shards; ++shard)
      place_.row_offsets[static_cast<std::size_t>(shard_begins_[shard] + shard_num_rows_[shard]) + shard] =
          filled_[shard];
  }

  RowIndexPlace place_;                            ///< of the shards' indices
  std::vector<offset_t> count_;                    ///< (V+1)
  std::vector<offset_t> order_, row_offsets_;      ///< of the whole batch
  std::vector<item_t> rows_;                       ///< (R used of M)
  index_t num_rows_ = 0;                           ///< R
  std::vector<offset_t> shard_begins_{0};          ///< (S+1)
  std::vector<offset_t> shard_of_;                 ///< (M)
  std::vector<offset_t> shard_num_rows_, filled_;  ///< (S)
};

}  // namespace seqrec
