// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/dropout.hpp"
#include "seqrec/cpu/gemm.hpp"
#include "seqrec/cpu/pieces.hpp"
#include "seqrec/ops/linear.hpp"

namespace seqrec::cpu {

namespace detail {

/// y = activation(y), of what the product's own epilogue does not do.
template <class S>
void activate_row(Activation activation, S* y, index_t columns) {
  if (activation == Activation::sigmoid)
    map_pieces(
        y, columns, [](const Piece<S>& x) -> Piece<S> { return x.logistic(); }, y);
  if (activation == Activation::tanh)
    map_pieces(
        y, columns, [](const Piece<S>& x) -> Piece<S> { return x.tanh(); }, y);
}

}  // namespace detail

template <class S, int W>
void linear_forward(BasicContext<S, W>& context, const LinearForward<BasicContext<S, W>>& a) {
  const bool relu = a.activation == Activation::relu;
  gemm_bias(a.x, transposed(a.weight), const_vector_of<BasicContext<S, W>>(a.bias), relu, a.y);
  if ((relu || a.activation == Activation::none) && !a.dropout.active()) return;
  const index_t columns = a.y.columns();
  DropoutRows kept(context, a.dropout, a.y.rows(), columns);
  for (index_t i = 0; i < a.y.rows(); ++i) {
    detail::activate_row(a.activation, a.y.row(i), columns);
    if (kept.active()) row_array(a.y, i) *= array(kept.row(i), columns);
  }
}

template <class S, int W>
void linear_backward(BasicContext<S, W>& context, const LinearBackward<BasicContext<S, W>>& a) {
  const index_t columns = a.dy.columns();
  const auto scale = static_cast<S>(a.dropout.scale());
  if (a.activation == Activation::relu) {
    // y > 0 says both that the element was positive and that dropout kept it.
    for (index_t i = 0; i < a.dy.rows(); ++i)
      row_array(a.dy, i) = (row_array(a.y, i) > S(0)).select(scale * row_array(a.dy, i), S(0));
  } else if (a.activation != Activation::none || a.dropout.active()) {
    DropoutRows kept(context, a.dropout, a.dy.rows(), columns);
    for (index_t i = 0; i < a.dy.rows(); ++i) {
      auto dy = row_array(a.dy, i);
      if (kept.active()) dy *= array(kept.row(i), columns);
      if (a.activation == Activation::none) continue;
      // What the activation made, where dropout kept it; elsewhere dy is zero already.
      const auto y = row_array(a.y, i) * (S(1) / scale);
      if (a.activation == Activation::sigmoid) dy *= y * (S(1) - y);
      if (a.activation == Activation::tanh) dy *= S(1) - y.square();
    }
  }
  if (a.dbias)
    for (index_t i = 0; i < a.dy.rows(); ++i) array(a.dbias.data, columns) += row_array(a.dy, i);
  if (a.dweight) gemm(transposed(a.dy), a.x, a.dweight, GradientMode::add);
  if (a.dx) gemm(MatrixView<const S, HostSpace>(a.dy), a.weight, a.dx.view, a.dx.mode);
}

}  // namespace seqrec::cpu
