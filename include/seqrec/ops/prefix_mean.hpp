// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/check_offsets.hpp"
#include "seqrec/core/check_shape.hpp"
#include "seqrec/ops/fallback.hpp"
#include "seqrec/ops/gradient.hpp"

namespace seqrec {

/// y_r = (x_0 + ... + x_r) / (r + 1) for row r of each history: the mean of what came so far.
template <class Context>
struct PrefixMeanForward {
  VectorView<const offset_t, typename Context::Space> offsets;  ///< (B+1) of the histories' rows
  const_matrix_of<Context> x;                                   ///< (N, D)
  matrix_of<Context> y;                                         ///< (N, D) written
};

/// Gradient of PrefixMeanForward: dx_r = dy_r / (r + 1) + dy_{r+1} / (r + 2) + ... to the end of the history.
template <class Context>
struct PrefixMeanBackward {
  VectorView<const offset_t, typename Context::Space> offsets;  ///< (B+1)
  const_matrix_of<Context> dy;                                  ///< (N, D)
  Gradient<Context> dx;                                         ///< (N, D)
};

namespace ops {

SEQREC_OP_FALLBACK(prefix_mean_forward)
SEQREC_OP_FALLBACK(prefix_mean_backward)

/// @throws ShapeError when extents disagree or offsets are none of N rows
template <class Context>
void prefix_mean_forward(Context& context, const PrefixMeanForward<Context>& a) {
  check_offsets("prefix_mean", "offsets", a.offsets, a.x.rows());
  check_shape("prefix_mean", "y", a.y, a.x.rows(), a.x.columns());
  using fallback::prefix_mean_forward;
  prefix_mean_forward(context, a);
}

/// @throws ShapeError when extents disagree or offsets are none of N rows
template <class Context>
void prefix_mean_backward(Context& context, const PrefixMeanBackward<Context>& a) {
  if (!a.dx) return;
  check_offsets("prefix_mean backward", "offsets", a.offsets, a.dy.rows());
  check_shape("prefix_mean backward", "dx", a.dx.view, a.dy.rows(), a.dy.columns());
  using fallback::prefix_mean_backward;
  prefix_mean_backward(context, a);
}

}  // namespace ops
}  // namespace seqrec
