// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/catalogue_products.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/pieces.hpp"
#include "seqrec/cpu/score_block.hpp"
#include "seqrec/cpu/softmax.hpp"
#include "seqrec/ops/catalogue_loss.hpp"

namespace seqrec::cpu {

namespace detail {

/// Whether all scores of a block of rows are kept where a catalogue is taken in parts: 16 MiB of floats at most. To
/// write and read a number costs less than to make it again, a product as long as a state.
constexpr bool keeps_scores(ScoreBlock block, index_t items) {
  constexpr index_t most_kept = index_t{1} << 22;
  return block.items < items && block.rows <= most_kept / items;
}

/// CatalogueLoss of some rows at a time, of all items at once or, where they are too many, of a part of them at a time.
/// Parts are summed up first, and differentiated when the sums are known.
///
/// A row's slopes are share exp(score - highest), less `scale` for its target. Neither factor nor target is worked into
/// the block of powers: a row's share goes into its state, and the target is one row of the table and one of its
/// gradient.
/// @tparam Products  see catalogue_products.hpp
template <class Ctx, class Products>
class CatalogueLossRows {
 public:
  using S = typename Ctx::Scalar;
  using View = MatrixView<S, HostSpace>;

  CatalogueLossRows(Ctx& context, const CatalogueLoss<Ctx>& a, ScoreBlock block)
      : a_(a),
        products_(context, a, block),
        block_(block),
        keeps_scores_(differentiates() && keeps_scores(block, a.head.items())),
        memory_(context.vector(block.rows * row_of(keeps_scores_ ? a.head.items() : block.items)).data),
        rows_(context.matrix(4, block.rows)) {
    if (a.dhead.table) states_ = context.matrix(block.rows, a.states.columns());
  }

  void operator()(index_t start, index_t count) {
    const index_t items = a_.head.items();
    const bool in_parts = block_.items < items, keeps = differentiates() && !in_parts;
    std::fill_n(highest(), count, -std::numeric_limits<S>::infinity());
    std::fill_n(sum(), count, S(0));
    for (index_t first = 0; first < items; first += block_.items) {
      const View scores = scored(start, count, first);
      for (index_t i = 0; i < count; ++i) add_to_sum(i, start, first, scores.row(i), scores.columns(), keeps);
      if (keeps) differentiate(start, first, scores);
    }
    for (index_t i = 0; i < count; ++i)
      a_.losses(start + i) =
          a_.scale * (static_cast<double>(highest()[i] - target_score()[i]) + std::log(static_cast<double>(sum()[i])));
    for (index_t first = 0; in_parts && differentiates() && first < items; first += block_.items) {
      const View scores = keeps_scores_ ? place_of_scores(count, first) : scored(start, count, first);
      for (index_t i = 0; i < count; ++i) raise(i, scores.row(i), scores.columns(), highest()[i], true);
      differentiate(start, first, scores);
    }
    if (differentiates()) account_for_targets(start, count);
  }

 private:
  S* highest() const { return rows_.row(0); }
  S* sum() const { return rows_.row(1); }
  S* target_score() const { return rows_.row(2); }
  S* share() const { return rows_.row(3); }

  bool differentiates() const { return a_.dstates || a_.dhead.table || a_.dhead.bias; }

  /// From one row of so many scores to the next.
  static constexpr index_t row_of(index_t items) { return round_up(items, piece_size<S>); }

  View place_of_scores(index_t count, index_t first) const {
    const index_t items = std::min(block_.items, a_.head.items() - first);
    if (keeps_scores_) return {memory_ + first, count, items, row_of(a_.head.items())};
    return {memory_, count, items, row_of(items)};
  }

  View scored(index_t start, index_t count, index_t first) {
    const View scores = place_of_scores(count, first);
    products_.score(start, first, scores);
    if (a_.left_out.offsets) leave_out(start, first, scores);
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

  /// @param keeps  whether products will be asked for: they are given exp(score - highest)   @return the powers' sum
  S raise(index_t i, S* row, index_t items, S highest, bool keeps) {
    Piece<S> sum = Piece<S>::Zero();
    for_each_piece<S>(items, [&](index_t j, auto count) SEQREC_INLINE_LAMBDA {
      Piece<S> power = exp_of_nonpositive<S>(load_piece(row + j, count) - highest);
      if (count < piece_size<S>) power = load_piece(power.data(), count);
      if (keeps) products_.keep(power, row + j, i, j, count);
      sum += power;
    });
    return sum.sum();
  }

  /// Takes a row's scores into its sum of exp(score - highest).
  void add_to_sum(index_t i, index_t start, index_t first, S* row, index_t items, bool keeps) {
    const index_t target = a_.targets(start + i, 0) - first;
    if (target >= 0 && target < items) target_score()[i] = row[target];
    const S top = array(row, items).maxCoeff();
    if (!keeps && top == -std::numeric_limits<S>::infinity()) return;  // nothing of this part is in the sum
    if (first == 0) {
      highest()[i] = top;
    } else if (!(top <= highest()[i])) {
      sum()[i] *= std::exp(highest()[i] - top);
      highest()[i] = top;
    }
    sum()[i] += raise(i, row, items, highest()[i], keeps);
  }

  /// @param powers exp(score - highest) of items from `first` on
  void differentiate(index_t start, index_t first, View powers) {
    const index_t items = powers.columns();
    for (index_t i = 0; i < powers.rows() && first == 0; ++i) {
      share()[i] = static_cast<S>(a_.scale / static_cast<double>(sum()[i]));
      if (states_) row_array(states_, i) = share()[i] * row_array(a_.states, start + i);
    }
    for (index_t i = 0; i < powers.rows() && a_.dhead.bias; ++i)
      array(a_.dhead.bias.data + first, items) += share()[i] * row_array(powers, i);
    if (a_.dstates)
      products_.differentiate_states(first, powers, a_.dstates.row_range(start, powers.rows()),
                                     first == 0 ? GradientMode::write : GradientMode::add);
    if (a_.dhead.table) products_.differentiate_table(first, powers, states_.row_range(0, powers.rows()));
  }

  /// What the slopes of the targets are less than those of others, and the shares of the states' gradients.
  void account_for_targets(index_t start, index_t count) const {
    const auto scale = static_cast<S>(a_.scale);
    for (index_t i = 0; i < count; ++i) {
      const item_t target = a_.targets(start + i, 0);
      if (a_.dstates)
        row_array(a_.dstates, start + i) =
            share()[i] * row_array(a_.dstates, start + i) - scale * row_array(a_.head.table, target);
      if (a_.dhead.table) row_array(a_.dhead.table, target) -= scale * row_array(a_.states, start + i);
      if (a_.dhead.bias) a_.dhead.bias(target) -= scale;
    }
  }

  const CatalogueLoss<Ctx>& a_;
  Products products_;
  ScoreBlock block_;
  bool keeps_scores_;
  S* memory_;
  View
      rows_;  ///< of each row: the highest score so far, the sum of exp(score - highest), the target's score, the share
  View states_;  ///< (rows, D) of the block, each times its share
};

/// The loss of all rows, block by block.
template <class Products, class Ctx>
void catalogue_loss_by(Ctx& context, const CatalogueLoss<Ctx>& a) {
  const ScoreBlock block = score_block(a.states.rows(), a.head.items());
  CatalogueLossRows<Ctx, Products> rows(context, a, block);
  for (index_t start = 0; start < a.states.rows(); start += block.rows)
    rows(start, std::min(block.rows, a.states.rows() - start));
}

}  // namespace detail

template <class S, int W>
void catalogue_loss(BasicContext<S, W>& context, const CatalogueLoss<BasicContext<S, W>>& a) {
  using Ctx = BasicContext<S, W>;
  if constexpr (std::is_same_v<S, float>)
    if (context.products() == ProductPrecision::bf16)
      return detail::catalogue_loss_by<detail::Bf16Products<Ctx>>(context, a);
  detail::catalogue_loss_by<detail::WholeProducts<Ctx>>(context, a);
}

}  // namespace seqrec::cpu
