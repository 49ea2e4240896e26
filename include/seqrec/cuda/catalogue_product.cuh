// SPDX-License-Identifier: Apache-2.0
// Products on tensor cores for walks along a matrix: scores of 16 rows that a warp keeps in registers for 32 that lie
// in shared memory, and sums of those 32 rows weighed by what has become of the scores.
//
// As exact as multiply-adds of the same type (MmaFloat, MmaDouble of tensor_core.cuh), with the order of terms and
// columns chosen so that scores are where the second product wants its left operand, in the same registers of the same
// lanes, and that all lanes read different banks of shared memory.
#pragma once

#include <cstdint>
#include <type_traits>

#include "seqrec/core/tensor.hpp"
#include "seqrec/cuda/async_copy.cuh"
#include "seqrec/cuda/mma_terms.cuh"
#include "seqrec/cuda/tensor_core.cuh"

namespace seqrec::cuda {

/// Rows that a warp keeps.
inline constexpr int kept_rows = mma_rows;
/// Rows of a tile that lies in shared memory. More of them would be more scores in registers at once.
inline constexpr int walked_rows = 32;
/// Elements from one row of a tile to the next: four more than a multiple of 32.
template <int Width>
inline constexpr int walked_stride = Width + 4;
template <int Width>
inline constexpr int walked_elements = walked_rows* walked_stride<Width>;

/// A lane's part of the scores: element [j].values[i] is that of kept row MmaSums::row(i) and walked row
/// walked_row(j, i), j < 4.
template <class A>
using WalkedScores = MmaSums<A>[static_cast<std::size_t>(walked_rows / mma_columns)];
/// A lane's part of sums of rows: element [n].values[i] is that of kept row MmaSums::row(i), column walked_column(n,
/// i).
template <class A, int Width>
using WalkedSums = MmaSums<A>[static_cast<std::size_t>(Width / mma_columns)];
__device__ inline int walked_row(int j, int i) { return 8 * j + mma_member() + 4 * (i % 2); }
__device__ inline int walked_column(int n, int i) {
  return 32 * (n / 4) + 4 * (n % 4) + 16 * (mma_member() / 2) + 2 * (mma_member() % 2) + i % 2;
}

namespace detail {

/// Eight terms of 16 kept rows, as products take them.
template <class Terms>
struct KeptTerms {
  using A = typename Terms::Sum;
  typename Terms::Left terms;
  KeptTerms() = default;
  __device__ KeptTerms(A upper0, A upper1, A lower0, A lower1) : terms(upper0, upper1, lower0, lower1) {}
  __device__ const typename Terms::Left& left() const { return terms; }
};
/// The same as they came, for rows too wide to be kept in two parts.
template <class Terms>
struct WholeKeptTerms {
  using A = typename Terms::Sum;
  A values[4];
  WholeKeptTerms() = default;
  __device__ WholeKeptTerms(A upper0, A upper1, A lower0, A lower1) : values{upper0, upper1, lower0, lower1} {}
  __device__ typename Terms::Left left() const {
    A v[4] = {values[0], values[1], values[2], values[3]};
#ifdef __CUDACC__
    // Or the compiler would take them apart before the loop that this is in, and then lack registers.
    if constexpr (std::is_same_v<A, float>) asm volatile("" : "+f"(v[0]), "+f"(v[1]), "+f"(v[2]), "+f"(v[3]));
#endif
    return {v[0], v[1], v[2], v[3]};
  }
};

/// Four neighbours of shared memory.
template <class A, class S>
__device__ void read_four(A (&values)[4], const S* from) {
  if constexpr (std::is_same_v<S, float>) {
    const float4 v = *reinterpret_cast<const float4*>(from);
    values[0] = v.x, values[1] = v.y, values[2] = v.z, values[3] = v.w;
  } else {
    for (int i = 0; i < 4; ++i) values[i] = static_cast<A>(from[i]);
  }
}

/// Begins the copy of copy_walked_tile in pieces of so many elements.
template <int Piece, int Width, class S>
__device__ void copy_walked_pieces(S* tile, const MatrixView<const S, DeviceSpace>& matrix, index_t row,
                                   index_t column) {
  constexpr int pieces = Width / Piece;
  const index_t rows_left = matrix.rows() - row, columns_left = matrix.columns() - column;
  const int rows = static_cast<int>(rows_left < walked_rows ? rows_left : walked_rows);
  const int columns = static_cast<int>(columns_left < Width ? columns_left : Width);
  const S* const from = matrix.row(row) + column;
  for (int e = static_cast<int>(threadIdx.x); e < walked_rows * pieces; e += static_cast<int>(blockDim.x)) {
    const int i = e / pieces, d = e % pieces * Piece, left = i < rows && d < columns ? columns - d : 0;
    copy_async<Piece* static_cast<int>(sizeof(S))>(tile + i * walked_stride<Width> + d,
                                                   left > 0 ? from + i * matrix.stride + d : from,
                                                   static_cast<int>(sizeof(S)) * (left < Piece ? left : Piece));
  }
}

}  // namespace detail

/// Begins to copy 32 rows from `row` on, of the columns from `column` on, a multiple of 32, into shared memory; zeros
/// where the matrix ends. The threads of a block, which have one dimension, do it together.
template <int Width, class S>
__device__ void copy_walked_tile(S* tile, const MatrixView<const S, DeviceSpace>& matrix, index_t row, index_t column) {
  constexpr int of_16_bytes = 16 / static_cast<int>(sizeof(S));
  if (reinterpret_cast<std::uintptr_t>(matrix.data) % 16 == 0 && matrix.stride % of_16_bytes == 0)
    detail::copy_walked_pieces<of_16_bytes, Width>(tile, matrix, row, column);
  else
    detail::copy_walked_pieces<1, Width>(tile, matrix, row, column);
}

/// A lane's part of its warp's kept rows.   @tparam Terms  of their products; see mma_terms.cuh
template <class Terms, int Width>
struct KeptRows {
  using A = typename Terms::Sum;
  static constexpr bool fits = Width <= 64 || std::is_same_v<Terms, Bf16Terms>;
  using Eight = std::conditional_t<fits, detail::KeptTerms<Terms>, detail::WholeKeptTerms<Terms>>;
  Eight eights[static_cast<std::size_t>(Width / 8)];

  /// Reads them, from `row` on, of the columns from `column` on; zeros where the matrix ends.
  template <class S>
  __device__ void read(const MatrixView<const S, DeviceSpace>& matrix, index_t row, index_t column) {
    const index_t columns_left = matrix.columns() - column;
    const int columns = static_cast<int>(columns_left < Width ? columns_left : Width);
    const index_t upper = row + mma_group(), lower = upper + 8;
    const int ends[2] = {upper < matrix.rows() ? columns : 0, lower < matrix.rows() ? columns : 0};
    const S* const from[2] = {matrix.row(ends[0] > 0 ? upper : 0) + column,
                              matrix.row(ends[1] > 0 ? lower : 0) + column};
    for (int d = 0; d < Width / 8; ++d) {
      const auto value = [&](int half, int term) {
        const int this_column = 16 * (d / 2) + 4 * mma_member() + 2 * (d % 2) + term;
        return this_column < ends[half] ? static_cast<A>(from[half][this_column]) : A{0};
      };
      eights[d] = Eight(value(0, 0), value(0, 1), value(1, 0), value(1, 1));
    }
  }
};

/// scores += kept tile'.
template <int Width, class Terms, class A, class S>
__device__ void score_walked(WalkedScores<A>& scores, const KeptRows<Terms, Width>& kept, const S* tile) {
  // Column c of a product is walked row c / 2 + 4 (c % 2) of eight.
  const S* const from = tile + (mma_group() / 2 + 4 * (mma_group() % 2)) * walked_stride<Width> + 4 * mma_member();
  for (int d = 0; d < Width; d += 16) {
    A four[4][4];
    for (int j = 0; j < 4; ++j) detail::read_four(four[j], from + 8 * j * walked_stride<Width> + d);
    for (int half = 0; half < 2; ++half) {
      typename Terms::Right right[4];
      for (int j = 0; j < 4; ++j) right[j] = {four[j][2 * half], four[j][2 * half + 1], FirstPart::cut};
      multiply_by_each<Terms>(scores, kept.eights[d / 8 + half].left(), right);
    }
  }
}

/// sums = factor sums + weights tile, where factor[0] is that of the rows of values[0 .. 1] and factor[1] of the
/// others. The tile's sums are made apart and then added, because tensor cores cut off where an addition rounds.
template <class Terms, int Width, class A, class S>
__device__ void add_walked(WalkedSums<A, Width>& sums, const A (&factor)[2], const WalkedScores<A>& weights,
                           const S* tile) {
  const S* const from = tile + mma_member() * walked_stride<Width> + 16 * (mma_group() / 4) + mma_group() % 4;
  for (int n = 0; n < Width / 8; n += 4) {
    MmaSums<A> of_tile[4];
    for (int j = 0; j < 4; ++j) {
      const S* const row = from + 8 * j * walked_stride<Width> + 8 * n;
      const A(&v)[4] = weights[j].values;
      typename Terms::Right right[4];
      for (int i = 0; i < 4; ++i)
        right[i] = {static_cast<A>(row[4 * i]), static_cast<A>(row[4 * i + 4 * walked_stride<Width>]), FirstPart::cut};
      multiply_by_each<Terms>(of_tile, typename Terms::Left(v[0], v[1], v[2], v[3]), right);
    }
    for (int i = 0; i < 4; ++i)
      for (int k = 0; k < 4; ++k) sums[n + i].values[k] = sums[n + i].values[k] * factor[k / 2] + of_tile[i].values[k];
  }
}

}  // namespace seqrec::cuda
