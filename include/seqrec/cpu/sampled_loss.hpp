// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <limits>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/evaluate_rows.hpp"
#include "seqrec/cpu/gemm.hpp"
#include "seqrec/cpu/score_block.hpp"
#include "seqrec/ops/sampled_loss.hpp"

// Scores lie transposed, (S + M, rows): a register then holds the same score of neighbouring rows, whatever S and M
// are.

namespace seqrec::cpu {

namespace detail {

/// One list of shared items (or none) with the rows that share it.
struct SharingRows {
  index_t first_row, rows, first_item, items;
};

template <class Ctx>
SharingRows sharing_rows(const SharedItems<Ctx>& shared, index_t segment, index_t rows) {
  if (!shared.item_offsets) return {0, rows, 0, shared.items.size()};
  const auto& row = shared.row_offsets;
  const auto& item = shared.item_offsets;
  return {row(segment), row(segment + 1) - row(segment), item(segment), item(segment + 1) - item(segment)};
}

/// SampledLoss of some rows; holds the memory that all of them take in turn.
template <class Ctx, int Width, class RowLoss>
class SampledLossRows {
 public:
  using S = typename Ctx::Scalar;
  using View = MatrixView<S, HostSpace>;

  SampledLossRows(Ctx& context, const SampledLoss<Ctx, RowLoss>& a, index_t most_shared, index_t most_rows)
      : a_(a), own_(a.items.columns()) {
    constexpr index_t elements = index_t{1} << 16,
                      lanes = Lanes<S, Width>::count;  // scores at once: they stay in cache
    block_ = std::clamp(elements / (own_ + most_shared), lanes, std::max(lanes, most_rows));
    stride_ = round_up(block_, lanes);
    scores_ = context.vector((own_ + most_shared) * stride_).data;
    row_ = context.vector(own_ + most_shared).data;
    targets_ = context.template vector<item_t>(block_).data;
    if (most_shared != 0) vectors_ = context.matrix(most_shared, a.states.columns());
    if constexpr (CorrectsSampling<RowLoss>)
      if (a.log_probability) correction_ = a.row_loss.sampling_correction();
  }

  void operator()(const SharingRows& part) {
    shared_ = part.items == 0 ? decltype(shared_){} : a_.shared.items.row_range(part.first_item, part.items);
    for (index_t j = 0; j < part.items; ++j) row_array(vectors_, j) = row_array(a_.head.table, shared_(j));
    if (part.rows == 0) clear_gradients(part);
    for (index_t first = 0; first < part.rows; first += block_) {
      const index_t start = part.first_row + first, rows = std::min(block_, part.rows - first);
      const View scores(scores_, own_ + part.items, rows, stride_);
      score(start, scores);
      evaluate_rows<Width>(a_.row_loss, scores, a_.scale, row_, a_.losses.data + start);
      differentiate(start, part.first_item, first == 0 ? GradientMode::write : GradientMode::add, scores);
    }
  }

 private:
  /// Nobody is scored against these items.
  void clear_gradients(const SharingRows& part) const {
    for (index_t j = part.first_item; j < part.first_item + part.items; ++j) {
      if (a_.shared.dtable) row_array(a_.shared.dtable, j).setZero();
      if (a_.shared.dbias) a_.shared.dbias(j) = 0;
    }
  }

  /// What every score of an item has beside the dot product.
  S offset(item_t item) const {
    S value = a_.head.bias ? a_.head.bias(item) : S(0);
    if (correction_ != 0) value -= static_cast<S>(correction_ * static_cast<double>(a_.log_probability(item)));
    return value;
  }

  void score(index_t start, View scores) const {
    const index_t rows = scores.columns();
    for (index_t j = 0; j < scores.rows(); ++j) std::fill(scores.row(j) + rows, scores.row(j) + stride_, S(0));
    for (index_t i = 0; i < rows; ++i) {
      const auto state = row_array(a_.states, start + i);
      for (index_t j = 0; j < own_; ++j) {
        const item_t item = a_.items(start + i, j);
        scores(j, i) = (state * row_array(a_.head.table, item)).sum() + offset(item);
      }
    }
    if (shared_.size() == 0) return;
    for (index_t i = 0; i < rows; ++i) targets_[i] = a_.items(start + i, 0);
    gemm(vectors_.row_range(0, shared_.size()), transposed(a_.states.row_range(start, rows)),
         scores.row_range(own_, shared_.size()));
    for (index_t j = 0; j < shared_.size(); ++j) {
      S* row = scores.row(own_ + j);
      array(row, rows) += offset(shared_(j));
      const item_t item = shared_(j);
      for (index_t i = 0; i < rows; ++i) row[i] = targets_[i] == item ? -std::numeric_limits<S>::infinity() : row[i];
    }
  }

  /// @param slopes (S + M, rows) d loss / d score
  void differentiate(index_t start, index_t first_item, GradientMode mode, View slopes) const {
    const index_t rows = slopes.columns(), count = shared_.size();
    if (a_.coefficients)
      for (index_t i = 0; i < rows; ++i)
        for (index_t j = 0; j < own_; ++j) a_.coefficients((start + i) * own_ + j) = slopes(j, i);
    for (index_t i = 0; i < rows && a_.dstates; ++i) {
      auto dstate = row_array(a_.dstates, start + i);
      dstate = slopes(0, i) * row_array(a_.head.table, a_.items(start + i, 0));
      for (index_t j = 1; j < own_; ++j) dstate += slopes(j, i) * row_array(a_.head.table, a_.items(start + i, j));
    }
    if (count == 0) return;
    const View of_shared = slopes.row_range(own_, count);
    if (a_.dstates)
      gemm(transposed(of_shared), vectors_.row_range(0, count), a_.dstates.row_range(start, rows), GradientMode::add);
    if (a_.shared.dtable)
      gemm(of_shared, a_.states.row_range(start, rows), a_.shared.dtable.row_range(first_item, count), mode);
    for (index_t j = 0; j < count && a_.shared.dbias; ++j) {
      S& dbias = a_.shared.dbias(first_item + j);
      const S sum = row_array(of_shared, j).sum();
      dbias = mode == GradientMode::add ? dbias + sum : sum;
    }
  }

  const SampledLoss<Ctx, RowLoss>& a_;
  index_t own_, block_, stride_;
  S *scores_, *row_;
  item_t* targets_;
  View vectors_;  ///< (M, D) of the shared items
  VectorView<const item_t, HostSpace> shared_;
  double correction_ = 0;
};

}  // namespace detail

template <class S, int W, class RowLoss>
void sampled_loss(BasicContext<S, W>& context, const SampledLoss<BasicContext<S, W>, RowLoss>& a) {
  const index_t segments = a.shared.item_offsets ? a.shared.item_offsets.size() - 1 : 1;
  index_t most_shared = 0, most_rows = 0;
  for (index_t segment = 0; segment < segments; ++segment) {
    const auto part = detail::sharing_rows(a.shared, segment, a.states.rows());
    most_shared = std::max(most_shared, part.items);
    most_rows = std::max(most_rows, part.rows);
  }
  detail::SampledLossRows<BasicContext<S, W>, W, RowLoss> rows(context, a, most_shared, most_rows);
  for (index_t segment = 0; segment < segments; ++segment)
    rows(detail::sharing_rows(a.shared, segment, a.states.rows()));
}

}  // namespace seqrec::cpu
