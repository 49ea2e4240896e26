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
  const DropoutRows kept(context, a.dropout, a.y.rows(), columns);
  for (index_t i = 0; i < a.y.rows(); ++i) {
    detail::activate_row(a.activation, a.y.row(i), columns);
    mask_elements(a.y.row(i), columns, kept.row(i));
  }
}

namespace detail {

/// What dy is multiplied by where an activation and a mask made y: the slope, times the mask's scale where it kept.
/// @param y of a row under the mask   @param scale the mask's
template <class S>
EIGEN_ALWAYS_INLINE Piece<S> slope_of_output(Activation activation, const Piece<S>& y, const Piece<S>& factor,
                                             S scale) {
  // y > 0 says both that the element was positive and that dropout kept it.
  if (activation == Activation::relu) return (y > S(0)).select(Piece<S>::Constant(scale), S(0));
  // What the activation made, where dropout kept it; elsewhere the factor is 0.
  const Piece<S> made = y * (S(1) / scale);
  if (activation == Activation::sigmoid) return factor * made * (S(1) - made);
  if (activation == Activation::tanh) return factor * (S(1) - made.square());
  return factor;
}

}  // namespace detail

template <class S, int W>
void linear_backward(BasicContext<S, W>& context, const LinearBackward<BasicContext<S, W>>& a) {
  const index_t columns = a.dy.columns();
  const auto scale = static_cast<S>(a.dropout.scale());
  const bool relu = a.activation == Activation::relu;
  const bool changes = a.activation != Activation::none || a.dropout.active();
  const DropoutRows kept(context, relu ? Dropout{} : a.dropout, a.dy.rows(), columns);
  for (index_t i = 0; (changes || a.dbias) && i < a.dy.rows(); ++i)
    for_each_piece<S>(columns, [&](index_t j, auto count) SEQREC_INLINE_LAMBDA {
      S* const place = a.dy.row(i) + j;
      Piece<S> dy = load_piece(place, count);
      if (changes) {
        const Piece<S> y = a.activation == Activation::none ? dy : load_piece(a.y.row(i) + j, count);
        dy *= detail::slope_of_output(a.activation, y, load_piece(kept.row(i) + j, count), scale);
        store_piece(dy, place, count);
      }
      if (a.dbias) add_piece(dy, a.dbias.data + j, count);
    });
  if (a.dweight) gemm(transposed(a.dy), a.x, a.dweight, GradientMode::add);
  if (a.dx) gemm(MatrixView<const S, HostSpace>(a.dy), a.weight, a.dx.view, a.dx.mode);
}

}  // namespace seqrec::cpu
