// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "seqrec/core/for_parts.hpp"
#include "seqrec/core/left_rows.hpp"
#include "seqrec/core/step_gradients.hpp"
#include "seqrec/cpu/add_rows.hpp"
#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"

namespace seqrec::cpu {

/// The gradients of a team's step: what slots have summed of blocks that somebody asked for, and what shards have left
/// of rows of tables.
///
/// Rows are summed when a batch ends, because its lists end with it: table row by table row, list by list and within a
/// list by position, which no thread changes and, but for lists that all shards have whole, no slot. A further batch of
/// the step begins from the sums so far. Of a table whose gradient is dense as well (a softmax over the whole catalogue
/// asks for it) the rows are added there.
template <class S, int W>
class TeamGradients {
 public:
  using Context = BasicContext<S, W>;
  using Slots = std::vector<std::unique_ptr<Context>>;

  /// Where shards leave rows.
  LeftRows<S, HostSpace>& left() { return left_; }

  void begin_step() {
    left_.begin_batch();  // whatever an unfinished step has left
    tables_.clear();
    step_.blocks().clear();
  }

  /// Sums the rows that the shards of a batch have left, and makes room for the next one's.
  /// @param for_ranges  as Team's
  template <class ForRanges>
  void end_batch(ForRanges&& for_ranges) {
    const std::span<const Part> parts = left_.finish({});
    if (!parts.empty()) {
      arrange(parts);
      for_parts(for_ranges, tables_, sums_of, [&](Context& context, const Table& table, index_t first, index_t count) {
        sum_rows(context, table, RowsWithin(first, count, table.sums.columns()));
      });
    }
    left_.begin_batch();
  }

  /// Sums what slots 0 .. count-1 have, and puts the step's gradients together.
  template <class ForRanges>
  void reduce(const Slots& slots, int count, ForRanges&& for_ranges) {
    step_.blocks().clear();
    const auto blocks_of = [&](int slot) -> auto& { return slots[static_cast<std::size_t>(slot)]->gradient_blocks(); };
    for (int slot = 0; slot < count; ++slot)
      blocks_of(slot).for_each([&](const ElementRange& elements) {
        if (step_.find(elements) == nullptr)
          step_.blocks().push_back({elements, {blocks_of(slot).find(elements), {}, {}}});
      });
    for_parts(
        for_ranges, step_.blocks(), [](const Block& block) { return block.elements.size; },
        [&](Context&, const Block& block, index_t first, index_t size) {
          auto sum = array(block.gradient.dense.data + first, size);
          for (int slot = 0; slot < count; ++slot) {
            const auto summand = blocks_of(slot).find({block.elements.offset + first, size});
            if (summand && summand.data != sum.data()) sum += array(summand.data, size);
          }
        });
    for (const Table& table : tables_)
      if (const Block* const dense = step_.find(table.elements))
        add_rows_to(dense->gradient.dense, dense->elements, table.elements, table.rows, table.sums, for_ranges);
      else
        step_.blocks().push_back({table.elements, {{}, table.rows, table.sums}});
  }

  const StepGradients<S, HostSpace>& step() const { return step_; }

  /// A block of the step's gradients made dense; zeros where nobody asked for it.
  /// @param context  that keeps it
  template <class ForRanges>
  VectorView<S, HostSpace> dense(Context& context, const ElementRange& elements, ForRanges&& for_ranges) {
    if (const auto dense = step_.of(elements).dense) return dense;
    return made_dense(context.gradient(elements, elements), elements, for_ranges);
  }

  /// All of the step's gradients made dense, as the values of a model of `size` elements lie.
  template <class ForRanges>
  VectorView<S, HostSpace> whole(index_t size, ForRanges&& for_ranges) {
    const ElementRange all{0, size};
    if (const auto dense = step_.of(all).dense) return dense;
    if (whole_.size() != size) whole_ = Tensor<S, 1, HostSpace>(size);
    array(whole_.view().data, size).setZero();
    return made_dense(whole_.view(), all, for_ranges);
  }

  /// Bytes held for rows.
  std::size_t memory_held() const { return left_.memory_held() + memory_[0].capacity() + memory_[1].capacity(); }

 private:
  using Part = typename LeftRows<S, HostSpace>::Part;
  using Block = typename StepGradients<S, HostSpace>::Block;
  using Index = RowIndex<HostSpace>;

  /// Sums of rows of a table over the batches of the step so far.
  struct Table {
    ElementRange elements;
    VectorView<const item_t, HostSpace> rows;
    MatrixView<S, HostSpace> sums;
    std::size_t first_summand, end_summand;
  };
  /// What is added to sums; `rows` of the index are numbers of theirs.
  using Summand = AddRows<Context>;

  static index_t sums_of(const Table& table) { return table.sums.size(); }

  /// Which rows each table has now, and what is to be added to them: the sums so far, then the parts in their order.
  void arrange(std::span<const Part> parts) {
    std::swap(tables_, before_);
    tables_.clear();
    summands_.clear();
    Arena<HostSpace>& memory = memory_[present_ = 1 - present_];
    memory.reset();
    for (const Table& table : before_) count_to(table.rows.size());
    auto before = before_.begin();
    for (std::size_t i = 0; i < parts.size() || before != before_.end();) {
      const bool begun =
          before != before_.end() && (i == parts.size() || before->elements.offset <= parts[i].table.offset);
      const ElementRange elements = begun ? before->elements : parts[i].table;
      const std::size_t first = summands_.size();
      index_t columns = 0;
      if (begun) {
        columns = before->sums.columns();
        summands_.push_back({before->sums, identity(before->rows), {}, 1, {}});
        ++before;
      }
      for (; i < parts.size() && parts[i].table.offset == elements.offset; ++i) {
        columns = parts[i].source.columns();
        summands_.push_back({parts[i].source, parts[i].index, parts[i].coefficients, parts[i].entries_per_row, {}});
      }
      const auto rows = number_rows(memory, std::span(summands_).subspan(first));
      const MatrixView<S, HostSpace> sums(memory.template allocate<S>(rows.size() * columns), rows.size(), columns);
      tables_.push_back({elements, rows, sums, first, summands_.size()});
    }
  }

  /// The rows that some lists name, ascending; in the lists they become numbers of these.
  VectorView<const item_t, HostSpace> number_rows(Arena<HostSpace>& memory, std::span<Summand> lists) {
    merged_.clear();
    for (const Summand& list : lists) {
      unmerged_.clear();
      const auto& rows = list.index.rows;
      std::set_union(merged_.begin(), merged_.end(), rows.data, rows.data + rows.size(), std::back_inserter(unmerged_));
      std::swap(merged_, unmerged_);
    }
    const index_t size = std::ssize(merged_);
    item_t* const all = memory.template allocate<item_t>(size);
    std::copy(merged_.begin(), merged_.end(), all);
    for (Summand& list : lists) {
      auto& rows = list.index.rows;
      item_t* const numbers = memory.template allocate<item_t>(rows.size());
      for (index_t i = 0, number = 0; i < rows.size(); ++i) {
        while (all[number] != rows(i)) ++number;
        numbers[i] = static_cast<item_t>(number);
      }
      rows.data = numbers;
    }
    return {all, size};
  }

  /// Sums some of a table's rows.
  void sum_rows(Context& context, const Table& table, const RowsWithin& within) const {
    const auto sums = table.sums.row_range(within.first, within.count);
    array(sums.data, sums.size()).setZero();
    for (std::size_t i = table.first_summand; i < table.end_summand; ++i) {
      Summand summand = summands_[i];
      const auto* const begin = summand.index.rows.data;
      const auto* const end = begin + summand.index.rows.size();
      const auto place = [&](index_t row) { return std::lower_bound(begin, end, row) - begin; };
      const index_t first = place(within.first), count = place(within.first + within.count) - first;
      summand.index.rows = summand.index.rows.row_range(first, count);
      summand.index.row_offsets = summand.index.row_offsets.row_range(first, count + 1);
      summand.target = table.sums;
      ops::add_rows(context, summand);
    }
  }

  /// Adds sums of a table's rows to dense gradients.
  template <class ForRanges>
  void add_rows_to(VectorView<S, HostSpace> dense, const ElementRange& of_dense, const ElementRange& of_table,
                   VectorView<const item_t, HostSpace> rows, MatrixView<S, HostSpace> sums, ForRanges&& for_ranges) {
    const index_t width = sums.columns();
    const Index all = identity(rows);
    const MatrixView<S, HostSpace> target(dense.data + (of_table.offset - of_dense.offset), of_table.size / width,
                                          width);
    for_ranges(sums.size(), [&](Context& context, index_t first, index_t count) {
      const RowsWithin within(first, count, width);
      const Index index{all.order, rows.row_range(within.first, within.count),
                        all.row_offsets.row_range(within.first, within.count + 1)};
      ops::add_rows(context, AddRows<Context>{sums, index, {}, 1, target});
    });
  }

  /// Moves blocks of the step to a place, which is zero, where they are dense.
  template <class ForRanges>
  VectorView<S, HostSpace> made_dense(VectorView<S, HostSpace> place, const ElementRange& elements,
                                      ForRanges&& for_ranges) {
    auto& blocks = step_.blocks();
    for (const Block& block : blocks) {
      if (!elements.holds(block.elements)) continue;
      const auto& [dense, rows, sums] = block.gradient;
      if (dense)
        array(place.data + (block.elements.offset - elements.offset), dense.size()) = array(dense.data, dense.size());
      else
        add_rows_to(place, elements, block.elements, rows, sums, for_ranges);
    }
    std::erase_if(blocks, [&](const Block& block) { return elements.holds(block.elements); });
    blocks.push_back({elements, {place, {}, {}}});
    return place;
  }

  /// An index of rows that name themselves once, in their order.
  Index identity(VectorView<const item_t, HostSpace> rows) {
    count_to(rows.size());
    return {{counted_.data(), rows.size()}, rows, {counted_.data(), rows.size() + 1}};
  }

  void count_to(index_t last) {
    for (index_t next = std::ssize(counted_); next <= last; ++next) counted_.push_back(static_cast<offset_t>(next));
  }

  LeftRows<S, HostSpace> left_;
  std::vector<Table> tables_, before_;  ///< of the step so far; and before the present batch
  Arena<HostSpace> memory_[2];          ///< of the same
  int present_ = 0;                     ///< which of them is that of tables_
  std::vector<Summand> summands_;
  std::vector<item_t> merged_, unmerged_;  ///< scratch
  std::vector<offset_t> counted_;          ///< 0, 1, 2, ...
  StepGradients<S, HostSpace> step_;
  Tensor<S, 1, HostSpace> whole_;
};

}  // namespace seqrec::cpu
