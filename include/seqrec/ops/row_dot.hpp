// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/check_shape.hpp"
#include "seqrec/ops/fallback.hpp"
#include "seqrec/ops/gradient.hpp"

namespace seqrec {

/// y_c = a_c b_c: the dot product of each pair of rows.
template <class Context>
struct RowDotForward {
  const_matrix_of<Context> a;  ///< (C, D)
  const_matrix_of<Context> b;  ///< (C, D)
  matrix_of<Context> y;        ///< (C, 1)
};

/// Gradients of RowDotForward.
template <class Context>
struct RowDotBackward {
  const_matrix_of<Context> a;   ///< (C, D)
  const_matrix_of<Context> b;   ///< (C, D)
  const_matrix_of<Context> dy;  ///< (C, 1)
  Gradient<Context> da;         ///< (C, D)
  Gradient<Context> db;         ///< (C, D)
};

namespace ops {

SEQREC_OP_FALLBACK(row_dot_forward)
SEQREC_OP_FALLBACK(row_dot_backward)

/// @throws ShapeError when extents disagree
template <class Context>
void row_dot_forward(Context& context, const RowDotForward<Context>& a) {
  check_shape("row_dot", "b", a.b, a.a.rows(), a.a.columns());
  check_shape("row_dot", "y", a.y, a.a.rows(), 1);
  using fallback::row_dot_forward;
  row_dot_forward(context, a);
}

/// @throws ShapeError when extents disagree
template <class Context>
void row_dot_backward(Context& context, const RowDotBackward<Context>& a) {
  constexpr const char* op = "row_dot backward";
  const index_t rows = a.a.rows(), width = a.a.columns();
  check_shape(op, "b", a.b, rows, width);
  check_shape(op, "dy", a.dy, rows, 1);
  check_optional_shape(op, "da", a.da.view, rows, width);
  check_optional_shape(op, "db", a.db.view, rows, width);
  using fallback::row_dot_backward;
  row_dot_backward(context, a);
}

}  // namespace ops
}  // namespace seqrec
