// SPDX-License-Identifier: Apache-2.0
// Products of the assignments that each expert has, with that expert's matrix: grouped products.
//
// One block of 16 x 16 threads per tile of 64 x 64 elements, 16 of them a thread in registers; 16 terms of both
// operands at a time lie in shared memory. How many assignments an expert has is known on the device alone, so a grid
// has as many blocks as there may be tiles: each looks for its own among the experts, and those left over end at once.
// An element is summed in the order of its terms, wherever its tile lies. Memory: each operand once per 64 rows or
// columns of the other, mostly from the second-level cache.
#pragma once

#include <algorithm>

#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/rows.cuh"
#include "seqrec/cuda/slice_sums.cuh"
#include "seqrec/ops/moe_route.hpp"

namespace seqrec::cuda {

/// Rows and columns of a tile, threads along its sides, and terms that lie in shared memory: 8 KiB in float, so that
/// registers alone decide how many blocks a multiprocessor has.
inline constexpr int moe_tile = 64;
inline constexpr int moe_side = 16;
inline constexpr int moe_share = moe_tile / moe_side;
inline constexpr int moe_terms = 16;
/// Elements from one term of a tile to the next; odd, so that threads which lay out terms meet different banks.
inline constexpr int moe_stride = moe_tile + 1;

/// Blocks that fill the largest GPUs twice, and assignments of an expert that are worth a block of their own.
inline constexpr index_t moe_blocks = 264;
inline constexpr index_t moe_slice_assignments = 256;

/// Which index of an operand lies side by side in memory: neighbouring threads read neighbours.
enum class MoeOrder { terms, elements };

template <MoeOrder order, class A, class Value>
__device__ void moe_lay_out(A* tile, index_t elements, index_t terms, Value value) {
  constexpr int threads = moe_side * moe_side;
  for (int i = static_cast<int>(threadIdx.x + threadIdx.y * moe_side); i < moe_tile * moe_terms; i += threads) {
    const int element = order == MoeOrder::terms ? i / moe_terms : i % moe_tile;
    const int term = order == MoeOrder::terms ? i % moe_terms : i / moe_tile;
    tile[term * moe_stride + element] = element < elements && term < terms ? value(element, term) : A(0);
  }
}

/// Calls leave(i, j, sum over k of left(i, k) right(j, k)) for i < rows and j < columns, at most a tile's.
template <class A, MoeOrder left_order, MoeOrder right_order, class Left, class Right, class Leave>
__device__ void moe_tile_product(index_t rows, index_t columns, index_t terms, Left left, Right right, Leave leave) {
  __shared__ shared_array<A, moe_terms * moe_stride> lefts;
  __shared__ shared_array<A, moe_terms * moe_stride> rights;
  const auto x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  A sums[moe_share * moe_share] = {};
  for (index_t first = 0; first < terms; first += moe_terms) {
    moe_lay_out<left_order, A>(lefts, rows, terms - first, [&](int i, int k) { return left(i, first + k); });
    moe_lay_out<right_order, A>(rights, columns, terms - first, [&](int j, int k) { return right(j, first + k); });
    __syncthreads();
    for (int k = 0; k < moe_terms; ++k) {
      A of_left[moe_share], of_right[moe_share];
      for (int i = 0; i < moe_share; ++i) of_left[i] = lefts[k * moe_stride + y + i * moe_side];
      for (int j = 0; j < moe_share; ++j) of_right[j] = rights[k * moe_stride + x + j * moe_side];
      for (int i = 0; i < moe_share; ++i)
        for (int j = 0; j < moe_share; ++j) sums[i * moe_share + j] += of_left[i] * of_right[j];
    }
    __syncthreads();
  }
  for (int i = 0; i < moe_share; ++i)
    for (int j = 0; j < moe_share; ++j)
      if (y + i * moe_side < rows && x + j * moe_side < columns)
        leave(y + i * moe_side, x + j * moe_side, sums[i * moe_share + j]);
}

/// Rows of a matrix as assignments see them: their own, or those of the batch that they belong to.
template <class S>
struct MoeRows {
  MatrixView<const S, DeviceSpace> matrix;
  VectorView<const offset_t, DeviceSpace> rows{};  ///< (N K) of the routing, where the matrix is the batch's
  VectorView<const S, DeviceSpace> weights{};      ///< (N K) what a row is multiplied by; null for nothing

  __device__ accumulator_of<S> operator()(index_t place, index_t column) const {
    const auto value = static_cast<accumulator_of<S>>(matrix(rows ? index_t{rows(place)} : place, column));
    return weights ? value * static_cast<accumulator_of<S>>(weights(place)) : value;
  }
};

/// Calls leave(expert, place, column, sum): each assignment's row times the transposed matrix of its expert, whose rows
/// lie below one another in `weight` (X columns, terms); or times the matrix itself (X terms, columns).
template <class S, bool transposed, class Leave>
__global__ void moe_rows_product_kernel(VectorView<const offset_t, DeviceSpace> starts, MoeRows<S> left,
                                        MatrixView<const S, DeviceSpace> weight, index_t columns, Leave leave) {
  using A = accumulator_of<S>;
  index_t expert = 0, tile = blockIdx.x, first = 0, rows = 0;
  for (; expert + 1 < starts.size(); ++expert) {
    const index_t count = starts(expert + 1) - starts(expert), tiles = (count + moe_tile - 1) / moe_tile;
    if (tile < tiles) {
      first = starts(expert) + tile * moe_tile;
      rows = starts(expert + 1) - first < moe_tile ? starts(expert + 1) - first : index_t{moe_tile};
      break;
    }
    tile -= tiles;
  }
  if (rows == 0) return;
  const index_t terms = left.matrix.columns(), column = static_cast<index_t>(blockIdx.y) * moe_tile;
  const index_t columns_here = columns - column < moe_tile ? columns - column : index_t{moe_tile};
  moe_tile_product<A, MoeOrder::terms, transposed ? MoeOrder::terms : MoeOrder::elements>(
      rows, columns_here, terms, [&](int i, index_t k) { return left(first + i, k); },
      [&](int j, index_t k) {
        return static_cast<A>(transposed ? weight(expert * columns + column + j, k)
                                         : weight(expert * terms + k, column + j));
      },
      [&](int i, int j, A sum) { leave(expert, first + i, column + j, sum); });
}

template <bool transposed, class S, class Leave>
void moe_rows_product(const BasicContext<S>& context, const MoeRouting<BasicContext<S>>& routing,
                      const MoeRows<S>& left, MatrixView<const S, DeviceSpace> weight, index_t columns,
                      const Leave& leave) {
  // Every expert may have a tile that is not full.
  const index_t tiles = routing.num_assignments() / moe_tile + routing.num_experts();
  const VectorView<const offset_t, DeviceSpace> starts = routing.starts;
  launch<moe_rows_product_kernel<S, transposed, Leave>>(
      context,
      {dim3(blocks_for(tiles, 1), blocks_across("moe_ffn columns", columns, moe_tile)), dim3(moe_side, moe_side)},
      starts, left, weight, columns, leave);
}

/// The assignments of a slice of an expert's: blocks are counted by slice, then by expert.
struct MoeSlice {
  index_t first, end;
  __device__ MoeSlice(VectorView<const offset_t, DeviceSpace> starts, index_t slices) {
    const index_t experts = starts.size() - 1, expert = blockIdx.x % experts, slice = blockIdx.x / experts;
    const index_t begin = starts(expert), count = starts(expert + 1) - begin;
    first = begin + count * slice / slices;
    end = begin + count * (slice + 1) / slices;
  }
};

/// sums(slice X I + expert I + i, j) = sum over the slice's assignments of left(., i) right(., j).
template <class S>
__global__ void moe_weights_product_kernel(VectorView<const offset_t, DeviceSpace> starts, index_t slices,
                                           MoeRows<S> left, MoeRows<S> right, MatrixView<S, DeviceSpace> sums) {
  using A = accumulator_of<S>;
  const MoeSlice slice(starts, slices);
  const index_t rows = left.matrix.columns(), columns = right.matrix.columns();
  const index_t row = static_cast<index_t>(blockIdx.y) * moe_tile, column = static_cast<index_t>(blockIdx.z) * moe_tile;
  moe_tile_product<A, MoeOrder::elements, MoeOrder::elements>(
      rows - row < moe_tile ? rows - row : index_t{moe_tile},
      columns - column < moe_tile ? columns - column : index_t{moe_tile}, slice.end - slice.first,
      [&](int i, index_t k) { return left(slice.first + k, row + i); },
      [&](int j, index_t k) { return right(slice.first + k, column + j); },
      [&](int i, int j, A sum) { sums(blockIdx.x * rows + row + i, column + j) = static_cast<S>(sum); });
}

/// Slices of each expert's assignments, where each of them takes `blocks` blocks: many enough to fill a GPU, and few
/// enough that sums of slices are not many more than it has blocks.
template <class S>
index_t moe_slices(const MoeRouting<BasicContext<S>>& routing, index_t blocks) {
  const index_t worth = routing.num_assignments() / (routing.num_experts() * moe_slice_assignments);
  return std::max<index_t>(std::min(moe_blocks / (routing.num_experts() * blocks), worth), 1);
}

/// target (X I, J) += of each expert the sum of left' right over its assignments.   @param left of I columns
/// @param right of J columns
template <class S, class Master>
void moe_add_weights_product(BasicContext<S>& context, const MoeRouting<BasicContext<S>>& routing,
                             const MoeRows<S>& left, const MoeRows<S>& right, MatrixView<Master, DeviceSpace> target) {
  const unsigned across = blocks_across("moe_ffn columns", left.matrix.columns(), moe_tile),
                 along = blocks_across("moe_ffn units", target.columns(), moe_tile);
  if (across == 0 || along == 0) return;
  const index_t slices = moe_slices<S>(routing, index_t{across} * along);
  const auto sums = context.matrix(slices * target.rows(), target.columns());
  const VectorView<const offset_t, DeviceSpace> starts = routing.starts;
  launch<moe_weights_product_kernel<S>>(
      context, {dim3(blocks_for(slices * routing.num_experts(), 1), across, along), dim3(moe_side, moe_side)}, starts,
      slices, left, right, sums);
  add_slice_sums(context, sums, target);
}

/// sums(slice X + expert, j) = sum over the slice's assignments of values(., j). Eight warps, one lane a column.
template <class S>
__global__ void moe_bias_kernel(VectorView<const offset_t, DeviceSpace> starts, index_t slices, MoeRows<S> values,
                                MatrixView<S, DeviceSpace> sums) {
  using A = accumulator_of<S>;
  __shared__ shared_array<A[warp_size], rows_per_block> of_warp;
  const MoeSlice slice(starts, slices);
  const index_t column = static_cast<index_t>(blockIdx.y) * warp_size + threadIdx.x;
  A sum = 0;
  if (column < sums.columns())
    for (index_t place = slice.first + threadIdx.y; place < slice.end; place += rows_per_block)
      sum += values(place, column);
  of_warp[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y != 0 || column >= sums.columns()) return;
  for (int warp = 1; warp < rows_per_block; ++warp) sum += of_warp[warp][threadIdx.x];
  sums(blockIdx.x, column) = static_cast<S>(sum);
}

/// target (X, J) += of each expert the sum of the values over its assignments.
template <class S, class Master>
void moe_add_bias(BasicContext<S>& context, const MoeRouting<BasicContext<S>>& routing, const MoeRows<S>& values,
                  MatrixView<Master, DeviceSpace> target) {
  const unsigned across = blocks_across("moe_ffn columns", target.columns(), warp_size);
  if (across == 0) return;
  const index_t slices = moe_slices<S>(routing, across);
  const auto sums = context.matrix(slices * target.rows(), target.columns());
  const VectorView<const offset_t, DeviceSpace> starts = routing.starts;
  launch<moe_bias_kernel<S>>(
      context, {dim3(blocks_for(slices * routing.num_experts(), 1), across), dim3(warp_size, rows_per_block)}, starts,
      slices, values, sums);
  add_slice_sums(context, sums, target);
}

}  // namespace seqrec::cuda
