// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <type_traits>

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

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

/// The count of a whole piece, known to the compiler, which then leaves out what is done about ends.
template <class S>
using WholePiece = std::integral_constant<index_t, piece_size<S>>;

/// Behind the parameters of a lambda for `for_each_piece`: what it refers to may then stay in registers, because
/// neither of its two copies is called.
#define SEQREC_INLINE_LAMBDA __attribute__((always_inline))

/// Calls work(first, count) for each piece of a row: count is a WholePiece or, for the end of the row, a number.
template <class S, class Work>
EIGEN_ALWAYS_INLINE void for_each_piece(index_t size, Work work) {
  index_t first = 0;
  for (; first + piece_size<S> <= size; first += piece_size<S>) work(first, WholePiece<S>{});
  if (first < size) work(first, size - first);
}

/// The next `count` elements, at most a piece of them; the rest is zero.
template <class S>
EIGEN_ALWAYS_INLINE Piece<S> load_piece(const S* from, index_t count) {
  if (count >= piece_size<S>) return Eigen::Map<const Piece<S>>(from);
  Piece<S> piece = Piece<S>::Zero();
#if defined(__AVX512F__)  // copies of an unknown size are calls, and slow to read back
  if constexpr (std::is_same_v<S, float>) {
    _mm512_storeu_ps(piece.data(), _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << count) - 1), from));
    return piece;
  }
#endif
  for (index_t i = 0; i < count; ++i) piece(i) = from[i];
  return piece;
}

template <class S>
EIGEN_ALWAYS_INLINE void store_piece(const Piece<S>& piece, S* to, index_t count) {
  if (count >= piece_size<S>) {
    Eigen::Map<Piece<S>>(to, piece_size<S>) = piece;
    return;
  }
#if defined(__AVX512F__)
  if constexpr (std::is_same_v<S, float>) {
    _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1u << count) - 1), _mm512_loadu_ps(piece.data()));
    return;
  }
#endif
  for (index_t i = 0; i < count; ++i) to[i] = piece(i);
}

/// to = f(rows...), element by element; f takes and returns pieces. `to` may be one of the rows.
template <class S, class Function, class... Rows>
EIGEN_ALWAYS_INLINE void map_pieces(S* to, index_t size, Function f, const Rows&... rows) {
  for_each_piece<S>(size, [&](index_t first, auto count) SEQREC_INLINE_LAMBDA {
    store_piece<S>(f(load_piece(rows + first, count)...), to + first, count);
  });
}

/// The sum of f(rows...) over all elements, in an order that depends on the size alone; f as above.
template <class S, class Function, class... Rows>
EIGEN_ALWAYS_INLINE S sum_of_pieces(index_t size, Function f, const Rows&... rows) {
  Piece<S> sum = Piece<S>::Zero();
  for_each_piece<S>(size, [&](index_t first, auto count) SEQREC_INLINE_LAMBDA {
    Piece<S> y = f(load_piece(rows + first, count)...);
    if (count < piece_size<S>)
      y = load_piece(y.data(), count);  // what f made of the zeros behind the end is none of it
    sum += y;
  });
  return sum.sum();
}

/// The sum of a row in such an order.
template <class S>
S sum_of_pieces(const S* values, index_t size) {
  Piece<S> sum = Piece<S>::Zero();
  for_each_piece<S>(size,
                    [&](index_t first, auto count) SEQREC_INLINE_LAMBDA { sum += load_piece(values + first, count); });
  return sum.sum();
}

/// The sum of products in such an order.
template <class S>
S dot_of_pieces(const S* a, const S* b, index_t size) {
  Piece<S> sum = Piece<S>::Zero();
  for_each_piece<S>(size, [&](index_t first, auto count) SEQREC_INLINE_LAMBDA {
    sum += load_piece(a + first, count) * load_piece(b + first, count);
  });
  return sum.sum();
}

/// Leaves a piece of a row of a gradient, from column `first` on, under its rule; nothing where nobody wants it.
template <class Context>
EIGEN_ALWAYS_INLINE void leave_piece(const Gradient<Context>& gradient, index_t row, index_t first,
                                     const Piece<typename Context::Scalar>& value, index_t count) {
  if (!gradient) return;
  auto* const to = gradient.view.row(row) + first;
  if (gradient.adds())
    store_piece<typename Context::Scalar>(load_piece(to, count) + value, to, count);
  else
    store_piece(value, to, count);
}

/// How many rows ahead `prefetch_row` asks: rows of a table lie anywhere, and take some hundred cycles to come.
inline constexpr index_t rows_ahead = 8;

/// Asks for a row that is soon to be read.
template <class S>
EIGEN_ALWAYS_INLINE void prefetch_row(const S* row, index_t columns) {
  for (index_t j = 0; j < columns; j += piece_size<S>) __builtin_prefetch(row + j);
}

/// Adds a piece to a row.
template <class S>
EIGEN_ALWAYS_INLINE void add_piece(const Piece<S>& value, S* to, index_t count) {
  store_piece<S>(load_piece(to, count) + value, to, count);
}

}  // namespace seqrec::cpu
