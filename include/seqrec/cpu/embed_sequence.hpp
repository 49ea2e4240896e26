// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/dropout.hpp"
#include "seqrec/cpu/pieces.hpp"
#include "seqrec/ops/embed_sequence.hpp"

namespace seqrec::cpu {

template <class S, int W>
void embed_sequence_forward(BasicContext<S, W>& context, const EmbedSequenceForward<BasicContext<S, W>>& a) {
  using P = Piece<S>;
  const index_t width = a.y.columns();
  const auto scale = static_cast<S>(a.scale);
  const DropoutRows kept(context, a.dropout, a.y.rows(), width);
  const auto embed = [&](index_t row, const S* position) {
    if (row + rows_ahead < a.y.rows()) prefetch_row(a.table.row(a.items(row + rows_ahead)), width);
    const S* const vector = a.table.row(a.items(row));
    if (position != nullptr)
      map_pieces(
          a.y.row(row), width,
          [scale](const P& v, const P& at, const P& factor) -> P { return (scale * v + at) * factor; }, vector,
          position, kept.row(row));
    else
      map_pieces(
          a.y.row(row), width, [scale](const P& v, const P& factor) -> P { return scale * v * factor; }, vector,
          kept.row(row));
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
  using P = Piece<S>;
  const index_t width = a.dy.columns();
  const auto scale = static_cast<S>(a.scale);
  const DropoutRows kept(context, a.dropout, a.dy.rows(), width);
  const auto take_back = [&](index_t row, S* dposition) {
    const KeptRow<S> factors = kept.row(row);
    for_each_piece<S>(width, [&](index_t j, auto count) SEQREC_INLINE_LAMBDA {
      S* const place = a.dy.row(row) + j;
      const P dy = load_piece(place, count) * load_piece(factors + j, count);
      if (dposition != nullptr) add_piece(dy, dposition + j, count);
      store_piece<S>(dy * scale, place, count);
    });
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
