// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "seqrec/core/dropout.hpp"
#include "seqrec/core/tensor.hpp"
#include "seqrec/ops/fallback.hpp"
#include "seqrec/ops/gradient.hpp"

namespace seqrec {

/// What a hidden layer applies to each of its units.
enum class Nonlinearity {
  relu,     ///< max(x, 0)
  sigmoid,  ///< 1 / (1 + exp(-x))
  prelu,    ///< x where x > 0, else alpha x, alpha learned for each unit (He et al. 2015, arXiv:1502.01852)
  dice,  ///< x (p + alpha (1 - p)), p = sigmoid((x - mean) / sqrt(variance + epsilon)) (DIN, Zhou et al. 2018, eq. 3)
};

constexpr std::array<const char*, 4> names_of(Nonlinearity) { return {"relu", "sigmoid", "prelu", "dice"}; }

constexpr bool has_slope(Nonlinearity f) { return f == Nonlinearity::prelu || f == Nonlinearity::dice; }

/// An activation with what it has learned, unit by unit.
///
/// Dice normalises by running statistics and takes them as constants: a batch neither sees itself nor leaks its labels
/// through its own mean (the reference code's batch normalisation did). Its backward pass leaves the sums from which
/// the layer moves the statistics after the step.
template <class Context>
struct UnitActivation {
  Nonlinearity kind = Nonlinearity::relu;
  const_vector_of<Context> alpha;     ///< (H) prelu and dice
  const_vector_of<Context> mean;      ///< (H) dice
  const_vector_of<Context> variance;  ///< (H) dice
  double epsilon = 1e-8;              ///< dice

  master_vector_of<Context> dalpha;   ///< (H) added to; null if not wanted
  master_vector_of<Context> sum;      ///< (H) dice: of x over rows, added to; null if not wanted
  master_vector_of<Context> squares;  ///< (H) dice: of x^2 over rows, added to; null if and only if sum is
  master_vector_of<Context> rows;     ///< (1) dice: how many rows there were, added to; null if and only if sum is
};

/// y = dropout(f(x)), unit by unit.
template <class Context>
struct UnitActivationForward {
  const_matrix_of<Context> x;  ///< (N, H)
  UnitActivation<Context> f;
  matrix_of<Context> y;  ///< (N, H) may be x
  Dropout dropout;
};

/// Gradients of UnitActivationForward.
template <class Context>
struct UnitActivationBackward {
  const_matrix_of<Context> x;  ///< (N, H) the forward's, so its y must not have been x
  UnitActivation<Context> f;
  matrix_of<Context> dy;  ///< (N, H) overwritten
  Gradient<Context> dx;   ///< (N, H) may be dy itself, if it writes
  Dropout dropout;
};

namespace ops {

SEQREC_OP_FALLBACK(unit_activation_forward)
SEQREC_OP_FALLBACK(unit_activation_backward)

/// @throws ShapeError unless the activation has what its kind needs, for `units` units
template <class Context>
void check_unit_activation(const char* op, const UnitActivation<Context>& f, index_t units) {
  if (has_slope(f.kind)) check_extent(op, "size of alpha", f.alpha.size(), units);
  if (f.dalpha) check_extent(op, "size of dalpha", f.dalpha.size(), units);
  if (f.kind != Nonlinearity::dice) return;
  check_extent(op, "size of mean", f.mean.size(), units);
  check_extent(op, "size of variance", f.variance.size(), units);
  if (!f.sum) return;
  check_extent(op, "size of sum", f.sum.size(), units);
  check_extent(op, "size of squares", f.squares.size(), units);
  check_extent(op, "size of rows", f.rows.size(), 1);
}

/// @throws ShapeError when extents disagree. One pass.
template <class Context>
void unit_activation_forward(Context& context, const UnitActivationForward<Context>& a) {
  constexpr const char* op = "unit_activation";
  check_unit_activation(op, a.f, a.x.columns());
  check_extent(op, "rows of y", a.y.rows(), a.x.rows());
  check_extent(op, "columns of y", a.y.columns(), a.x.columns());
  using fallback::unit_activation_forward;
  unit_activation_forward(context, a);
}

/// @throws ShapeError when extents disagree. One pass.
template <class Context>
void unit_activation_backward(Context& context, const UnitActivationBackward<Context>& a) {
  constexpr const char* op = "unit_activation backward";
  check_unit_activation(op, a.f, a.x.columns());
  check_extent(op, "rows of dy", a.dy.rows(), a.x.rows());
  check_extent(op, "columns of dy", a.dy.columns(), a.x.columns());
  if (a.dx) {
    check_extent(op, "rows of dx", a.dx.view.rows(), a.x.rows());
    check_extent(op, "columns of dx", a.dx.view.columns(), a.x.columns());
  }
  using fallback::unit_activation_backward;
  unit_activation_backward(context, a);
}

}  // namespace ops
}  // namespace seqrec
