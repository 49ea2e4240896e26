// SPDX-License-Identifier: Apache-2.0
// Products on tensor cores of tiles that lie in shared memory, a warp for 16 rows of the results: what attention is
// made of.
//
// A sum may take its terms in any order and a result its columns, as long as both factors agree. Here they agree on
// what lets a lane read four neighbours of a row at once, and leave four neighbours at once; and on what makes the
// scores that a lane has from one product its part of the left factor of the next, with no word to other lanes. Tiles
// are swizzled, so that eight lanes that read at once meet each bank once, whether rows are summed along or summed
// over. Tiles arrive by asynchronous copies, of as many bytes as the matrices' alignment allows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "seqrec/core/tensor.hpp"
#include "seqrec/cuda/async_copy.cuh"
#include "seqrec/cuda/mma_terms.cuh"
#include "seqrec/cuda/multiply_add.cuh"
#include "seqrec/cuda/tensor_core.cuh"

namespace seqrec::cuda {

/// Rows of a tile that passes by the warps of a block. Few, because scores of them lie in registers, and two such tiles
/// in shared memory: one that is read, one that arrives.
inline constexpr int passing_rows = 32;
/// Columns of a warp's scores, of which each lane has four numbers for eight columns.
inline constexpr int passing_parts = passing_rows / mma_columns;

template <class A>
using WarpScores = MmaSums<A>[passing_parts];
/// Sums of 16 rows, `Width` wide. Part n of a lane has columns that `output_column` names.
template <class A, int Width>
using WarpSums = MmaSums<A>[static_cast<std::size_t>(Width / mma_columns)];

/// Four neighbours of a row.
template <class A>
struct alignas(16) Four {
  A of[4];
};

/// Where the neighbours 4 four .. 4 four + 3 of a tile's row lie. Eight rows below is 8 Width further, 32 columns to
/// the right 32.
template <int Width>
__device__ inline int tile_place(int row, int four) {
  return row * Width + 4 * (four ^ (((row ^ row >> 2) & 1) << 2 | (row & 2)));
}
template <class A>
__device__ Four<A> read_four(const A* from) {
  return *reinterpret_cast<const Four<A>*>(from);
}

/// scores[n] += the products of 16 held rows with passing rows 8 n .. 8 n + 7, for the parts Begin .. End - 1.
/// @param held  the first of the rows, whose number in its tile is a multiple of 8
/// @tparam Terms  of the products; see mma_terms.cuh
template <class Terms, int Width, int Begin = 0, int End = passing_parts, class A = typename Terms::Sum>
__device__ void multiply_rows(WarpScores<A>& scores, const A* held, const A* passing) {
  constexpr auto count = static_cast<std::size_t>(End - Begin);
  constexpr int eight = mma_columns * Width;  // rows below
  const int even = tile_place<Width>(mma_group(), mma_member()), odd = tile_place<Width>(mma_group(), mma_member() + 4);
#ifdef __CUDACC__
#pragma unroll(Width / 32)  // more would take more registers
#endif
  for (int k = 0; k < Width / 16; ++k) {
    const int place = (k % 2 == 0 ? even : odd) + 32 * (k / 2);
    const Four<A> upper = read_four(held + place), lower = read_four(held + place + eight);
    Four<A> read[count];
    for (int n = Begin; n < End; ++n) read[n - Begin] = read_four(passing + place + n * eight);
    for (int half = 0; half < 4; half += 2) {
      const typename Terms::Left left(upper.of[half], upper.of[half + 1], lower.of[half], lower.of[half + 1]);
      typename Terms::Right right[count];
      for (int n = 0; n < End - Begin; ++n) right[n] = {read[n].of[half], read[n].of[half + 1], FirstPart::as_it_is};
      multiply_by_each<Terms>(scores + Begin, left, right);
    }
  }
}

/// Columns that sums are made of at once, in registers of their own: tensor cores round towards zero, so that no long
/// sum is left to them.
template <class A, int Width>
inline constexpr int columns_at_once = Width < 256 / static_cast<int>(sizeof(A)) ? Width
                                                                                 : 256 / static_cast<int>(sizeof(A));

/// sums = sums factor + scores passing: over the passing rows of the parts begin .. end - 1 of the scores.
/// @param upper, lower  the factors of row `mma_group` and of the one 8 below
/// @tparam Terms  of the products; see mma_terms.cuh   @tparam AtOnce  columns, where fewer registers are left
template <class Terms, int Width, int AtOnce = 0, class A = typename Terms::Sum>
__device__ void add_weighted_rows(WarpSums<A, Width>& sums, A upper, A lower, const WarpScores<A>& scores,
                                  const A* passing, int begin, int end) {
  constexpr int columns = AtOnce > 0 ? AtOnce : columns_at_once<A, Width>, parts = columns / mma_columns;
  const A* const even_rows = passing + tile_place<Width>(2 * mma_member(), mma_group());
  const A* const odd_rows = passing + tile_place<Width>(2 * mma_member() + 1, mma_group());
  for (int chunk = 0; chunk < Width / columns; ++chunk) {
    MmaSums<A> made[static_cast<std::size_t>(parts)] = {};
    for (int k = 0; k < passing_parts; ++k) {
      if (k < begin || k >= end) continue;
      const A(&of)[4] = scores[k].values;
      const typename Terms::Left left(of[0], of[1], of[2], of[3]);
      for (int n = 0; n < parts; n += 4) {
        const int place = mma_columns * (k * Width + n) + chunk * columns;
        const Four<A> even = read_four(even_rows + place), odd = read_four(odd_rows + place);
        typename Terms::Right right[4];
        for (int e = 0; e < 4; ++e) right[e] = {even.of[e], odd.of[e], FirstPart::rounded};
        multiply_by_each<Terms>(made + n, left, right);
      }
    }
    for (int n = 0; n < parts; ++n) {
      A(&of)[4] = sums[chunk * parts + n].values;
      for (int i = 0; i < 4; ++i) of[i] = multiply_add(of[i], i < 2 ? upper : lower, made[n].values[i]);
    }
  }
}

/// The first of four neighbouring columns that a lane has of its row `MmaSums::row(i)`: in element i of the parts
/// 4 block .. 4 block + 3.
__device__ inline int output_column(int block, int i) { return passing_rows * block + 4 * MmaSums<>::column(i); }

/// Whether all columns 4 i of a matrix lie on multiples of 16 bytes, and those of parts of it, `width` wide.
template <class A, class Space>
SEQREC_HOST_DEVICE bool lies_in_fours(const MatrixView<A, Space>& matrix, index_t width) {
  const auto bits = static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(matrix.data)) |
                    static_cast<unsigned>(matrix.stride | width) * static_cast<unsigned>(sizeof(A));
  return bits % 16 == 0;
}

/// A matrix of which tiles are copied, in few registers: it has less than 2^31 rows, and they lie less than 2^31
/// elements apart.
template <class A>
struct TiledRows {
  const A* data;
  int rows, columns, stride;

  __device__ explicit TiledRows(const MatrixView<const A, DeviceSpace>& matrix)
      : data(matrix.data),
        rows(static_cast<int>(matrix.rows())),
        columns(static_cast<int>(matrix.columns())),
        stride(static_cast<int>(matrix.stride)) {}
};

/// Begins to copy `Height` rows of a matrix from (row, column) on, which is in the matrix; zeros where it ends. The
/// `Threads` threads of a block take part.
/// @tparam Bytes  of a copy: 16 where the matrix lies in fours, or those of an element
template <int Width, int Height, int Threads, int Bytes, class A>
__device__ void copy_tile(A* tile, const TiledRows<A>& matrix, int row, int column) {
  constexpr int elements = Bytes / static_cast<int>(sizeof(A)), pieces = Width / elements;
  constexpr int across = pieces < Threads ? pieces : Threads, apart = Threads / across;
  const int thread = static_cast<int>(threadIdx.x), first = thread / across;
  const int rows = matrix.rows - row - first, columns = matrix.columns - column;
  const index_t step = static_cast<index_t>(apart) * matrix.stride;
  for (int piece = 0; piece < pieces; piece += across) {
    const int d = (piece + thread % across) * elements;
    const int there = d >= columns ? 0 : d + elements > columns ? columns - d : elements;
    // May lie behind the matrix, where nothing is read.
    const A* from = matrix.data + static_cast<index_t>(row + first) * matrix.stride + (column + d);
    for (int i = 0; i < Height; i += apart, from += step)
      copy_async<Bytes>(tile + tile_place<Width>(first + i, d / 4) + d % 4, from,
                        (i < rows ? there : 0) * static_cast<int>(sizeof(A)));
  }
}

/// Leaves four neighbours of a row, or adds to them.   @tparam InFours  whether the matrix lies in fours
template <bool InFours, class S, class A>
__device__ void leave_four(const MatrixView<S, DeviceSpace>& matrix, index_t row, index_t column, Four<A> values,
                           bool adds = false) {
  S* const to = matrix.row(row) + column;
  if (InFours && column + 4 <= matrix.columns()) {
    auto* const four = reinterpret_cast<Four<S>*>(to);
    if (adds) {
      const Four<S> before = *four;
      for (int e = 0; e < 4; ++e) values.of[e] += static_cast<A>(before.of[e]);
    }
    Four<S> left;
    for (int e = 0; e < 4; ++e) left.of[e] = static_cast<S>(values.of[e]);
    *four = left;
    return;
  }
  for (int e = 0; e < 4; ++e)
    if (column + e < matrix.columns())
      to[e] = static_cast<S>(adds ? static_cast<A>(to[e]) + values.of[e] : values.of[e]);
}

}  // namespace seqrec::cuda
