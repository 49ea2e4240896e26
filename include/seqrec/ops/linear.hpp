// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/dropout.hpp"
#include "seqrec/core/tensor.hpp"
#include "seqrec/ops/fallback.hpp"
#include "seqrec/ops/gradient.hpp"

namespace seqrec {

/// What a linear layer applies to each element of its result.
enum class Activation { none, relu };

/// y = dropout(activation(x weight' + bias)), one pass: bias, activation and dropout are the product's epilogue.
template <class Context>
struct LinearForward {
  const_matrix_of<Context> x;       ///< (N, I)
  const_matrix_of<Context> weight;  ///< (O, I), as PyTorch keeps it
  const_vector_of<Context> bias;    ///< (O), or null for none
  matrix_of<Context> y;             ///< (N, O), must not overlap x
  Activation activation = Activation::none;
  Dropout dropout;
};

/// Gradients of LinearForward.
template <class Context>
struct LinearBackward {
  const_matrix_of<Context> x;         ///< (N, I)
  const_matrix_of<Context> weight;    ///< (O, I)
  const_matrix_of<Context> y;         ///< (N, O) the forward's result; read only where it has an activation
  matrix_of<Context> dy;              ///< (N, O) overwritten: the epilogue's backward works in place
  Gradient<Context> dx;               ///< (N, I)
  master_matrix_of<Context> dweight;  ///< (O, I) added to; null if not wanted
  master_vector_of<Context> dbias;    ///< (O) added to; null if not wanted
  Activation activation = Activation::none;
  Dropout dropout;
};

namespace ops {

SEQREC_OP_FALLBACK(linear_forward)
SEQREC_OP_FALLBACK(linear_backward)

/// @throws ShapeError when extents disagree. Cost: 2 N I O operations.
template <class Context>
void linear_forward(Context& context, const LinearForward<Context>& a) {
  check_extent("linear", "columns of weight", a.weight.columns(), a.x.columns());
  check_extent("linear", "rows of y", a.y.rows(), a.x.rows());
  check_extent("linear", "columns of y", a.y.columns(), a.weight.rows());
  if (a.bias) check_extent("linear", "size of bias", a.bias.size(), a.weight.rows());
  using fallback::linear_forward;
  linear_forward(context, a);
}

/// @throws ShapeError when extents disagree. Cost: 4 N I O operations.
template <class Context>
void linear_backward(Context& context, const LinearBackward<Context>& a) {
  check_extent("linear backward", "columns of weight", a.weight.columns(), a.x.columns());
  check_extent("linear backward", "rows of dy", a.dy.rows(), a.x.rows());
  check_extent("linear backward", "columns of dy", a.dy.columns(), a.weight.rows());
  if (a.activation != Activation::none) {
    check_extent("linear backward", "rows of y", a.y.rows(), a.x.rows());
    check_extent("linear backward", "columns of y", a.y.columns(), a.weight.rows());
  }
  if (a.dx) {
    check_extent("linear backward", "rows of dx", a.dx.view.rows(), a.x.rows());
    check_extent("linear backward", "columns of dx", a.dx.view.columns(), a.x.columns());
  }
  if (a.dweight) {
    check_extent("linear backward", "rows of dweight", a.dweight.rows(), a.weight.rows());
    check_extent("linear backward", "columns of dweight", a.dweight.columns(), a.weight.columns());
  }
  if (a.dbias) check_extent("linear backward", "size of dbias", a.dbias.size(), a.weight.rows());
  using fallback::linear_backward;
  linear_backward(context, a);
}

}  // namespace ops
}  // namespace seqrec
