// SPDX-License-Identifier: Apache-2.0
// Products of tiles that lie in shared memory, with their sums in registers: what attention and the loss over the
// catalogue are made of.
//
// A block is 8 x 8 threads. Of a tile of 32 rows and 32 columns thread (x, y) has rows y + 8 i and columns x + 8 j, so
// that a product of two tiles reads shared memory eight times for sixteen products, and threads that read at once read
// one word or words of different banks. Larger tiles would read the tables of a product more seldom, but keep fewer
// blocks on a multiprocessor, and histories are short: they end in the middle of a tile.
#pragma once

#include <cmath>
#include <cstddef>

#include "seqrec/core/tensor.hpp"
#include "seqrec/cuda/launch.cuh"

namespace seqrec::cuda {

/// Rows of every tile, and columns of a tile of scores.
inline constexpr int tile_size = 32;
/// Threads along each side of a tile.
inline constexpr int tile_side = 8;
inline constexpr int tile_threads = tile_side * tile_side;
/// Blocks that a multiprocessor is to hold at least: so few that a thread may use every register it can name, instead
/// of what the compiler finds a better compromise.
inline constexpr int tile_blocks = 4;
/// Rows, and columns of 32, that a thread has.
inline constexpr int tile_share = tile_size / tile_side;

/// Elements from one row of a tile to the next: an odd number, so that the words of a column lie in different banks.
template <int Width>
inline constexpr int tile_stride = Width + 1;
template <int Width>
inline constexpr int tile_elements = tile_size* tile_stride<Width>;

/// A thread's part of a tile of scores: element [i][j] is row y + 8 i, column x + 8 j.
template <class A>
using TileScores = A[tile_share][tile_share];
/// The same of a tile `Width` wide.
template <class A, int Width>
using TileSums = A[tile_share][static_cast<std::size_t>(Width / tile_side)];

inline dim3 tile_block() { return {tile_side, tile_side}; }

/// How many tiles cover `count` rows.
SEQREC_HOST_DEVICE constexpr index_t tiles_of(index_t count) { return (count + tile_size - 1) / tile_size; }

__device__ inline int tile_x() { return static_cast<int>(threadIdx.x); }
__device__ inline int tile_y() { return static_cast<int>(threadIdx.y); }
/// The row, or column, of a thread's i-th.
__device__ inline int tile_row(int i) { return tile_y() + tile_side * i; }
__device__ inline int tile_column(int j) { return tile_x() + tile_side * j; }
/// The thread in its block.
__device__ inline int tile_thread() { return tile_x() + tile_side * tile_y(); }

/// a b + c, rounded once where the processor can: said here, because a compiler that chooses for itself what to fuse
/// may choose differently in two kernels that must have the same bits.
template <class A>
__device__ A multiply_add(A a, A b, A c) {
#if defined(__CUDACC__) || defined(__FMA__)
  return std::fma(a, b, c);
#else
  return a * b + c;  // std::fma would be a slow call
#endif
}

/// Copies 32 rows from `row` on, of the columns from `column` on, into shared memory; zeros where the matrix ends.
template <int Width, class A, class Scalar>
__device__ void load_tile(A* tile, const MatrixView<const Scalar, DeviceSpace>& matrix, index_t row, index_t column) {
  const index_t rows = matrix.rows() - row, columns = matrix.columns() - column;
  for (int e = tile_thread(); e < tile_size * Width; e += tile_threads) {
    const int i = e / Width, d = e % Width;
    const bool exists = i < rows && d < columns;
    tile[i * tile_stride<Width> + d] = exists ? static_cast<A>(matrix(row + i, column + d)) : A{0};
  }
}

/// sums[i][j] += the sum over k < depth of left(i, k) right(k, j), one k after another.
template <class A, std::size_t Columns, class Left, class Right>
__device__ void multiply_tiles(A (&sums)[tile_share][Columns], int depth, Left left, Right right) {
  constexpr int columns = static_cast<int>(Columns);
  for (int k = 0; k < depth; ++k) {
    A of_left[tile_share], of_right[Columns];
    for (int i = 0; i < tile_share; ++i) of_left[i] = left(i, k);
    for (int j = 0; j < columns; ++j) of_right[j] = right(k, j);
    for (int i = 0; i < tile_share; ++i)
      for (int j = 0; j < columns; ++j) sums[i][j] = multiply_add(of_left[i], of_right[j], sums[i][j]);
  }
}

/// scores += left right': products of the rows of two tiles, over their first `depth` columns.
template <int Width, class A>
__device__ void multiply_rows(TileScores<A>& scores, const A* left, const A* right, int depth) {
  const A *const rows = left + tile_row(0) * tile_stride<Width>, *const columns =
                                                                     right + tile_column(0) * tile_stride<Width>;
  multiply_tiles(
      scores, depth, [&](int i, int k) { return rows[i * tile_side * tile_stride<Width> + k]; },
      [&](int k, int j) { return columns[j * tile_side * tile_stride<Width> + k]; });
}

/// sums += scores right, over the first `depth` columns of the scores.
template <int Width, class A>
__device__ void multiply_scores(TileSums<A, Width>& sums, const A* scores, const A* right, int depth) {
  const A *const rows = scores + tile_row(0) * tile_stride<tile_size>, *const columns = right + tile_column(0);
  multiply_tiles(
      sums, depth, [&](int i, int k) { return rows[i * tile_side * tile_stride<tile_size> + k]; },
      [&](int k, int j) { return columns[k * tile_stride<Width> + j * tile_side]; });
}

/// sums += scores' right, over the first `depth` rows of the scores.
template <int Width, class A>
__device__ void multiply_scores_transposed(TileSums<A, Width>& sums, const A* scores, const A* right, int depth) {
  const A *const rows = scores + tile_row(0), *const columns = right + tile_column(0);
  multiply_tiles(
      sums, depth, [&](int i, int k) { return rows[k * tile_stride<tile_size> + i * tile_side]; },
      [&](int k, int j) { return columns[k * tile_stride<Width> + j * tile_side]; });
}

/// Leaves a thread's part of a tile of scores in shared memory.
template <class A>
__device__ void store_scores(A* tile, const TileScores<A>& scores) {
  for (int i = 0; i < tile_share; ++i)
    for (int j = 0; j < tile_share; ++j) tile[tile_row(i) * tile_stride<tile_size> + tile_column(j)] = scores[i][j];
}

/// Calls action.operator()<Width>() for the narrowest tile that holds rows of this width, or the widest, of whose width
/// a row then has several parts. In double, which tests use, half of the widest: registers and shared memory are what
/// they are.
template <class A, class Action>
void dispatch_tile_width(index_t width, Action&& action) {
  constexpr int widest = sizeof(A) == sizeof(double) ? 64 : 128;
  if (width <= 16)
    action.template operator()<16>();
  else if (width <= 32)
    action.template operator()<32>();
  else if (width <= 64 || widest == 64)
    action.template operator()<64>();
  else
    action.template operator()<widest>();
}

}  // namespace seqrec::cuda
