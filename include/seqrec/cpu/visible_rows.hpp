// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/ops/visible_rows.hpp"

namespace seqrec::cpu {

template <class S, int W>
void visible_rows_forward(BasicContext<S, W>&, const VisibleRowsForward<BasicContext<S, W>>& a) {
  const auto& offsets = a.candidates.items.offsets;
  for (index_t b = 0; b < a.candidates.items.segments(); ++b)
    for (index_t c = offsets(b); c < offsets(b + 1); ++c) {
      if (a.candidates.visible(c) == 0)
        row_array(a.y, c).setZero();
      else
        row_array(a.y, c) = row_array(a.x, a.offsets(b) + a.candidates.visible(c) - 1);
    }
}

template <class S, int W>
void visible_rows_backward(BasicContext<S, W>&, const VisibleRowsBackward<BasicContext<S, W>>& a) {
  if (!a.dx.adds())
    for (index_t i = 0; i < a.dx.view.rows(); ++i) row_array(a.dx.view, i).setZero();
  const auto& offsets = a.candidates.items.offsets;
  for (index_t b = 0; b < a.candidates.items.segments(); ++b)
    for (index_t c = offsets(b); c < offsets(b + 1); ++c)
      if (a.candidates.visible(c) != 0)
        row_array(a.dx.view, a.offsets(b) + a.candidates.visible(c) - 1) += row_array(a.dy, c);
}

}  // namespace seqrec::cpu
