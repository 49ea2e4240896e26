// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/ops/evaluate_row.hpp"

namespace seqrec_test {

/// A row's loss, and its derivatives in the scores' place, one number at a time, whichever form the loss takes.
template <class RowLoss, class Real>
double loss_of_row(const RowLoss& loss, Real* scores, seqrec::index_t count) {
  if constexpr (seqrec::RowLossOverLanes<RowLoss>)
    return seqrec::evaluate_row<Real>(loss, seqrec::RowOfScores<Real>{scores}, count)[0];
  else
    return loss(scores, count);
}

}  // namespace seqrec_test
