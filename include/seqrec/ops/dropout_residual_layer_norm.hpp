// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/check_shape.hpp"
#include "seqrec/core/dropout.hpp"
#include "seqrec/ops/fallback.hpp"
#include "seqrec/ops/gradient.hpp"

namespace seqrec {

/// sum = residual + dropout(x);  y = (sum - mean) rstd gamma + beta,  rstd = 1 / sqrt(var + epsilon), biased variance.
///
/// Layer normalisation over the last axis (Ba et al. 2016, arXiv:1607.06450, eq. 3-4) fused with the residual addition
/// before it. Without `residual` it normalises `x` itself, which is then its own sum.
template <class Context>
struct DropoutResidualLayerNormForward {
  const_matrix_of<Context> x;         ///< (N, D) the branch's result, or, without residual, what is normalised
  const_matrix_of<Context> residual;  ///< (N, D), or null for a plain layer norm
  const_vector_of<Context> gamma;     ///< (D)
  const_vector_of<Context> beta;      ///< (D)
  matrix_of<Context> sum;             ///< (N, D) may alias x or residual; null if and only if residual is null
  matrix_of<Context> y;               ///< (N, D)
  vector_of<Context> mean;            ///< (N) kept for backward
  vector_of<Context> rstd;            ///< (N) kept for backward
  double epsilon = 1e-5;
  Dropout dropout;  ///< of x; without residual it must be inactive
};

/// Gradients of DropoutResidualLayerNormForward. Gradient arrives at both results.
template <class Context>
struct DropoutResidualLayerNormBackward {
  const_matrix_of<Context> sum;      ///< (N, D) what was normalised: the forward's sum (x without residual)
  const_vector_of<Context> gamma;    ///< (D)
  const_vector_of<Context> mean;     ///< (N)
  const_vector_of<Context> rstd;     ///< (N)
  const_matrix_of<Context> dy;       ///< (N, D), or null if nothing read y
  const_matrix_of<Context> dsum;     ///< (N, D), or null if nothing else read sum
  Gradient<Context> dx;              ///< (N, D)
  Gradient<Context> dresidual;       ///< (N, D); null without residual
  master_vector_of<Context> dgamma;  ///< (D) added to; null if not wanted
  master_vector_of<Context> dbeta;   ///< (D) added to; null if not wanted
  Dropout dropout;
};

namespace ops {

SEQREC_OP_FALLBACK(dropout_residual_layer_norm_forward)
SEQREC_OP_FALLBACK(dropout_residual_layer_norm_backward)

/// Sums in accumulator_of<Scalar>. Reads 2 N D, writes 2 N D + 2 N.
/// @throws ShapeError when extents disagree, ArgumentError when only the residual's companions are given
template <class Context>
void dropout_residual_layer_norm_forward(Context& context, const DropoutResidualLayerNormForward<Context>& a) {
  constexpr const char* op = "dropout_residual_layer_norm";
  const index_t rows = a.x.rows(), width = a.x.columns();
  check_shape(op, "gamma", a.gamma, width);
  check_shape(op, "beta", a.beta, width);
  check_shape(op, "y", a.y, rows, width);
  check_shape(op, "mean", a.mean, rows);
  check_shape(op, "rstd", a.rstd, rows);
  if (a.residual) {
    check_shape(op, "residual", a.residual, rows, width);
    check_shape(op, "sum", a.sum, rows, width);
  } else {
    if (a.sum)
      throw ArgumentError(
          "dropout_residual_layer_norm: sum without a residual; expected null, because x is its own sum");
    if (a.dropout.active())
      throw ArgumentError("dropout_residual_layer_norm: dropout without a residual; expected an inactive dropout");
  }
  using fallback::dropout_residual_layer_norm_forward;
  dropout_residual_layer_norm_forward(context, a);
}

/// @throws ShapeError when extents disagree
template <class Context>
void dropout_residual_layer_norm_backward(Context& context, const DropoutResidualLayerNormBackward<Context>& a) {
  constexpr const char* op = "dropout_residual_layer_norm backward";
  const index_t rows = a.sum.rows(), width = a.sum.columns();
  check_shape(op, "gamma", a.gamma, width);
  check_shape(op, "mean", a.mean, rows);
  check_shape(op, "rstd", a.rstd, rows);
  check_optional_shape(op, "dy", a.dy, rows, width);
  check_optional_shape(op, "dsum", a.dsum, rows, width);
  check_optional_shape(op, "dx", a.dx.view, rows, width);
  check_optional_shape(op, "dresidual", a.dresidual.view, rows, width);
  check_optional_shape(op, "dgamma", a.dgamma, width);
  check_optional_shape(op, "dbeta", a.dbeta, width);
  using fallback::dropout_residual_layer_norm_backward;
  dropout_residual_layer_norm_backward(context, a);
}

}  // namespace ops
}  // namespace seqrec
