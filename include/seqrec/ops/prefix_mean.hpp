// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/check_offsets.hpp"
#include "seqrec/core/check_shape.hpp"
#include "seqrec/ops/fallback.hpp"
#include "seqrec/ops/gradient.hpp"

namespace seqrec {

/// y_r = (x_0 + ... + x_r) / (r + 1) for row r of each history: the mean of what came so far.
///
/// With recency weights y_r = sum over j <= r of p_rj x_j, p_r = softmax over j of w[min(r - j, R - 1)]: the same for
/// all histories, and the mean where all w are equal. Of R distances the last stands for all that are further back.
template <class Context>
struct PrefixMeanForward {
  VectorView<const offset_t, typename Context::Space> offsets;  ///< (B+1) of the histories' rows
  const_matrix_of<Context> x;                                   ///< (N, D)
  matrix_of<Context> y;                                         ///< (N, D) written
  const_vector_of<Context> recency{};                           ///< (R) w; null for the mean
};

/// Gradient of PrefixMeanForward: dx_r = dy_r / (r + 1) + dy_{r+1} / (r + 2) + ... to the end of the history.
template <class Context>
struct PrefixMeanBackward {
  VectorView<const offset_t, typename Context::Space> offsets;  ///< (B+1)
  const_matrix_of<Context> dy;                                  ///< (N, D)
  Gradient<Context> dx;                                         ///< (N, D)
  const_matrix_of<Context> x{};                                 ///< (N, D), with recency weights
  const_matrix_of<Context> y{};                                 ///< (N, D) the forward's, with recency weights
  const_vector_of<Context> recency{};                           ///< (R)
  master_vector_of<Context> drecency{};                         ///< (R) added to; null if not wanted
};

namespace ops {

SEQREC_OP_FALLBACK(prefix_mean_forward)
SEQREC_OP_FALLBACK(prefix_mean_backward)

/// @throws ShapeError when extents disagree or offsets are none of N rows. Cost: 2 N D operations, with recency weights
/// about 2 N min(R, L) D.
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
  constexpr const char* op = "prefix_mean backward";
  if (!a.dx && !a.drecency) return;
  check_offsets(op, "offsets", a.offsets, a.dy.rows());
  check_optional_shape(op, "dx", a.dx.view, a.dy.rows(), a.dy.columns());
  check_optional_shape(op, "drecency", a.drecency, a.recency.size());
  if (a.recency) {
    check_shape(op, "x", a.x, a.dy.rows(), a.dy.columns());
    check_shape(op, "y", a.y, a.dy.rows(), a.dy.columns());
  }
  using fallback::prefix_mean_backward;
  prefix_mean_backward(context, a);
}

}  // namespace ops
}  // namespace seqrec
