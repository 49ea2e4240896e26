// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/dropout.hpp"
#include "seqrec/cpu/pieces.hpp"
#include "seqrec/ops/dropout_residual_layer_norm.hpp"

namespace seqrec::cpu {

template <class S, int W>
void dropout_residual_layer_norm_forward(BasicContext<S, W>& context,
                                         const DropoutResidualLayerNormForward<BasicContext<S, W>>& a) {
  using P = Piece<S>;
  const index_t width = a.x.columns();
  const S inverse_width = S(1) / static_cast<S>(width), epsilon = static_cast<S>(a.epsilon);
  const DropoutRows kept(context, a.dropout, a.x.rows(), width);
  for (index_t i = 0; i < a.x.rows(); ++i) {
    const S* s = a.x.row(i);
    if (a.residual) {
      map_pieces(
          a.sum.row(i), width, [](const P& r, const P& x, const P& factor) -> P { return r + x * factor; },
          a.residual.row(i), a.x.row(i), kept.row(i));
      s = a.sum.row(i);
    }
    const S mean = sum_of_pieces(s, width) * inverse_width;
    const S squares = sum_of_pieces<S>(
        width, [mean](const P& x) -> P { return (x - mean).square(); }, s);
    const S rstd = S(1) / std::sqrt(squares * inverse_width + epsilon);
    map_pieces(
        a.y.row(i), width,
        [mean, rstd](const P& x, const P& gamma, const P& beta) -> P { return (x - mean) * rstd * gamma + beta; }, s,
        a.gamma.data, a.beta.data);
    a.mean(i) = mean;
    a.rstd(i) = rstd;
  }
}

template <class S, int W>
void dropout_residual_layer_norm_backward(BasicContext<S, W>& context,
                                          const DropoutResidualLayerNormBackward<BasicContext<S, W>>& a) {
  using P = Piece<S>;
  const index_t width = a.sum.columns();
  const S inverse_width = S(1) / static_cast<S>(width);
  const DropoutRows kept(context, a.dropout, a.sum.rows(), width);
  for (index_t i = 0; i < a.sum.rows(); ++i) {
    const S mean = a.dy ? a.mean(i) : S(0), rstd = a.dy ? a.rstd(i) : S(0);
    const auto normalised = [&](index_t j, auto count) SEQREC_INLINE_LAMBDA -> P {
      return (load_piece(a.sum.row(i) + j, count) - mean) * rstd;
    };
    // First the sums over the row of gamma dy and of gamma dy normalised, in lanes.
    P sum = P::Zero(), sum_of_products = P::Zero();
    for_each_piece<S>(a.dy ? width : 0, [&](index_t j, auto count) SEQREC_INLINE_LAMBDA {
      const P dy = load_piece(a.dy.row(i) + j, count), n = normalised(j, count);  // dy is 0 behind the row's end
      if (a.dgamma) add_piece<S>(dy * n, a.dgamma.data + j, count);
      if (a.dbeta) add_piece<S>(dy, a.dbeta.data + j, count);
      const P scaled = dy * load_piece(a.gamma.data + j, count);
      sum += scaled;
      sum_of_products += scaled * n;
    });
    const S offset = sum.sum() * inverse_width, slope = sum_of_products.sum() * inverse_width;
    const KeptRow<S> factors = kept.row(i);
    for_each_piece<S>(width, [&](index_t j, auto count) SEQREC_INLINE_LAMBDA {
      P ds = P::Zero();
      if (a.dy) {
        const P scaled = load_piece(a.dy.row(i) + j, count) * load_piece(a.gamma.data + j, count);
        ds = (scaled - offset - normalised(j, count) * slope) * rstd;
      }
      if (a.dsum) ds += load_piece(a.dsum.row(i) + j, count);
      leave_piece(a.dresidual, i, j, ds, count);
      leave_piece(a.dx, i, j, ds * load_piece(factors + j, count), count);
    });
  }
}

}  // namespace seqrec::cpu
