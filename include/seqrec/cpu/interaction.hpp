// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/ops/interaction.hpp"

namespace seqrec::cpu {

template <class S, int W>
void interaction_forward(BasicContext<S, W>&, const InteractionForward<BasicContext<S, W>>& a) {
  const index_t width = a.u.columns();
  for (index_t c = 0; c < a.u.rows(); ++c) {
    const auto u = row_array(a.u, c), q = row_array(a.q, c);
    S* y = a.y.row(c);
    array(y, width) = u;
    array(y + width, width) = q;
    array(y + 2 * width, width) = u * q;
    if (a.f) array(y + 3 * width, a.f.columns()) = row_array(a.f, c);
  }
}

template <class S, int W>
void interaction_backward(BasicContext<S, W>&, const InteractionBackward<BasicContext<S, W>>& a) {
  const index_t width = a.u.columns();
  for (index_t c = 0; c < a.u.rows(); ++c) {
    const S* dy = a.dy.row(c);
    const auto product = array(dy + 2 * width, width);
    leave_row(a.du, c, array(dy, width) + product * row_array(a.q, c));
    leave_row(a.dq, c, array(dy + width, width) + product * row_array(a.u, c));
    if (a.df) leave_row(a.df, c, array(dy + 3 * width, a.df.view.columns()));
  }
}

}  // namespace seqrec::cpu
