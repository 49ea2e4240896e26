// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/candidates.hpp"
#include "seqrec/ops/fallback.hpp"
#include "seqrec/ops/gradient.hpp"

namespace seqrec {

/// y_c = x_{first row of c's history + visible_c - 1}: for each candidate the last row of what it may see; zeros where
/// it sees nothing.
template <class Context>
struct VisibleRowsForward {
  const_matrix_of<Context> x;                                   ///< (N, D)
  VectorView<const offset_t, typename Context::Space> offsets;  ///< (B+1) of the rows
  Candidates<typename Context::Space> candidates;               ///< (C)
  matrix_of<Context> y;                                         ///< (C, D)
};

/// Gradients of VisibleRowsForward: candidates of one user see ever more, so each row's sum is over a run of them.
template <class Context>
struct VisibleRowsBackward {
  VectorView<const offset_t, typename Context::Space> offsets;  ///< (B+1)
  Candidates<typename Context::Space> candidates;               ///< (C)
  const_matrix_of<Context> dy;                                  ///< (C, D)
  Gradient<Context> dx;                                         ///< (N, D)
};

namespace ops {

SEQREC_OP_FALLBACK(visible_rows_forward)
SEQREC_OP_FALLBACK(visible_rows_backward)

/// @throws ShapeError when extents disagree
template <class Context>
void visible_rows_forward(Context& context, const VisibleRowsForward<Context>& a) {
  constexpr const char* op = "visible_rows";
  check_extent(op, "segments of candidates", a.candidates.items.segments(), a.offsets.size() - 1);
  check_extent(op, "size of visible", a.candidates.visible.size(), a.candidates.size());
  check_extent(op, "rows of y", a.y.rows(), a.candidates.size());
  check_extent(op, "columns of y", a.y.columns(), a.x.columns());
  using fallback::visible_rows_forward;
  visible_rows_forward(context, a);
}

/// @throws ShapeError when extents disagree
template <class Context>
void visible_rows_backward(Context& context, const VisibleRowsBackward<Context>& a) {
  constexpr const char* op = "visible_rows backward";
  check_extent(op, "segments of candidates", a.candidates.items.segments(), a.offsets.size() - 1);
  check_extent(op, "size of visible", a.candidates.visible.size(), a.candidates.size());
  check_extent(op, "rows of dy", a.dy.rows(), a.candidates.size());
  check_extent(op, "columns of dx", a.dx.view.columns(), a.dy.columns());
  using fallback::visible_rows_backward;
  visible_rows_backward(context, a);
}

}  // namespace ops
}  // namespace seqrec
