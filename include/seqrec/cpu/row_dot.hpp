// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/ops/row_dot.hpp"

namespace seqrec::cpu {

template <class S, int W>
void row_dot_forward(BasicContext<S, W>&, const RowDotForward<BasicContext<S, W>>& a) {
  for (index_t c = 0; c < a.a.rows(); ++c) a.y(c, 0) = (row_array(a.a, c) * row_array(a.b, c)).sum();
}

template <class S, int W>
void row_dot_backward(BasicContext<S, W>&, const RowDotBackward<BasicContext<S, W>>& a) {
  for (index_t c = 0; c < a.a.rows(); ++c) {
    leave_row(a.da, c, a.dy(c, 0) * row_array(a.b, c));
    leave_row(a.db, c, a.dy(c, 0) * row_array(a.a, c));
  }
}

}  // namespace seqrec::cpu
