// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/check_shape.hpp"
#include "seqrec/core/dropout.hpp"
#include "seqrec/ops/activation.hpp"
#include "seqrec/ops/fallback.hpp"
#include "seqrec/ops/gradient.hpp"

namespace seqrec {

/// y = dropout(activation(x weight' + bias)), one pass: bias, activation and dropout are the product's epilogue.
/// A row of y depends on its row of x alone, to the last bit, whatever other rows there are.
template <class Context>
struct LinearForward {
  const_matrix_of<Context> x;                ///< (N, I)
  const_matrix_of<Context> weight;           ///< (O, I), as PyTorch keeps it
  const_vector_of<Context> bias;             ///< (O), or null for none
  matrix_of<Context> y;                      ///< (N, O), must not overlap x
  Activation activation = Activation::none;  ///< one without parameters
  Dropout dropout{};
  bool exact = false;  ///< in full precision, whatever products the context is told to take
};

/// Gradients of LinearForward.
template <class Context>
struct LinearBackward {
  const_matrix_of<Context> x;         ///< (N, I)
  const_matrix_of<Context> weight;    ///< (O, I)
  const_matrix_of<Context> y;         ///< (N, O) the forward's result; read only where there is an activation
  matrix_of<Context> dy;              ///< (N, O) overwritten: the epilogue's backward works in place
  Gradient<Context> dx;               ///< (N, I)
  master_matrix_of<Context> dweight;  ///< (O, I) added to; null if not wanted
  master_vector_of<Context> dbias;    ///< (O) added to; null if not wanted
  Activation activation = Activation::none;
  Dropout dropout{};
  bool exact = false;  ///< as the forward's
};

namespace ops {

SEQREC_OP_FALLBACK(linear_forward)
SEQREC_OP_FALLBACK(linear_backward)

/// @throws ArgumentError when the activation has parameters of its own
inline void check_epilogue(const char* op, Activation activation) {
  if (has_slope(activation))
    throw ArgumentError(concatenate(op, ": activation is ", name_of(activation),
                                    ", expected none, relu, sigmoid or tanh; hint: unit_activation has the others"));
}

/// @throws ShapeError when extents disagree, ArgumentError when the activation has parameters of its own.
/// Cost: 2 N I O operations.
template <class Context>
void linear_forward(Context& context, const LinearForward<Context>& a) {
  constexpr const char* op = "linear";
  const index_t rows = a.x.rows(), inputs = a.x.columns(), outputs = a.weight.rows();
  check_epilogue(op, a.activation);
  check_shape(op, "weight", a.weight, outputs, inputs);
  check_shape(op, "y", a.y, rows, outputs);
  check_optional_shape(op, "bias", a.bias, outputs);
  using fallback::linear_forward;
  linear_forward(context, a);
}

/// @throws ShapeError when extents disagree, ArgumentError when the activation has parameters of its own.
/// Cost: 4 N I O operations.
template <class Context>
void linear_backward(Context& context, const LinearBackward<Context>& a) {
  constexpr const char* op = "linear backward";
  const index_t rows = a.x.rows(), inputs = a.x.columns(), outputs = a.weight.rows();
  check_epilogue(op, a.activation);
  check_shape(op, "weight", a.weight, outputs, inputs);
  check_shape(op, "dy", a.dy, rows, outputs);
  if (a.activation != Activation::none) check_shape(op, "y", a.y, rows, outputs);
  check_optional_shape(op, "dx", a.dx.view, rows, inputs);
  check_optional_shape(op, "dweight", a.dweight, outputs, inputs);
  check_optional_shape(op, "dbias", a.dbias, outputs);
  using fallback::linear_backward;
  linear_backward(context, a);
}

}  // namespace ops
}  // namespace seqrec
