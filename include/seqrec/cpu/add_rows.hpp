// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/pieces.hpp"
#include "seqrec/ops/add_rows.hpp"

namespace seqrec::cpu {

namespace detail {

/// Adds the entries of a row of the index to `Pieces` pieces of its target, which stay in registers meanwhile.
template <std::size_t Pieces, class S, int W, class Count>
EIGEN_ALWAYS_INLINE void add_entries(const AddRows<BasicContext<S, W>>& a, index_t i, index_t column, Count count) {
  constexpr auto size = static_cast<std::size_t>(piece_size<S>);
  const auto source_row = [&](index_t e) {
    return a.source.row(static_cast<std::uint32_t>(a.index.order(e)) / static_cast<std::uint32_t>(a.entries_per_row)) +
           column;
  };
  S* const to = a.target.row(a.index.rows(i)) + column;
  std::array<Piece<S>, Pieces> sums;
  for (std::size_t p = 0; p < Pieces; ++p) sums[p] = load_piece(to + p * size, count);
  for (index_t e = a.index.row_offsets(i); e < a.index.row_offsets(i + 1); ++e) {
    if (e + rows_ahead < a.index.order.size())
      prefetch_row(source_row(e + rows_ahead), static_cast<index_t>(Pieces * size));
    const S* const source = source_row(e);
    const S coefficient = a.coefficients ? a.coefficients(a.index.order(e)) : S(1);
    for (std::size_t p = 0; p < Pieces; ++p) sums[p] += coefficient * load_piece(source + p * size, count);
  }
  for (std::size_t p = 0; p < Pieces; ++p) store_piece(sums[p], to + p * size, count);
}

}  // namespace detail

template <class S, int W>
void add_rows(BasicContext<S, W>&, const AddRows<BasicContext<S, W>>& a) {
  constexpr index_t strip = 4 * piece_size<S>;
  const index_t columns = a.target.columns();
  for (index_t i = 0; i < a.index.rows.size(); ++i) {
    index_t column = 0;
    for (; column + strip <= columns; column += strip) detail::add_entries<4>(a, i, column, WholePiece<S>{});
    for (; column + piece_size<S> <= columns; column += piece_size<S>)
      detail::add_entries<1>(a, i, column, WholePiece<S>{});
    if (column < columns) detail::add_entries<1>(a, i, column, columns - column);
  }
}

}  // namespace seqrec::cpu
