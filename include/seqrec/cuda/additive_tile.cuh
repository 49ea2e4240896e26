// SPDX-License-Identifier: Apache-2.0
// How rows meet others of their history in additive attention: eight warps, each with a row of its own, before a tile
// of 32 others in shared memory.
//
// A warp sums over columns with one lane for each of the others, and over the others with one lane a column. Tiles
// begin at multiples of 32 rows from the history's first, so that a row's sums have one order wherever its block
// begins.
#pragma once

#include <cmath>
#include <limits>

#include "seqrec/core/tensor.hpp"
#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/rows.cuh"
#include "seqrec/cuda/segments.cuh"
#include "seqrec/ops/additive_attention.hpp"

namespace seqrec::cuda {

/// Columns of a tile: two a lane. With 10 KiB a block in float, threads and not shared memory decide how many blocks a
/// multiprocessor has.
inline constexpr int additive_columns = 64;
/// Elements from one column of a tile to the next: an odd number, so that lanes beside each other meet different banks
/// whichever way they read.
inline constexpr int additive_stride = warp_size + 1;
/// Columns that a warp sums in registers, eight a lane; wider matrices take several blocks.
inline constexpr int additive_lane_sums = 8;
inline constexpr index_t additive_block_columns = additive_lane_sums * warp_size;

/// The largest |q| and |k| whose exponentials are multiplied: 1 + exp(2 largest) is still a finite number.
template <class A>
inline constexpr A additive_largest = sizeof(A) == sizeof(float) ? A(40) : A(300);

/// What is kept of a query or key that is larger: it makes any product with it no number.
template <class A>
inline constexpr A additive_mark = std::numeric_limits<A>::quiet_NaN();

/// 1 / x, of positive numbers.
__device__ inline float additive_inverse(float x) { return __fdividef(1.0f, x); }
__device__ inline double additive_inverse(double x) { return 1.0 / x; }

/// squash(q + k). Sigmoids are 1 / (1 + exp(-q) exp(-k)), so that exponentials are taken of rows, not of pairs; what is
/// too large for that is marked, and a pair with a mark goes the direct way.
template <class S>
struct AdditiveSquash {
  using A = accumulator_of<S>;
  Squash squash;

  /// What a tile keeps of an element.
  __device__ A kept(A x) const {
    if (squash == Squash::hard_sigmoid) return x;
    return x <= additive_largest<A> && x >= -additive_largest<A> ? std::exp(-x) : additive_mark<A>;
  }

  /// @param x, y  what was kept   @param q, k  what it was made of
  __device__ A operator()(A x, A y, const S& q, const S& k) const {
    if (squash == Squash::hard_sigmoid) {
      const A line = (x + y) * A(0.2) + A(0.5);
      return line < A(0) ? A(0) : line > A(1) ? A(1) : line;
    }
    const A power = x * y;
    if (power >= A(0)) return additive_inverse(A(1) + power);
    return A(1) / (A(1) + std::exp(-(static_cast<A>(q) + static_cast<A>(k))));
  }
  /// The derivative, from what was made.
  __device__ A slope(A y) const {
    if (squash == Squash::sigmoid) return y - y * y;
    return y > A(0) && y < A(1) ? A(0.2) : A(0);
  }
};

/// The launch of one warp per row and 256 columns.
inline LaunchShape additive_shape(index_t rows, index_t columns) {
  LaunchShape shape = warp_per_row(rows);
  shape.grid.y = blocks_for(columns, additive_block_columns);
  return shape;
}

/// The rows of a block before one tile. Its functions are called by all threads of the block together.
template <class S>
struct AdditiveTile {
  using A = accumulator_of<S>;
  using Matrix = MatrixView<const S, DeviceSpace>;

  A* mine;            ///< (8, 64) of each warp's row
  A* others;          ///< (64, 33) of the others, column by column
  index_t row;        ///< the warp's
  bool takes_part;    ///< whether it meets the tile at all
  index_t first = 0;  ///< of the others
  index_t end = 0;    ///< behind the last, if that is in the tile

  /// Lays keep(element) of columns begin .. columns_end-1 out, 64 at a time, and calls visit(first column, columns,
  /// what is kept of the warp's row) for each; the others' stand in others[column * additive_stride + other].
  template <class Keep, class Visit>
  __device__ void for_tiles(const Matrix& my, const Matrix& their, index_t begin, index_t columns_end, Keep keep,
                            Visit visit) const {
    A* const my_row = mine + threadIdx.y * additive_columns;
    for (; begin < columns_end; begin += additive_columns) {
      const index_t left = columns_end - begin;
      const int columns = left < additive_columns ? static_cast<int>(left) : additive_columns;
      for (int column = static_cast<int>(threadIdx.x); column < columns; column += warp_size) {
        my_row[column] = takes_part ? keep(static_cast<A>(my(row, begin + column))) : A(0);
        for (int o = static_cast<int>(threadIdx.y); o < warp_size; o += rows_per_block)
          others[column * additive_stride + o] =
              first + o < end ? keep(static_cast<A>(their(first + o, begin + column))) : A(0);
      }
      __syncthreads();
      if (takes_part) visit(begin, columns, static_cast<const A*>(my_row));
      __syncthreads();
    }
  }

  /// The lane's other.
  __device__ index_t other() const { return first + threadIdx.x; }

  /// sum over units u of weight(u) squash(mine, other) for the lane's other.
  __device__ A score(const AdditiveSquash<S>& squash, const Matrix& my, const Matrix& their,
                     VectorView<const S, DeviceSpace> weight) const {
    A sum = 0;
    const auto lane = static_cast<int>(threadIdx.x);
    const S* const of_other = their.row(other() < end ? other() : end - 1);
    for_tiles(
        my, their, 0, weight.size(), [&](A x) { return squash.kept(x); },
        [&](index_t begin, int columns, const A* my_row) {
          const S* const of_mine = my.row(row);
          for (int u = 0; u < columns; ++u)
            sum += static_cast<A>(weight(begin + u)) *
                   squash(my_row[u], others[u * additive_stride + lane], of_mine[begin + u], of_other[begin + u]);
        });
    return sum;
  }

  /// The product of the warp's row and the lane's other.
  __device__ A dot(const Matrix& my, const Matrix& their) const {
    A sum = 0;
    const auto lane = static_cast<int>(threadIdx.x);
    const auto same = [](A x) { return x; };
    for_tiles(my, their, 0, my.columns(), same, [&](index_t, int columns, const A* my_row) {
      for (int column = 0; column < columns; ++column) sum += my_row[column] * others[column * additive_stride + lane];
    });
    return sum;
  }

  /// sums += of_lane(o) their(o, column) over the others, for the lane's columns: begin + lane + 32 n. No exchange
  /// with other warps: only those that take part call it.
  __device__ void add_rows(const Matrix& their, index_t begin, A of_lane, A* sums) const {
    for (int o = 0; o < warp_size && first + o < end; ++o) {
      const A factor = __shfl_sync(all_lanes, of_lane, o);
      if (factor == A(0)) continue;
      const S* const row_of_other = their.row(first + o);
      for (int n = 0; n < additive_lane_sums; ++n)
        if (const index_t column = begin + threadIdx.x + n * warp_size; column < their.columns())
          sums[n] += factor * static_cast<A>(row_of_other[column]);
    }
  }

  /// For the lane's units begin + lane + 32 n: slopes += of_lane(o) slope of squash(mine, o), values += the same with
  /// what was squashed.
  __device__ void add_slopes(const AdditiveSquash<S>& squash, const Matrix& my, const Matrix& their, index_t begin,
                             A of_lane, A* slopes, A* values) const {
    const index_t units_end =
        begin + additive_block_columns < my.columns() ? begin + additive_block_columns : my.columns();
    for_tiles(
        my, their, begin, units_end, [&](A x) { return squash.kept(x); },
        [&](index_t tile_begin, int columns, const A* my_row) {
          for (int o = 0; o < warp_size && first + o < end; ++o) {
            const A factor = __shfl_sync(all_lanes, of_lane, o);
            if (factor == A(0)) continue;
            for (int n = 0; n < additive_lane_sums; ++n) {  // all of them, so that sums stay in registers
              const index_t unit = begin + threadIdx.x + n * warp_size;
              if (unit < tile_begin || unit >= tile_begin + columns) continue;
              const auto u = static_cast<int>(unit - tile_begin);
              const A y = squash(my_row[u], others[u * additive_stride + o], my(row, unit), their(first + o, unit));
              slopes[n] += factor * squash.slope(y);
              values[n] += factor * y;
            }
          }
        });
  }
};

/// Calls visit(tile) for the tiles of all histories that have rows in this block: of each history the rows up to the
/// block's last (`before`), or those from the block's first on.
template <class S, class Visit>
__device__ void for_additive_tiles(AdditiveTile<S> tile, VectorView<const offset_t, DeviceSpace> offsets, index_t rows,
                                   bool before, Visit visit) {
  const index_t begin = static_cast<index_t>(blockIdx.x) * rows_per_block;
  const index_t end = begin + rows_per_block < rows ? begin + rows_per_block : rows;
  for (index_t b = segment_of(offsets, begin); b + 1 < offsets.size() && offsets(b) < end; ++b) {
    const index_t first = offsets(b), last = offsets(b + 1);
    const index_t my_first = first > begin ? first : begin, my_end = last < end ? last : end;  // the block's rows of it
    if (my_first >= my_end) continue;
    const index_t tiles_end = before ? my_end : last;
    tile.first = before ? first : first + (my_first - first) / warp_size * warp_size;
    for (; tile.first < tiles_end; tile.first += warp_size) {
      tile.end = tile.first + warp_size < tiles_end ? tile.first + warp_size : tiles_end;
      const bool in_history = tile.row >= first && tile.row < my_end;
      tile.takes_part = in_history && (before ? tile.first <= tile.row : tile.end > tile.row);
      visit(static_cast<const AdditiveTile<S>&>(tile));
    }
  }
}

}  // namespace seqrec::cuda
