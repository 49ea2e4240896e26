// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/check_shape.hpp"
#include "seqrec/core/dropout.hpp"
#include "seqrec/ops/activation.hpp"
#include "seqrec/ops/fallback.hpp"
#include "seqrec/ops/gradient.hpp"

namespace seqrec {

/// An activation with what it has learned, unit by unit.
///
/// Dice normalises by running statistics and takes them as constants: a batch neither sees itself nor leaks its labels
/// through its own mean (the reference code's batch normalisation did). Its backward pass leaves the sums from which
/// the layer moves the statistics after the step, about the running mean: sums of x itself would lose a deviation that
/// is small beside its mean.
template <class Context>
struct UnitActivation {
  Activation kind = Activation::relu;
  const_vector_of<Context> alpha;     ///< (F) prelu and dice
  const_vector_of<Context> mean;      ///< (F) dice
  const_vector_of<Context> variance;  ///< (F) dice
  double epsilon = 1e-8;              ///< dice

  master_vector_of<Context> dalpha;   ///< (F) added to; null if not wanted
  master_vector_of<Context> sum;      ///< (F) dice: of x - mean over rows, added to; null if not wanted
  master_vector_of<Context> squares;  ///< (F) dice: of (x - mean)^2 over rows, added to; null if and only if sum is
  master_vector_of<Context> rows;     ///< (1) dice: how many rows there were, added to; null if and only if sum is
};

/// y = dropout(f(x)), unit by unit.
template <class Context>
struct UnitActivationForward {
  const_matrix_of<Context> x;  ///< (N, F)
  UnitActivation<Context> f;
  matrix_of<Context> y;  ///< (N, F) may be x
  Dropout dropout;
};

/// Gradients of UnitActivationForward.
template <class Context>
struct UnitActivationBackward {
  const_matrix_of<Context> x;  ///< (N, F) the forward's, so its y must not have been x
  UnitActivation<Context> f;
  matrix_of<Context> dy;  ///< (N, F) overwritten
  Gradient<Context> dx;   ///< (N, F) may be dy itself, if it writes
  Dropout dropout;
};

namespace ops {

SEQREC_OP_FALLBACK(unit_activation_forward)
SEQREC_OP_FALLBACK(unit_activation_backward)

/// @throws ShapeError unless the activation has what its kind needs, for `units` units
template <class Context>
void check_unit_activation(const char* op, const UnitActivation<Context>& f, index_t units) {
  if (has_slope(f.kind)) check_shape(op, "alpha", f.alpha, units);
  check_optional_shape(op, "dalpha", f.dalpha, units);
  if (f.kind != Activation::dice) return;
  check_shape(op, "mean", f.mean, units);
  check_shape(op, "variance", f.variance, units);
  if (!f.sum) return;
  check_shape(op, "sum", f.sum, units);
  check_shape(op, "squares", f.squares, units);
  check_shape(op, "rows", f.rows, 1);
}

/// @throws ShapeError when extents disagree. One pass.
template <class Context>
void unit_activation_forward(Context& context, const UnitActivationForward<Context>& a) {
  constexpr const char* op = "unit_activation";
  check_unit_activation(op, a.f, a.x.columns());
  check_shape(op, "y", a.y, a.x.rows(), a.x.columns());
  using fallback::unit_activation_forward;
  unit_activation_forward(context, a);
}

/// @throws ShapeError when extents disagree. One pass.
template <class Context>
void unit_activation_backward(Context& context, const UnitActivationBackward<Context>& a) {
  constexpr const char* op = "unit_activation backward";
  check_unit_activation(op, a.f, a.x.columns());
  check_shape(op, "dy", a.dy, a.x.rows(), a.x.columns());
  check_optional_shape(op, "dx", a.dx.view, a.x.rows(), a.x.columns());
  using fallback::unit_activation_backward;
  unit_activation_backward(context, a);
}

}  // namespace ops
}  // namespace seqrec
