// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "seqrec/cpu/arrays.hpp"

// Element-wise functions whose result does not depend on where an element stands. Eigen computes the ends of an array,
// and what lies before the first aligned address, one element at a time, where exp and the like have other last bits
// than in a vector. Here every element goes through the same vector instructions: rows are taken in pieces of one fixed
// size, the last one padded.

namespace seqrec::cpu {

/// Elements of a piece: a cache line, which is whole vectors on every processor.
template <class S>
inline constexpr index_t piece_size = static_cast<index_t>(64 / sizeof(S));

template <class S>
using Piece = Eigen::Array<S, static_cast<int>(piece_size<S>), 1>;

/// The next `count` elements, at most a piece of them; the rest is zero.
template <class S>
Piece<S> load_piece(const S* from, index_t count) {
  if (count >= piece_size<S>) return Eigen::Map<const Piece<S>>(from);
  Piece<S> piece = Piece<S>::Zero();
  std::copy_n(from, count, piece.data());
  return piece;
}

template <class S>
void store_piece(const Piece<S>& piece, S* to, index_t count) {
  if (count >= piece_size<S>)
    Eigen::Map<Piece<S>>(to, piece_size<S>) = piece;
  else
    std::copy_n(piece.data(), count, to);
}

/// to = f(rows...), element by element; f takes and returns pieces. `to` may be one of the rows.
template <class S, class Function, class... Rows>
void map_pieces(S* to, index_t size, Function f, const Rows*... rows) {
  for (index_t i = 0; i < size; i += piece_size<S>) {
    const index_t count = std::min(piece_size<S>, size - i);
    const Piece<S> y = f(load_piece(rows + i, count)...);
    store_piece(y, to + i, count);
  }
}

/// The sum in an order that depends on the size alone (Eigen's depends on the address).
template <class S>
S sum_of_pieces(const S* values, index_t size) {
  Piece<S> sum = Piece<S>::Zero();
  for (index_t i = 0; i < size; i += piece_size<S>) sum += load_piece(values + i, std::min(piece_size<S>, size - i));
  return sum.sum();
}

/// The same of products.
template <class S>
S dot_of_pieces(const S* a, const S* b, index_t size) {
  Piece<S> sum = Piece<S>::Zero();
  for (index_t i = 0; i < size; i += piece_size<S>) {
    const index_t count = std::min(piece_size<S>, size - i);
    sum += load_piece(a + i, count) * load_piece(b + i, count);
  }
  return sum.sum();
}

}  // namespace seqrec::cpu
