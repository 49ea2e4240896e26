// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/tensor.hpp"
#include "seqrec/ops/fallback.hpp"
#include "seqrec/ops/gradient.hpp"

namespace seqrec {

/// y_c = [u_c, q_c, u_c * q_c, f_c]: what a ranking network reads of a user, a candidate and what else is known.
/// (DIN's reference code; the product spares the network from learning to multiply.)
template <class Context>
struct InteractionForward {
  const_matrix_of<Context> u;  ///< (C, D)
  const_matrix_of<Context> q;  ///< (C, D)
  const_matrix_of<Context> f;  ///< (C, F), or null for none
  matrix_of<Context> y;        ///< (C, 3 D + F)
};

/// Gradients of InteractionForward.
template <class Context>
struct InteractionBackward {
  const_matrix_of<Context> u;   ///< (C, D)
  const_matrix_of<Context> q;   ///< (C, D)
  const_matrix_of<Context> dy;  ///< (C, 3 D + F)
  Gradient<Context> du;         ///< (C, D)
  Gradient<Context> dq;         ///< (C, D)
  Gradient<Context> df;         ///< (C, F), or null
};

namespace ops {

SEQREC_OP_FALLBACK(interaction_forward)
SEQREC_OP_FALLBACK(interaction_backward)

/// @throws ShapeError when extents disagree
template <class Context>
void interaction_forward(Context& context, const InteractionForward<Context>& a) {
  constexpr const char* op = "interaction";
  check_extent(op, "rows of q", a.q.rows(), a.u.rows());
  check_extent(op, "columns of q", a.q.columns(), a.u.columns());
  if (a.f) check_extent(op, "rows of f", a.f.rows(), a.u.rows());
  check_extent(op, "rows of y", a.y.rows(), a.u.rows());
  check_extent(op, "columns of y", a.y.columns(), 3 * a.u.columns() + (a.f ? a.f.columns() : 0));
  using fallback::interaction_forward;
  interaction_forward(context, a);
}

/// @throws ShapeError when extents disagree
template <class Context>
void interaction_backward(Context& context, const InteractionBackward<Context>& a) {
  constexpr const char* op = "interaction backward";
  const index_t rows = a.u.rows(), width = a.u.columns();
  check_extent(op, "rows of q", a.q.rows(), rows);
  check_extent(op, "columns of q", a.q.columns(), width);
  check_extent(op, "rows of dy", a.dy.rows(), rows);
  check_extent(op, "columns of dy", a.dy.columns(), 3 * width + (a.df ? a.df.view.columns() : 0));
  if (a.df) check_extent(op, "rows of df", a.df.view.rows(), rows);
  for (const auto& gradient : {a.du, a.dq}) {
    check_extent(op, "rows of a gradient", gradient.view.rows(), rows);
    check_extent(op, "columns of a gradient", gradient.view.columns(), width);
  }
  using fallback::interaction_backward;
  interaction_backward(context, a);
}

}  // namespace ops
}  // namespace seqrec
