// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/check_shape.hpp"
#include "seqrec/core/dropout.hpp"
#include "seqrec/ops/fallback.hpp"
#include "seqrec/ops/gradient.hpp"

namespace seqrec {

/// y = dropout(silu(gate) * x), element by element; silu(g) = g / (1 + exp(-g)).
///
/// The heart of SwiGLU (Shazeer 2020, arXiv:2002.05202, eq. 6), and what gates the result of attention in HSTU. A row
/// of y depends on its rows of gate and x alone, to the last bit.
template <class Context>
struct GatedSiluForward {
  const_matrix_of<Context> gate;  ///< (N, F)
  const_matrix_of<Context> x;     ///< (N, F), or null: silu alone
  matrix_of<Context> y;           ///< (N, F)
  Dropout dropout;
};

/// Gradients of GatedSiluForward.
template <class Context>
struct GatedSiluBackward {
  const_matrix_of<Context> gate;  ///< (N, F)
  const_matrix_of<Context> x;     ///< (N, F), or null as in the forward
  const_matrix_of<Context> dy;    ///< (N, F)
  Gradient<Context> dgate;        ///< (N, F)
  Gradient<Context> dx;           ///< (N, F); null where x is
  Dropout dropout;
};

namespace ops {

SEQREC_OP_FALLBACK(gated_silu_forward)
SEQREC_OP_FALLBACK(gated_silu_backward)

/// @throws ShapeError when extents disagree
template <class Context>
void gated_silu_forward(Context& context, const GatedSiluForward<Context>& a) {
  constexpr const char* op = "gated_silu";
  check_optional_shape(op, "x", a.x, a.gate.rows(), a.gate.columns());
  check_shape(op, "y", a.y, a.gate.rows(), a.gate.columns());
  using fallback::gated_silu_forward;
  gated_silu_forward(context, a);
}

/// @throws ShapeError when extents disagree
template <class Context>
void gated_silu_backward(Context& context, const GatedSiluBackward<Context>& a) {
  constexpr const char* op = "gated_silu backward";
  const index_t rows = a.gate.rows(), columns = a.gate.columns();
  check_optional_shape(op, "x", a.x, rows, columns);
  check_shape(op, "dy", a.dy, rows, columns);
  check_optional_shape(op, "dgate", a.dgate.view, rows, columns);
  check_optional_shape(op, "dx", a.dx.view, a.x ? rows : 0, a.x ? columns : 0);
  using fallback::gated_silu_backward;
  gated_silu_backward(context, a);
}

}  // namespace ops
}  // namespace seqrec
