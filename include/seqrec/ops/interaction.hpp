// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/check_shape.hpp"
#include "seqrec/ops/fallback.hpp"
#include "seqrec/ops/gradient.hpp"

namespace seqrec {

/// y_c = [u_c, q_c, u_c * q_c, f_c]: what a ranking network reads of a user, a candidate and what else is known.
/// (DIN's reference code; the product spares the network from learning to multiply.)
template <class Context>
struct InteractionForward {
  const_matrix_of<Context> u;  ///< (C, D)
  const_matrix_of<Context> q;  ///< (C, D)
  const_matrix_of<Context> f;  ///< (C, D2) of features, or null for none
  matrix_of<Context> y;        ///< (C, 3 D + D2)
};

/// Gradients of InteractionForward.
template <class Context>
struct InteractionBackward {
  const_matrix_of<Context> u;   ///< (C, D)
  const_matrix_of<Context> q;   ///< (C, D)
  const_matrix_of<Context> dy;  ///< (C, 3 D + D2)
  Gradient<Context> du;         ///< (C, D)
  Gradient<Context> dq;         ///< (C, D)
  Gradient<Context> df;         ///< (C, D2)
};

namespace ops {

SEQREC_OP_FALLBACK(interaction_forward)
SEQREC_OP_FALLBACK(interaction_backward)

/// @throws ShapeError when extents disagree
template <class Context>
void interaction_forward(Context& context, const InteractionForward<Context>& a) {
  constexpr const char* op = "interaction";
  const index_t rows = a.u.rows(), width = a.u.columns();
  check_shape(op, "q", a.q, rows, width);
  check_optional_shape(op, "f", a.f, rows, a.f.columns());
  check_shape(op, "y", a.y, rows, 3 * width + (a.f ? a.f.columns() : 0));
  using fallback::interaction_forward;
  interaction_forward(context, a);
}

/// @throws ShapeError when extents disagree
template <class Context>
void interaction_backward(Context& context, const InteractionBackward<Context>& a) {
  constexpr const char* op = "interaction backward";
  const index_t rows = a.u.rows(), width = a.u.columns();
  check_shape(op, "q", a.q, rows, width);
  const index_t features = a.dy.columns() - 3 * width;  // there may be some whose gradient nobody wants
  if (features < 0)
    throw ShapeError(concatenate(op, ": columns of dy is ", a.dy.columns(), ", expected at least ", 3 * width));
  check_shape(op, "dy", a.dy, rows, a.dy.columns());
  check_optional_shape(op, "du", a.du.view, rows, width);
  check_optional_shape(op, "dq", a.dq.view, rows, width);
  check_optional_shape(op, "df", a.df.view, rows, features);
  using fallback::interaction_backward;
  interaction_backward(context, a);
}

}  // namespace ops
}  // namespace seqrec
