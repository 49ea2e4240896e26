// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/batch.hpp"
#include "seqrec/ops/fallback.hpp"
#include "seqrec/ops/gradient.hpp"

namespace seqrec {

/// y_r = (x_0 + ... + x_r) / (r + 1) for row r of each history: the mean of what came so far.
template <class Context>
struct PrefixMeanForward {
  Batch<typename Context::Space> batch;
  const_matrix_of<Context> x;  ///< (N, D)
  matrix_of<Context> y;        ///< (N, D) written
};

/// Gradient of PrefixMeanForward: dx_r = dy_r / (r + 1) + dy_{r+1} / (r + 2) + ... to the end of the history.
template <class Context>
struct PrefixMeanBackward {
  Batch<typename Context::Space> batch;
  const_matrix_of<Context> dy;  ///< (N, D)
  Gradient<Context> dx;         ///< (N, D)
};

namespace ops {

SEQREC_OP_FALLBACK(prefix_mean_forward)
SEQREC_OP_FALLBACK(prefix_mean_backward)

/// @throws ShapeError when extents disagree
template <class Context>
void prefix_mean_forward(Context& context, const PrefixMeanForward<Context>& a) {
  check_extent("prefix_mean", "rows of x", a.x.rows(), a.batch.rows());
  check_extent("prefix_mean", "rows of y", a.y.rows(), a.batch.rows());
  check_extent("prefix_mean", "columns of y", a.y.columns(), a.x.columns());
  using fallback::prefix_mean_forward;
  prefix_mean_forward(context, a);
}

/// @throws ShapeError when extents disagree
template <class Context>
void prefix_mean_backward(Context& context, const PrefixMeanBackward<Context>& a) {
  if (!a.dx) return;
  check_extent("prefix_mean backward", "rows of dy", a.dy.rows(), a.batch.rows());
  check_extent("prefix_mean backward", "rows of dx", a.dx.view.rows(), a.batch.rows());
  check_extent("prefix_mean backward", "columns of dx", a.dx.view.columns(), a.dy.columns());
  using fallback::prefix_mean_backward;
  prefix_mean_backward(context, a);
}

}  // namespace ops
}  // namespace seqrec
