// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <span>
#include <tuple>
#include <vector>

#include "seqrec/core/arena.hpp"
#include "seqrec/core/gradient_blocks.hpp"
#include "seqrec/core/jagged.hpp"
#include "seqrec/core/tensor.hpp"

namespace seqrec {

/// What a shard has for a table's gradient: row e of the table gets c_e source[e / entries_per_row], for each entry e
/// of a list of its rows (see AddRows).
template <class Space>
struct RowsToLeave {
  ElementRange table;     ///< where it lies among the model's elements
  index_t columns = 0;    ///< D
  index_t rows = 0;       ///< N, of the source
  ListIndex<Space> list;  ///< of N entries_per_row entries in the shard
  index_t entries_per_row = 1;
  bool weighted = false;  ///< whether there are coefficients; not where the list is shared
};

/// Where a shard leaves it. Whoever asked fills it.
template <class Scalar, class Space>
struct PlacedRows {
  MatrixView<Scalar, Space> source;        ///< (N, D); null where rows cannot be left
  VectorView<Scalar, Space> coefficients;  ///< (N entries_per_row), or null
  bool adds = false;                       ///< to what an earlier shard left there

  explicit operator bool() const { return static_cast<bool>(source); }
};

/// What the shards of a batch have left for the gradients of tables, whole lists put together again: a table's gradient
/// is then summed once, along the batch's index, and costs what its rows cost, whatever the table. Memory is kept, and
/// lasts until the next batch.
///
/// Shards of one list fill different rows of the same memory. Of a list that all shards have whole, each slot sums its
/// own shards.
template <class Scalar, class Space>
class LeftRows {
 public:
  using Stream = typename Memory<Space>::Stream;

  /// All that was left for a table along one list.
  struct Part {
    ElementRange table;
    RowIndex<Space> index;
    int slot;        ///< whose sums these are; -1 for all shards'
    int occurrence;  ///< of table and list in a shard
    index_t entries_per_row;
    MatrixView<Scalar, Space> source;
    VectorView<Scalar, Space> coefficients;
    index_t filled = 0;  ///< rows
  };

  /// The order of work that leaves rows, before any are left.
  void use_stream(Stream stream) { arena_.use_stream(stream); }

  /// Forgets what was left before.
  void begin_batch() {
    parts_.clear();
    filled_.clear();
    arena_.reset();
  }

  /// @param slot        of the shard   @param occurrence  how often the shard has asked for this table and list before
  PlacedRows<Scalar, Space> place(const RowsToLeave<Space>& rows, int slot, int occurrence) {
    const std::lock_guard lock(mutex_);
    Part& part = part_of(rows, rows.list.shared ? slot : -1, occurrence);
    const index_t first = rows.list.first / rows.entries_per_row;
    const bool adds = rows.list.shared && part.filled != 0;
    if (!adds) {
      part.filled += rows.rows;
      filled_.push_back({&part - parts_.data(), first, rows.rows});
    }
    PlacedRows<Scalar, Space> placed{part.source.row_range(first, rows.rows), {}, adds};
    if (part.coefficients) placed.coefficients = part.coefficients.row_range(rows.list.first, entries(rows));
    return placed;
  }

  /// Ends a batch.   @return the parts, table by table, in an order that depends on no thread
  std::span<const Part> finish(Stream stream) {
    for (std::size_t i = 0; i < parts_.size(); ++i)
      if (parts_[i].filled != parts_[i].source.rows()) clear_gaps(static_cast<index_t>(i), stream);
    std::sort(parts_.begin(), parts_.end(), [](const Part& a, const Part& b) { return key(a) < key(b); });
    return parts_;
  }

  /// Bytes held.
  std::size_t memory_held() const { return arena_.capacity(); }

 private:
  struct Filled {
    index_t part, first, rows;
  };

  /// A batch's lists lie in one block, so that their addresses have the same order in every run.
  static auto key(const Part& part) {
    return std::tuple(part.table.offset, reinterpret_cast<std::uintptr_t>(part.index.order.data), part.slot,
                      part.occurrence);
  }
  static index_t entries(const RowsToLeave<Space>& rows) { return rows.rows * rows.entries_per_row; }

  Part& part_of(const RowsToLeave<Space>& rows, int slot, int occurrence) {
    for (Part& part : parts_)
      if (part.table.offset == rows.table.offset && part.index.order.data == rows.list.batch.order.data &&
          part.slot == slot && part.occurrence == occurrence)
        return part;
    const index_t all = rows.list.batch.order.size(), source_rows = all / rows.entries_per_row;
    Part part{rows.table, rows.list.batch, slot, occurrence, rows.entries_per_row, {}, {}};
    part.source = {arena_.template allocate<Scalar>(source_rows * rows.columns), source_rows, rows.columns};
    if (rows.weighted) part.coefficients = {arena_.template allocate<Scalar>(all), all};
    parts_.push_back(part);
    return parts_.back();
  }

  /// Rows of shards that had nothing to leave, because no gradient has reached theirs.
  void clear_gaps(index_t part, Stream stream) {
    std::sort(filled_.begin(), filled_.end(), [](const Filled& a, const Filled& b) { return a.first < b.first; });
    const MatrixView<Scalar, Space> source = parts_[static_cast<std::size_t>(part)].source;
    index_t row = 0;
    const auto clear_to = [&](index_t end) {
      const MatrixView<Scalar, Space> gap = source.row_range(row, end - row);
      Memory<Space>::clear(gap.data, static_cast<std::size_t>(gap.size()) * sizeof(Scalar), stream);
    };
    for (const Filled& filled : filled_) {
      if (filled.part != part) continue;
      if (filled.first > row) clear_to(filled.first);
      row = std::max(row, filled.first + filled.rows);
    }
    if (row < source.rows()) clear_to(source.rows());
  }

  std::mutex mutex_;  ///< of place, which shards call side by side
  Arena<Space> arena_;
  std::vector<Part> parts_;
  std::vector<Filled> filled_;
};

}  // namespace seqrec
