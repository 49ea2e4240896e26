// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/dropout.hpp"
#include "seqrec/cpu/pieces.hpp"
#include "seqrec/ops/gated_silu.hpp"

namespace seqrec::cpu {

template <class S, int W>
void gated_silu_forward(BasicContext<S, W>& context, const GatedSiluForward<BasicContext<S, W>>& a) {
  const index_t rows = a.gate.rows(), columns = a.gate.columns();
  const DropoutRows kept(context, a.dropout, rows, columns);
  for (index_t i = 0; i < rows; ++i) {
    if (a.x)
      map_pieces(
          a.y.row(i), columns,
          [](const Piece<S>& gate, const Piece<S>& x) -> Piece<S> { return gate.logistic() * gate * x; }, a.gate.row(i),
          a.x.row(i));
    else
      map_pieces(
          a.y.row(i), columns, [](const Piece<S>& gate) -> Piece<S> { return gate.logistic() * gate; }, a.gate.row(i));
    mask_elements(a.y.row(i), columns, kept.row(i));
  }
}

template <class S, int W>
void gated_silu_backward(BasicContext<S, W>& context, const GatedSiluBackward<BasicContext<S, W>>& a) {
  const index_t rows = a.gate.rows(), columns = a.gate.columns();
  const DropoutRows kept(context, a.dropout, rows, columns);
  auto open = array(context.vector(columns).data, columns), dy = array(context.vector(columns).data, columns);
  for (index_t i = 0; i < rows; ++i) {
    const auto gate = row_array(a.gate, i);
    dy = row_array(a.dy, i);
    mask_elements(dy.data(), columns, kept.row(i));
    open = gate.logistic();
    if (a.x) {
      leave_row(a.dgate, i, dy * row_array(a.x, i) * open * (S(1) + gate * (S(1) - open)));
      leave_row(a.dx, i, dy * gate * open);
    } else {
      leave_row(a.dgate, i, dy * open * (S(1) + gate * (S(1) - open)));
    }
  }
}

}  // namespace seqrec::cpu
