// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/ops/gather_rows.hpp"

namespace seqrec::cpu {

template <class S, int W>
void gather_rows_forward(BasicContext<S, W>&, const GatherRowsForward<BasicContext<S, W>>& a) {
  for (index_t i = 0; i < a.rows.size(); ++i) {
    if (a.rows(i) < 0)
      row_array(a.y, i).setZero();
    else
      row_array(a.y, i) = row_array(a.x, a.rows(i));
  }
}

template <class S, int W>
void gather_rows_backward(BasicContext<S, W>&, const GatherRowsBackward<BasicContext<S, W>>& a) {
  if (!a.dx.adds())
    for (index_t row = 0; row < a.dx.view.rows(); ++row) row_array(a.dx.view, row).setZero();
  for (index_t i = 0; i < a.rows.size(); ++i)
    if (a.rows(i) >= 0) row_array(a.dx.view, a.rows(i)) += row_array(a.dy, i);
}

template <class S, int W>
void last_row_numbers(BasicContext<S, W>&, const LastRowNumbers<BasicContext<S, W>>& a) {
  for (index_t b = 0; b < a.rows.size(); ++b) {
    const bool empty = a.offsets(b + 1) == a.offsets(b);
    a.rows(b) = empty ? -1 : a.offsets(b + 1) - 1;
    if (a.users) a.users(b) = empty ? -1 : static_cast<offset_t>(b);
  }
}

template <class S, int W>
void visible_row_numbers(BasicContext<S, W>&, const VisibleRowNumbers<BasicContext<S, W>>& a) {
  for (index_t b = 0; b + 1 < a.offsets.size(); ++b)
    for (index_t c = a.candidate_offsets(b); c < a.candidate_offsets(b + 1); ++c)
      a.rows(c) = a.visible(c) > 0 ? a.offsets(b) + a.visible(c) - 1 : -1;
}

}  // namespace seqrec::cpu
