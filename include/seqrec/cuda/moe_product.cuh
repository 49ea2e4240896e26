// SPDX-License-Identifier: Apache-2.0
// Products of the assignments that each expert has, with that expert's matrix: grouped products, on tensor cores.
//
// One block of eight warps per tile of 64 x 64 elements, 16 x 32 of them a warp; 32 terms of both operands at a time
// lie in shared memory. How many assignments an expert has is known on the device alone, so a grid has as many blocks
// as there may be tiles: each looks for its own among the experts, and those left over end at once. An element is
// summed in the order of its terms, wherever its tile lies. Memory: each operand once per 64 rows or columns of the
// other, mostly from the second-level cache.
#pragma once

#include <algorithm>

#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/product_precision.cuh"
#include "seqrec/cuda/row_product.cuh"
#include "seqrec/cuda/rows.cuh"
#include "seqrec/cuda/slice_sums.cuh"
#include "seqrec/ops/moe_route.hpp"

namespace seqrec::cuda {

/// Rows and columns of a tile; a block's warps share it as in row_product.cuh.
inline constexpr int moe_tile = product_rows;
static_assert(moe_tile == product_columns);
/// Terms that lie in shared memory at once.
inline constexpr int moe_terms = 32;

/// Blocks that fill the largest GPUs twice, and assignments of an expert that are worth a block of their own.
inline constexpr index_t moe_blocks = 264;
inline constexpr index_t moe_slice_assignments = 256;

/// Which index of an operand lies side by side in memory: neighbouring threads read neighbours.
enum class MoeOrder { terms, elements };

/// Terms of a tile's elements in shared memory, side by side as in the operand. The gaps are such that neither the
/// threads that lay out nor the lanes that read a fragment meet in a bank.
template <class A, MoeOrder order>
struct MoeTile {
  static constexpr int size = moe_tile * (moe_terms + 4);
  static_assert(size == moe_terms * (moe_tile + 8));

  A* memory;

  __device__ A& operator()(int element, int term) const {
    return memory[order == MoeOrder::terms ? element * (moe_terms + 4) + term : term * (moe_tile + 8) + element];
  }

  /// Zeros where there are no such elements or terms.
  template <class Value>
  __device__ void lay_out(index_t elements, index_t terms, Value value) const {
    for (int i = static_cast<int>(threadIdx.x); i < moe_tile * moe_terms; i += product_threads) {
      const int element = order == MoeOrder::terms ? i / moe_terms : i % moe_tile;
      const int term = order == MoeOrder::terms ? i % moe_terms : i / moe_tile;
      (*this)(element, term) = element < elements && term < terms ? value(element, term) : A(0);
    }
  }
};

/// Calls leave(i, j, sum over k of left(i, k) right(j, k)) for i < rows and j < columns, at most a tile's.
template <class A, class Mma, MoeOrder left_order, MoeOrder right_order, class Left, class Right, class Leave>
__device__ void moe_tile_product(index_t rows, index_t columns, index_t terms, Left left, Right right, Leave leave) {
  __shared__ shared_array<A, MoeTile<A, left_order>::size> left_memory;
  __shared__ shared_array<A, MoeTile<A, right_order>::size> right_memory;
  const MoeTile<A, left_order> lefts{left_memory};
  const MoeTile<A, right_order> rights{right_memory};
  const int first_row = product_warp_row(), first_column = product_warp_column();
  MmaSums<A> sums[product_tiles];
  for (index_t first = 0; first < terms; first += moe_terms) {
    lefts.lay_out(rows, terms - first, [&](int i, int k) { return left(i, first + k); });
    rights.lay_out(columns, terms - first, [&](int j, int k) { return right(j, first + k); });
    __syncthreads();
    MmaSums<A> some[product_tiles];  // few terms at a time: the hardware's sums are rounded towards zero
    SEQREC_CUDA_UNROLL
    for (int from = 0; from < moe_terms; from += Mma::terms) {
      if (from >= terms - first) break;
      multiply_warp_tiles<Mma>(
          some, [&](int row, int term) { return lefts(first_row + row, from + term); },
          [&](int term, int column) { return rights(first_column + column, from + term); });
    }
    for (int tile = 0; tile < product_tiles; ++tile)
      for (int i = 0; i < 4; ++i) sums[tile].values[i] += some[tile].values[i];
    __syncthreads();  // before the next terms are laid out
  }
  for (int tile = 0; tile < product_tiles; ++tile)
    for (int i = 0; i < 4; ++i) {
      const int row = first_row + MmaSums<A>::row(i);
      const int column = first_column + tile * mma_columns + MmaSums<A>::column(i);
      if (row < rows && column < columns) leave(row, column, sums[tile].values[i]);
    }
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
template <class S, class Mma, bool transposed, class Leave>
__global__ void __launch_bounds__(product_threads)
    moe_rows_product_kernel(VectorView<const offset_t, DeviceSpace> starts, MoeRows<S> left,
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
  moe_tile_product<A, Mma, MoeOrder::terms, transposed ? MoeOrder::terms : MoeOrder::elements>(
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
  const dim3 grid(blocks_for(tiles, 1), blocks_across("moe_ffn columns", columns, moe_tile));
  dispatch_products(context, false, [&]<class Mma>() {
    launch<moe_rows_product_kernel<S, Mma, transposed, Leave>>(context, {grid, dim3(product_threads)}, starts, left,
                                                               weight, columns, leave);
  });
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
template <class S, class Mma>
__global__ void __launch_bounds__(product_threads)
    moe_weights_product_kernel(VectorView<const offset_t, DeviceSpace> starts, index_t slices, MoeRows<S> left,
                               MoeRows<S> right, MatrixView<S, DeviceSpace> sums) {
  using A = accumulator_of<S>;
  const MoeSlice slice(starts, slices);
  const index_t rows = left.matrix.columns(), columns = right.matrix.columns();
  const index_t row = static_cast<index_t>(blockIdx.y) * moe_tile, column = static_cast<index_t>(blockIdx.z) * moe_tile;
  moe_tile_product<A, Mma, MoeOrder::elements, MoeOrder::elements>(
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
  const dim3 grid(blocks_for(slices * routing.num_experts(), 1), across, along);
  dispatch_products(context, false, [&]<class Mma>() {
    launch<moe_weights_product_kernel<S, Mma>>(context, {grid, dim3(product_threads)}, starts, slices, left, right,
                                               sums);
  });
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
