// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/tensor.hpp"
#include "seqrec/ops/fallback.hpp"

namespace seqrec {

/// loss_c = scale (softplus(s_c) - y_c s_c): binary cross-entropy of each candidate's label under sigmoid(s_c). Labels
/// between 0 and 1 are allowed. Forward and gradient in one call.
template <class Context>
struct ClickLoss {
  const_matrix_of<Context> scores;                          ///< (C, 1) log-odds
  VectorView<const float, typename Context::Space> labels;  ///< (C)
  double scale = 1;                                         ///< 1 / candidates of the whole step
  VectorView<double, typename Context::Space> losses;       ///< (C) written
  matrix_of<Context> dscores;                               ///< (C, 1) written; null if not wanted
};

namespace ops {

SEQREC_OP_FALLBACK(click_loss)

/// @throws ShapeError when extents disagree
template <class Context>
void click_loss(Context& context, const ClickLoss<Context>& a) {
  constexpr const char* op = "click_loss";
  check_extent(op, "columns of scores", a.scores.columns(), 1);
  check_extent(op, "size of labels", a.labels.size(), a.scores.rows());
  check_extent(op, "size of losses", a.losses.size(), a.scores.rows());
  if (a.dscores) {
    check_extent(op, "rows of dscores", a.dscores.rows(), a.scores.rows());
    check_extent(op, "columns of dscores", a.dscores.columns(), 1);
  }
  using fallback::click_loss;
  click_loss(context, a);
}

}  // namespace ops
}  // namespace seqrec
