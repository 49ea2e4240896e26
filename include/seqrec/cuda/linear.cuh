// SPDX-License-Identifier: Apache-2.0
// y = dropout(activation(x weight' + bias)) and its gradients: cuBLAS products, and an epilogue in place.
//
// Epilogues: one warp per row, one lane a column. Memory, beside the products: each epilogue reads and writes y (or dy)
// once; the bias gradient reads dy once more.
#pragma once

#include "seqrec/cuda/activation.cuh"
#include "seqrec/cuda/column_sums.cuh"
#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/dropout.cuh"
#include "seqrec/cuda/gemm.cuh"
#include "seqrec/cuda/rows.cuh"
#include "seqrec/ops/linear.hpp"

namespace seqrec::cuda {

template <class S>
__global__ void linear_epilogue_kernel(LinearForward<BasicContext<S>> a, DropoutFactors<S> factors) {
  const index_t row = row_of_warp();
  if (row >= a.y.rows()) return;
  for_columns_of_lane(a.y.columns(), [&](index_t column) {
    S value = a.y(row, column);
    if (a.bias) value += a.bias(column);
    a.y(row, column) = activated(a.activation, value) * factors(row, column);
  });
}

template <class S>
void linear_forward(BasicContext<S>& context, const LinearForward<BasicContext<S>>& a) {
  gemm(context, a.x, transposed(a.weight), a.y);
  const bool plain = !a.bias && a.activation == Activation::none && !a.dropout.active();
  if (plain) return;
  launch<linear_epilogue_kernel<S>>(context, warp_per_row(a.y.rows()), a, DropoutFactors<S>(a.dropout));
}

/// Takes dy back through dropout and activation, in place.
template <class S>
__global__ void linear_epilogue_backward_kernel(LinearBackward<BasicContext<S>> a, DropoutFactors<S> factors) {
  const index_t row = row_of_warp();
  if (row >= a.dy.rows()) return;
  for_columns_of_lane(a.dy.columns(), [&](index_t column) {
    S& dy = a.dy(row, column);
    if (a.activation == Activation::none) {
      dy *= factors(row, column);
    } else if (a.activation == Activation::relu) {
      // y > 0 says both that the element was positive and that dropout kept it.
      dy *= a.y(row, column) > S{0} ? factors.kept() : S{0};
    } else {
      // What the activation made, where dropout kept it; elsewhere the factor is zero.
      dy *= factors(row, column) * slope_at(a.activation, a.y(row, column) * (S{1} / factors.kept()));
    }
  });
}

template <class S>
void linear_backward(BasicContext<S>& context, const LinearBackward<BasicContext<S>>& a) {
  if (a.activation != Activation::none || a.dropout.active())
    launch<linear_epilogue_backward_kernel<S>>(context, warp_per_row(a.dy.rows()), a, DropoutFactors<S>(a.dropout));
  const const_matrix_of<BasicContext<S>> dy = a.dy;
  if (a.dbias) add_column_sums(context, dy.rows(), MatrixValues<S>{dy}, a.dbias);
  if (a.dweight) gemm(context, transposed(dy), a.x, a.dweight, GradientMode::add);
  if (a.dx) gemm(context, dy, a.weight, a.dx.view, a.dx.mode);
}

}  // namespace seqrec::cuda
