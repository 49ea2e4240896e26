// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <span>
#include <utility>
#include <vector>

#include "seqrec/core/left_rows.hpp"
#include "seqrec/core/step_gradients.hpp"
#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/row_sums.cuh"
#include "seqrec/cuda/upload.cuh"

namespace seqrec::cuda {

/// The gradients of a step on a device: blocks that somebody asked for, in the context, and what shards have left of
/// rows of tables.
///
/// Rows are summed when a batch ends, because its lists end with it, list by list and within a list by position. Which
/// rows there are is merged from the lists on the host, where batches are made; it is known when the batch begins, so
/// that nothing waits for the device. A further batch of the step begins from the sums so far. Of a table whose
/// gradient is dense as well (a softmax over the whole catalogue asks for it) the rows are added there.
template <class S>
class TeamGradients {
 public:
  using Context = BasicContext<S>;

  /// Where shards leave rows.
  LeftRows<S, DeviceSpace>& left() { return left_; }

  void begin_step() {
    left_.begin_batch();  // whatever an unfinished step has left
    tables_.clear();
    step_.blocks().clear();
  }

  /// Sums the rows that the shards of a batch have left, and makes room for the next one's.
  /// @param batch  with `on_host(view)`, which gives the same in host memory; else the lists' rows are read from the
  ///               device, which the host waits for
  template <class Shards>
  void end_batch(Context& context, const Shards& batch) {
    const std::span<const Part> parts = left_.finish(context.stream());
    if (!parts.empty()) {
      arrange(context, batch, parts);
      for (const Table& table : tables_) sum(context, table);
      rows_upload_.release(context.stream());  // for the batch after the next, which lies where this one's rows do
    }
    left_.begin_batch();
  }

  /// Puts the step's gradients together.
  void reduce(Context& context) {
    auto& blocks = step_.blocks();
    blocks.clear();
    context.gradient_blocks().for_each([&](const ElementRange& elements) {
      blocks.push_back({elements, {context.gradient_blocks().find(elements), {}, {}}});
    });
    for (const Table& table : tables_)
      if (const Block* const dense = step_.find(table.elements))
        add_to(context, dense->gradient.dense, dense->elements, table.elements, table.rows, table.sums);
      else
        blocks.push_back({table.elements, {{}, table.rows, table.sums}});
  }

  const StepGradients<S, DeviceSpace>& step() const { return step_; }

  /// A block of the step's gradients made dense; zeros where nobody asked for it.
  /// @param context  that keeps it
  VectorView<S, DeviceSpace> dense(Context& context, const ElementRange& elements) {
    if (const auto dense = step_.of(elements).dense) return dense;
    return made_dense(context, context.gradient(elements, elements), elements);
  }

  /// All of the step's gradients made dense, as the values of a model of `size` elements lie.
  VectorView<S, DeviceSpace> whole(Context& context, index_t size) {
    const ElementRange all{0, size};
    if (const auto dense = step_.of(all).dense) return dense;
    if (whole_.size() != size) whole_ = Tensor<S, 1, DeviceSpace>(size);
    context.clear(whole_.view().data, size);
    return made_dense(context, whole_.view(), all);
  }

  /// Bytes held for rows.
  std::size_t memory_held() const { return left_.memory_held() + memory_[0].capacity() + memory_[1].capacity(); }

 private:
  using Part = typename LeftRows<S, DeviceSpace>::Part;
  using Block = typename StepGradients<S, DeviceSpace>::Block;

  /// Sums of rows of a table over the batches of the step so far.
  struct Table {
    ElementRange elements;
    VectorView<const item_t, DeviceSpace> rows;
    MatrixView<S, DeviceSpace> sums;
    std::size_t first_row, end_row;  ///< the same rows on the host, in rows_
    std::size_t first_summand, end_summand;
  };

  /// Which rows each table has now, and what is to be added to them: the sums so far, then the parts in their order.
  template <class Shards>
  void arrange(Context& context, const Shards& batch, std::span<const Part> parts) {
    std::swap(tables_, before_);
    std::swap(rows_, rows_before_);
    tables_.clear();
    rows_.clear();
    summands_.clear();
    Arena<DeviceSpace>& memory = memory_[present_ = 1 - present_];
    memory.reset();
    auto before = before_.begin();
    for (std::size_t i = 0; i < parts.size() || before != before_.end();) {
      const bool begun =
          before != before_.end() && (i == parts.size() || before->elements.offset <= parts[i].table.offset);
      Table table{begun ? before->elements : parts[i].table, {}, {}, rows_.size(), 0, summands_.size(), 0};
      merged_.clear();
      if (begun) {
        merged_.assign(rows_before_.begin() + static_cast<std::ptrdiff_t>(before->first_row),
                       rows_before_.begin() + static_cast<std::ptrdiff_t>(before->end_row));
        summands_.push_back({before->sums, {{}, before->rows, {}}, {}, 1});
        ++before;
      }
      for (; i < parts.size() && parts[i].table.offset == table.elements.offset; ++i) {
        merge(context, batch, parts[i].index.rows);
        summands_.push_back({parts[i].source, parts[i].index, parts[i].coefficients, parts[i].entries_per_row});
      }
      rows_.insert(rows_.end(), merged_.begin(), merged_.end());
      table.end_row = rows_.size();
      table.end_summand = summands_.size();
      tables_.push_back(table);
    }
    item_t* const rows = memory.template allocate<item_t>(std::ssize(rows_));
    rows_upload_.begin(rows, rows_.data(), rows_.size() * sizeof(item_t));
    rows_upload_.wait(context.stream());
    for (Table& table : tables_) {
      const auto count = static_cast<index_t>(table.end_row - table.first_row);
      const index_t width = summands_[table.first_summand].source.columns();
      table.rows = {rows + table.first_row, count};
      table.sums = {memory.template allocate<S>(count * width), count, width};
    }
  }

  /// Adds the rows of a list to the merged ones.
  template <class Shards>
  void merge(Context& context, const Shards& batch, const VectorView<const item_t, DeviceSpace>& rows) {
    const item_t* host = nullptr;
    if constexpr (requires { batch.on_host(rows); }) {
      host = batch.on_host(rows).data;
    } else {
      read_.resize(static_cast<std::size_t>(rows.size()));
      context.copy_to_host(read_.data(), rows.data, rows.size());
      host = read_.data();
    }
    unmerged_.clear();
    std::set_union(merged_.begin(), merged_.end(), host, host + rows.size(), std::back_inserter(unmerged_));
    std::swap(merged_, unmerged_);
  }

  void sum(Context& context, const Table& table) const {
    RowSummands<S> some;
    bool adds = false;
    for (std::size_t i = table.first_summand; i < table.end_summand; ++i) {
      some.push_back(summands_[i]);
      if (!some.full() && i + 1 < table.end_summand) continue;
      if (!adds && i + 1 < table.end_summand) context.clear(table.sums.data, table.sums.size());
      adds = adds || i + 1 < table.end_summand;
      sum_rows(context, some, table.rows, table.sums, adds);
      some.clear();
    }
  }

  /// Adds sums of a table's rows to dense gradients.
  static void add_to(const Context& context, VectorView<S, DeviceSpace> dense, const ElementRange& of_dense,
                     const ElementRange& of_table, VectorView<const item_t, DeviceSpace> rows,
                     MatrixView<const S, DeviceSpace> sums) {
    if (rows.size() == 0) return;
    const MatrixView<S, DeviceSpace> table(dense.data + (of_table.offset - of_dense.offset),
                                           of_table.size / sums.columns(), sums.columns());
    add_sums(context, rows, sums, table);
  }

  /// Moves blocks of the step to a place, which is zero, where they are dense.
  VectorView<S, DeviceSpace> made_dense(const Context& context, VectorView<S, DeviceSpace> place,
                                        const ElementRange& elements) {
    auto& blocks = step_.blocks();
    for (const Block& block : blocks) {
      if (!elements.holds(block.elements)) continue;
      const auto& [dense, rows, sums] = block.gradient;
      if (dense)
        SEQREC_CUDA_CHECK(cudaMemcpyAsync(place.data + (block.elements.offset - elements.offset), dense.data,
                                          static_cast<std::size_t>(dense.size()) * sizeof(S), cudaMemcpyDeviceToDevice,
                                          context.stream()));
      else
        add_to(context, place, elements, block.elements, rows, sums);
    }
    std::erase_if(blocks, [&](const Block& block) { return elements.holds(block.elements); });
    blocks.push_back({elements, {place, {}, {}}});
    return place;
  }

  LeftRows<S, DeviceSpace> left_;
  std::vector<Table> tables_, before_;      ///< of the step so far; and before the present batch
  std::vector<item_t> rows_, rows_before_;  ///< of all of them
  Arena<DeviceSpace> memory_[2];            ///< of the same
  int present_ = 0;                         ///< which of them is that of tables_
  Upload rows_upload_;                      ///< of rows_
  std::vector<RowSummand<S>> summands_;
  std::vector<item_t> merged_, unmerged_, read_;  ///< scratch
  StepGradients<S, DeviceSpace> step_;
  Tensor<S, 1, DeviceSpace> whole_;
};

}  // namespace seqrec::cuda
