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

/// Eight terms of 16 rows, taken apart once for many products: elements (row, term) = (g, m), (g + 8, m), (g, m + 4),
/// (g + 8, m + 4) of group g and member m of the lanes.
template <class A>
struct EightTermsLeft {
  A values[4];
  EightTermsLeft() = default;
  __device__ explicit EightTermsLeft(const A (&v)[4]) : values{v[0], v[1], v[2], v[3]} {}
  __device__ const EightTermsLeft& left() const { return *this; }
};
/// The same of 8 columns: (m, g) and (m + 4, g).
template <class A>
struct EightTermsRight {
  A values[2];
  __device__ EightTermsRight(A first, A second) : values{first, second} {}
};

template <>
struct EightTermsLeft<float> {
  std::uint32_t first[4], rest[4];
  EightTermsLeft() = default;
  __device__ const EightTermsLeft& left() const { return *this; }
  __device__ explicit EightTermsLeft(const float (&v)[4]) {
    for (int i = 0; i < 4; ++i) {
      const MmaFloat::Parts parts(v[i]);
      first[i] = parts.first;
      rest[i] = parts.second;
    }
  }
};
/// Its first parts are cut off instead of rounded, which is cheaper; since those of the left are rounded, what is left
/// out, the product of both rests, is still below 2^-21 of |a| |b|, and of either sign.
template <>
struct EightTermsRight<float> {
  std::uint32_t first[2], rest[2];
  __device__ EightTermsRight(float x, float y) : first{bits_of(x) & ~0x1FFFu, bits_of(y) & ~0x1FFFu} {
    rest[0] = bits_of(x - float_of(first[0]));
    rest[1] = bits_of(y - float_of(first[1]));
  }
};

/// One of the instructions that a product of eight terms is made of; the others belong between those on the same sums,
/// which each have to wait for the one before.
template <int Pass>
__device__ void multiply_eight(MmaSums<float>& sums, const EightTermsLeft<float>& a, const EightTermsRight<float>& b) {
  multiply_tf32(sums.values, Pass == 0 ? a.rest : a.first, Pass == 1 ? b.rest : b.first);
}
template <int Pass>
__device__ void multiply_eight(MmaSums<double>& sums, const EightTermsLeft<double>& a,
                               const EightTermsRight<double>& b) {
  if constexpr (Pass < 2) {
    MmaDouble mma;
    mma.left[0] = a.values[2 * Pass];
    mma.left[1] = a.values[2 * Pass + 1];
    mma.right = b.values[Pass];
    mma.multiply(sums);
  }
}

/// sums[n] += left right[n].
template <class A, std::size_t Count>
__device__ void multiply_eight_by_each(MmaSums<A> (&sums)[Count], const EightTermsLeft<A>& left,
                                       const EightTermsRight<A> (&right)[Count]) {
  for (std::size_t n = 0; n < Count; ++n) multiply_eight<0>(sums[n], left, right[n]);
  for (std::size_t n = 0; n < Count; ++n) multiply_eight<1>(sums[n], left, right[n]);
  for (std::size_t n = 0; n < Count; ++n) multiply_eight<2>(sums[n], left, right[n]);
}

/// The same kept as it came, for rows too wide to be kept apart.
template <class A>
struct EightTermsWhole {
  A values[4];
  EightTermsWhole() = default;
  __device__ explicit EightTermsWhole(const A (&v)[4]) : values{v[0], v[1], v[2], v[3]} {}
  __device__ EightTermsLeft<A> left() const {
    A v[4] = {values[0], values[1], values[2], values[3]};
#ifdef __CUDACC__
    // Or the compiler would take them apart before the loop that this is in, and then lack registers.
    if constexpr (std::is_same_v<A, float>) asm volatile("" : "+f"(v[0]), "+f"(v[1]), "+f"(v[2]), "+f"(v[3]));
#endif
    return EightTermsLeft<A>(v);
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

/// A lane's part of its warp's kept rows.
template <class A, int Width>
struct KeptRows {
  using Eight = std::conditional_t<Width <= 64, detail::EightTermsLeft<A>, detail::EightTermsWhole<A>>;
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
      A values[4];
      for (int i = 0; i < 4; ++i) {
        const int this_column = 16 * (d / 2) + 4 * mma_member() + 2 * (d % 2) + i / 2;
        values[i] = this_column < ends[i % 2] ? static_cast<A>(from[i % 2][this_column]) : A{0};
      }
      eights[d] = Eight(values);
    }
  }
};

/// scores += kept tile'.
template <int Width, class A, class S>
__device__ void score_walked(WalkedScores<A>& scores, const KeptRows<A, Width>& kept, const S* tile) {
  // Column c of a product is walked row c / 2 + 4 (c % 2) of eight.
  const S* const from = tile + (mma_group() / 2 + 4 * (mma_group() % 2)) * walked_stride<Width> + 4 * mma_member();
  for (int d = 0; d < Width; d += 16) {
    A four[4][4];
    for (int j = 0; j < 4; ++j) detail::read_four(four[j], from + 8 * j * walked_stride<Width> + d);
    for (int half = 0; half < 2; ++half) {
      const auto right = [&](int j) { return detail::EightTermsRight<A>(four[j][2 * half], four[j][2 * half + 1]); };
      const detail::EightTermsRight<A> rights[4] = {right(0), right(1), right(2), right(3)};
      detail::multiply_eight_by_each(scores, kept.eights[d / 8 + half].left(), rights);
    }
  }
}

/// sums = factor sums + weights tile, where factor[0] is that of the rows of values[0 .. 1] and factor[1] of the
/// others. The tile's sums are made apart and then added, because tensor cores cut off where an addition rounds.
template <int Width, class A, class S>
__device__ void add_walked(WalkedSums<A, Width>& sums, const A (&factor)[2], const WalkedScores<A>& weights,
                           const S* tile) {
  using Left = detail::EightTermsLeft<A>;
  const auto left = [&](int j) {
    const A(&v)[4] = weights[j].values;
    return Left({v[0], v[2], v[1], v[3]});
  };
  const S* const from = tile + mma_member() * walked_stride<Width> + 16 * (mma_group() / 4) + mma_group() % 4;
  for (int n = 0; n < Width / 8; n += 4) {
    MmaSums<A> of_tile[4];
    for (int j = 0; j < 4; ++j) {
      const S* const row = from + 8 * j * walked_stride<Width> + 8 * n;
      const auto right = [&](int i) {
        return detail::EightTermsRight<A>(static_cast<A>(row[4 * i]),
                                          static_cast<A>(row[4 * i + 4 * walked_stride<Width>]));
      };
      const detail::EightTermsRight<A> rights[4] = {right(0), right(1), right(2), right(3)};
      detail::multiply_eight_by_each(of_tile, left(j), rights);
    }
    for (int i = 0; i < 4; ++i)
      for (int k = 0; k < 4; ++k) sums[n + i].values[k] = sums[n + i].values[k] * factor[k / 2] + of_tile[i].values[k];
  }
}

}  // namespace seqrec::cuda
