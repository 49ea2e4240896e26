// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/gemm.hpp"
#include "seqrec/cpu/score_block.hpp"
#include "seqrec/ops/catalogue_loss.hpp"

namespace seqrec::cpu {

namespace detail {

/// CatalogueLoss of some rows at a time, of all items at once or, where they are too many, of a part of them at a time.
template <class Ctx>
class CatalogueLossRows {
 public:
  using S = typename Ctx::Scalar;
  using View = MatrixView<S, HostSpace>;

  CatalogueLossRows(Ctx& context, const CatalogueLoss<Ctx>& a, ScoreBlock block)
      : a_(a),
        block_(block),
        memory_(context.vector(block.rows * block.items).data),
        rows_(context.matrix(3, block.rows)) {}

  void operator()(index_t start, index_t count) {
    const index_t items = a_.head.items();
    const bool differentiates = a_.dstates || a_.dhead.table || a_.dhead.bias, in_parts = block_.items < items;
    std::fill_n(highest(), count, -std::numeric_limits<S>::infinity());
    std::fill_n(sum(), count, S(0));
    for (index_t first = 0; first < items; first += block_.items) {
      const View scores = scored(start, count, first);
      if (a_.left_out.offsets) leave_out(start, first, scores);
      for (index_t i = 0; i < count; ++i) add_to_sum(i, start, first, row_array(scores, i));
      if (!in_parts && differentiates) differentiate(start, first, scores);
    }
    for (index_t i = 0; i < count; ++i)
      a_.losses(start + i) =
          a_.scale * (static_cast<double>(highest()[i] - target_score()[i]) + std::log(static_cast<double>(sum()[i])));
    for (index_t first = 0; in_parts && differentiates && first < items; first += block_.items) {
      const View scores = scored(start, count, first);
      if (a_.left_out.offsets) leave_out(start, first, scores);
      for (index_t i = 0; i < count; ++i) row_array(scores, i) = (row_array(scores, i) - highest()[i]).exp();
      differentiate(start, first, scores);
    }
  }

 private:
  S* highest() const { return rows_.row(0); }
  S* sum() const { return rows_.row(1); }
  S* target_score() const { return rows_.row(2); }

  View scored(index_t start, index_t count, index_t first) const {
    const View scores(memory_, count, std::min(block_.items, a_.head.items() - first));
    score_items_in_block(a_.head, a_.states.row_range(start, count), first, scores.columns(), scores);
    return scores;
  }

  /// Gives minus infinity to what is no part of a row's sum: few items, found again for every part of the catalogue.
  void leave_out(index_t start, index_t first, View scores) const {
    const auto& offsets = a_.left_out.offsets;
    for (index_t i = 0; i < scores.rows(); ++i) {
      const index_t row = start + i;
      const offset_t* const next = std::upper_bound(offsets.data, offsets.data + offsets.size(), row);
      for (index_t seen = next[-1]; seen <= row; ++seen) {
        const index_t item = a_.left_out.values(seen) - first;
        if (item >= 0 && item < scores.columns() && a_.left_out.values(seen) != a_.targets(row, 0))
          scores(i, item) = -std::numeric_limits<S>::infinity();
      }
    }
  }

  /// Takes a row's scores into its sum of exp(score - highest) and leaves those in the scores' place.
  template <class Row>
  void add_to_sum(index_t i, index_t start, index_t first, Row row) const {
    const index_t target = a_.targets(start + i, 0) - first;
    if (target >= 0 && target < row.size()) target_score()[i] = row(target);
    const S top = row.maxCoeff();
    if (a_.left_out.offsets && top == -std::numeric_limits<S>::infinity()) {  // nothing of this part is in the sum
      row.setZero();
      return;
    }
    if (first == 0) {
      highest()[i] = top;
    } else if (!(top <= highest()[i])) {
      sum()[i] *= std::exp(highest()[i] - top);
      highest()[i] = top;
    }
    row = (row - highest()[i]).exp();
    sum()[i] += row.sum();
  }

  /// @param scores exp(score - highest), overwritten by d loss / d score
  void differentiate(index_t start, index_t first, View scores) const {
    const index_t items = scores.columns();
    for (index_t i = 0; i < scores.rows(); ++i) {
      const index_t target = a_.targets(start + i, 0) - first;
      row_array(scores, i) *= static_cast<S>(a_.scale / static_cast<double>(sum()[i]));
      if (target >= 0 && target < items) scores(i, target) -= static_cast<S>(a_.scale);
      if (a_.dhead.bias) array(a_.dhead.bias.data + first, items) += row_array(scores, i);
    }
    if (a_.dstates)
      gemm(MatrixView<const S, HostSpace>(scores), a_.head.table.row_range(first, items),
           a_.dstates.row_range(start, scores.rows()), first == 0 ? GradientMode::write : GradientMode::add);
    if (a_.dhead.table)
      gemm(transposed(scores), a_.states.row_range(start, scores.rows()), a_.dhead.table.row_range(first, items),
           GradientMode::add);
  }

  const CatalogueLoss<Ctx>& a_;
  ScoreBlock block_;
  S* memory_;
  View rows_;  ///< of each row: the highest score so far, the sum of exp(score - highest), the target's score
};

}  // namespace detail

template <class S, int W>
void catalogue_loss(BasicContext<S, W>& context, const CatalogueLoss<BasicContext<S, W>>& a) {
  const detail::ScoreBlock block = detail::score_block(a.states.rows(), a.head.items());
  detail::CatalogueLossRows<BasicContext<S, W>> rows(context, a, block);
  for (index_t start = 0; start < a.states.rows(); start += block.rows)
    rows(start, std::min(block.rows, a.states.rows() - start));
}

}  // namespace seqrec::cpu
