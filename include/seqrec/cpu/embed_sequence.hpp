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
  const auto scale = static_cast<S>(a.scale);
  DropoutRows kept(context, a.dropout, a.y.rows(), width);
  const auto embed = [&](index_t row, const S* position) {
    auto y = row_array(a.y, row);
    y = scale * row_array(a.table, a.items(row));
    if (position != nullptr) y += array(position, width);
    if (kept.active()) y *= array(kept.row(row), width);
  };
  if (!a.positions)
    for (index_t row = 0; row < a.y.rows(); ++row) embed(row, nullptr);
  else
    for (index_t b = 0; b + 1 < a.offsets.size(); ++b) {
      const index_t first = a.offsets(b), length = a.offsets(b + 1) - first;
      for (index_t r = 0; r < length; ++r)
        embed(first + r, a.positions.row(position_row(a.origin, r, length, a.positions.rows())));
    }
}

template <class S, int W>
void embed_sequence_backward(BasicContext<S, W>& context, const EmbedSequenceBackward<BasicContext<S, W>>& a) {
  const index_t width = a.dy.columns();
  const auto scale = static_cast<S>(a.scale);
  DropoutRows kept(context, a.dropout, a.dy.rows(), width);
  const auto take_back = [&](index_t row, S* dposition) {
    auto dy = row_array(a.dy, row);
    if (kept.active()) dy *= array(kept.row(row), width);
    if (dposition != nullptr) array(dposition, width) += dy;
    dy *= scale;
  };
  if (!a.dpositions)
    for (index_t row = 0; row < a.dy.rows(); ++row) take_back(row, nullptr);
  else
    for (index_t b = 0; b + 1 < a.offsets.size(); ++b) {
      const index_t first = a.offsets(b), length = a.offsets(b + 1) - first;
      for (index_t r = 0; r < length; ++r)
        take_back(first + r, a.dpositions.row(position_row(a.origin, r, length, a.dpositions.rows())));
    }
}

}  // namespace seqrec::cpu
