// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/jagged.hpp"
#include "seqrec/core/types.hpp"

namespace seqrec {

/// Where the inverse indices of a batch are written: those of its S shards one after another, and that of the whole.
struct RowIndexPlace {
  std::span<offset_t> order;              ///< (M)
  std::span<item_t> rows;                 ///< (M), of which each shard uses as many as it has distinct rows
  std::span<offset_t> row_offsets;        ///< (M+S), likewise
  std::span<offset_t> whole_order;        ///< (M)
  std::span<item_t> whole_rows;           ///< (M), of which as many are used as the batch has distinct rows
  std::span<offset_t> whole_row_offsets;  ///< (M+1), likewise
};

/// The inverse of a batch's item list (see RowIndex), for the whole batch and for each of its shards, in memory that
/// the caller provides.
///
/// A stable counting sort by item over the batch, digit by digit, then another by shard: the cost follows the entries,
/// whatever the table. The buffers are kept, so building for a batch that is not larger than an earlier one allocates
/// nothing.
class ShardedRowIndex {
 public:
  /// @param items         (M) table rows, each in 0 .. table_rows-1 (checked where the batch was packed)
  /// @param shard_begins  (S+1) ascending: shard s holds entries shard_begins[s] .. shard_begins[s+1]-1
  /// @param place         for the indices, which end with it
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
    check_extent("row index", "place for the whole order", std::ssize(place.whole_order), entries);
    check_extent("row index", "place for the whole rows", std::ssize(place.whole_rows), entries);
    check_extent("row index", "place for the whole row offsets", std::ssize(place.whole_row_offsets), entries + 1);
    place_ = place;
    shard_begins_.assign(shard_begins.begin(), shard_begins.end());
    sort_by_item(items, table_rows);
    number_shards(items.size());
    distribute(items);
  }

  index_t num_shards() const { return std::ssize(shard_begins_) - 1; }

  /// The index of the whole batch. Views are valid as long as the place is.
  RowIndex<HostSpace> whole() const {
    return {{place_.whole_order.data(), std::ssize(place_.whole_order)},
            {place_.whole_rows.data(), num_rows_},
            {place_.whole_row_offsets.data(), num_rows_ + 1}};
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
    constexpr int most_bits = 12;  // 4096 counters: they stay in the first cache, and most catalogues take one pass
    const int bits = std::max(1, static_cast<int>(std::bit_width(static_cast<std::uint64_t>(table_rows - 1))));
    const int passes = (bits + most_bits - 1) / most_bits, digit_bits = (bits + passes - 1) / passes;
    const auto entries = static_cast<offset_t>(items.size());
    scratch_.resize(items.size());
    const offset_t* from = nullptr;  // in the order given
    for (int pass = 0; pass < passes; ++pass) {
      offset_t* const to = (passes - pass) % 2 == 1 ? place_.whole_order.data() : scratch_.data();
      const auto digit = [&](item_t item) {
        return (static_cast<std::uint32_t>(item) >> (pass * digit_bits)) & ((1U << digit_bits) - 1);
      };
      count_.assign(std::size_t{1} << digit_bits, 0);
      for (const item_t item : items) ++count_.data()[digit(item)];
      offset_t begin = 0;
      for (offset_t& count : count_) begin += std::exchange(count, begin);
      for (offset_t i = 0; i < entries; ++i) {
        const offset_t entry = from != nullptr ? from[i] : i;
        to[count_.data()[digit(items.data()[entry])]++] = entry;
      }
      from = to;
    }
    num_rows_ = 0;
    for (offset_t i = 0; i < entries; ++i) {
      const item_t item = items.data()[from[i]];
      if (num_rows_ != 0 && place_.whole_rows.data()[num_rows_ - 1] == item) continue;
      place_.whole_rows.data()[num_rows_] = item;
      place_.whole_row_offsets.data()[num_rows_++] = i;
    }
    place_.whole_row_offsets.data()[num_rows_] = entries;
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
    for (const offset_t entry : place_.whole_order) {
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

  RowIndexPlace place_;
  std::vector<offset_t> count_, scratch_;          ///< of the sort: (values of a digit), (M)
  index_t num_rows_ = 0;                           ///< R
  std::vector<offset_t> shard_begins_{0};          ///< (S+1)
  std::vector<offset_t> shard_of_;                 ///< (M)
  std::vector<offset_t> shard_num_rows_, filled_;  ///< (S)
};

}  // namespace seqrec
