// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/tensor.hpp"
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
  check_extent("row_dot", "rows of b", a.b.rows(), a.a.rows());
  check_extent("row_dot", "columns of b", a.b.columns(), a.a.columns());
  check_extent("row_dot", "rows of y", a.y.rows(), a.a.rows());
  check_extent("row_dot", "columns of y", a.y.columns(), 1);
  using fallback::row_dot_forward;
  row_dot_forward(context, a);
}

/// @throws ShapeError when extents disagree
template <class Context>
void row_dot_backward(Context& context, const RowDotBackward<Context>& a) {
  check_extent("row_dot backward", "rows of b", a.b.rows(), a.a.rows());
  check_extent("row_dot backward", "columns of b", a.b.columns(), a.a.columns());
  check_extent("row_dot backward", "rows of dy", a.dy.rows(), a.a.rows());
  check_extent("row_dot backward", "columns of dy", a.dy.columns(), 1);
  for (const auto& gradient : {a.da, a.db}) {
    if (!gradient) continue;
    check_extent("row_dot backward", "rows of a gradient", gradient.view.rows(), a.a.rows());
    check_extent("row_dot backward", "columns of a gradient", gradient.view.columns(), a.a.columns());
  }
  using fallback::row_dot_backward;
  row_dot_backward(context, a);
}

}  // namespace ops
}  // namespace seqrec
