// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/dropout.hpp"
#include "seqrec/ops/embed_sequence.hpp"

namespace seqrec::cpu {

template <class S, int W>
void embed_sequence_forward(BasicContext<S, W>& context, const EmbedSequenceForward<BasicContext<S, W>>& a) {
  const index_t width = a.y.columns();
  const S scale = static_cast<S>(a.scale);
  DropoutRows kept(context, a.dropout, a.batch.rows(), width);
  for (index_t b = 0; b < a.batch.users(); ++b) {
    const index_t first = a.batch.offsets()(b), length = a.batch.items.length(b);
    for (index_t r = 0; r < length; ++r) {
      const index_t row = first + r;
      auto y = row_array(a.y, row);
      y = scale * row_array(a.table, a.batch.items.values(row));
      if (a.positions) y += row_array(a.positions, position_row(a.origin, r, length, a.positions.rows()));
      if (kept.active()) y *= array(kept.row(row), width);
    }
  }
}

template <class S, int W>
void embed_sequence_backward(BasicContext<S, W>& context, const EmbedSequenceBackward<BasicContext<S, W>>& a) {
  const index_t width = a.dy.columns();
  const S scale = static_cast<S>(a.scale);
  DropoutRows kept(context, a.dropout, a.batch.rows(), width);
  for (index_t b = 0; b < a.batch.users(); ++b) {
    const index_t first = a.batch.offsets()(b), length = a.batch.items.length(b);
    for (index_t r = 0; r < length; ++r) {
      const index_t row = first + r;
      auto dy = row_array(a.dy, row);
      if (kept.active()) dy *= array(kept.row(row), width);
      if (a.dpositions) row_array(a.dpositions, position_row(a.origin, r, length, a.dpositions.rows())) += dy;
      dy *= scale;
    }
  }
}

}  // namespace seqrec::cpu
