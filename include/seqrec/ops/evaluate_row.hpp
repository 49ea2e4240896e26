// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/ops/lanes.hpp"
#include "seqrec/ops/row_losses.hpp"

namespace seqrec {

/// Computes a row loss of scores, target first, and puts each score's derivative in its place: of one row, or of as
/// many rows side by side as `Lanes` has lanes. A negative's score of minus infinity is left out: it adds nothing to
/// the loss, and its derivative is 0.
/// @param scores get(j) gives the lanes of score j, set(j, lanes) replaces them   @return the loss of each lane
template <class Lanes, class RowLoss, class Scores>
requires(RowLossOverLanes<RowLoss>) SEQREC_HOST_DEVICE lanes::Sum<Lanes> evaluate_row(const RowLoss& loss,
                                                                                      Scores scores, index_t count) {
  using namespace lanes;
  Sum<Lanes> sum;
  const Lanes target = scores.get(0);
  if constexpr (WholeRowLoss<RowLoss>) {
    return loss.template over_row<Lanes>(scores, count);
  } else if constexpr (SoftmaxLoss<RowLoss>) {
    const auto factor = static_cast<Lanes>(1.0 / loss.temperature);
    Lanes top = target;
    for (index_t j = 1; j < count; ++j) top = max(top, scores.get(j));
    const auto logit = [&](Lanes score) { return (score - top) * factor; };  // at most 0
    for (index_t j = 1; j < count; ++j) {
      const Lanes score = scores.get(j), weight = unless_left_out(score, exp(logit(score)));
      sum.add(weight);
      scores.set(j, weight);
    }
    const Lanes one(1.0), others = sum.rounded(), own = exp(logit(target)), total = own + others;
    const Lanes slope = factor / total;
    for (index_t j = 1; j < count; ++j) scores.set(j, slope * scores.get(j));
    scores.set(0, -slope * others);  // (own / total - 1) / temperature, without cancellation
    // Where the target is on top, what the others weigh may be nothing beside its 1.
    Sum<Lanes> loss_of_row;
    loss_of_row.add(log1p(where_less(target, top, total - one, others)) - logit(target));
    return loss_of_row;
  } else if constexpr (PairwiseLoss<RowLoss>) {
    Sum<Lanes> slopes;
    for (index_t j = 1; j < count; ++j) {
      const Lanes score = scores.get(j);
      const LossAndSlope<Lanes> pair = loss.lead(score - target);
      const Lanes slope = unless_left_out(score, pair.slope);
      sum.add(unless_left_out(score, pair.loss));
      slopes.add(slope);
      scores.set(j, slope);
    }
    scores.set(0, -slopes.rounded());
  } else {
    const LossAndSlope<Lanes> own = loss.target(target);
    sum.add(own.loss);
    scores.set(0, own.slope);
    for (index_t j = 1; j < count; ++j) {
      const Lanes score = scores.get(j);
      const LossAndSlope<Lanes> wrong = loss.negative(score);
      sum.add(unless_left_out(score, wrong.loss));
      scores.set(j, unless_left_out(score, wrong.slope));
    }
  }
  return sum;
}

}  // namespace seqrec
