// SPDX-License-Identifier: Apache-2.0
// Gradients of a weight matrix and its bias, dweight (O, I) += dy' x and dbias (O) += the sum of dy's rows: products
// with few elements and very many terms, on tensor cores.
//
// Rows are cut into slices; a block of four warps sums a slice's terms of 64 by 64 elements, and the bias's beside
// them, with the next rows on their way to shared memory by asynchronous copies; a second launch adds up the slices, in
// their order. Memory: dy and x once for every 64 inputs or outputs; a slice leaves O (I + 1) numbers, which are
// read once.
#pragma once

#include <algorithm>

#include "seqrec/cuda/row_product.cuh"
#include "seqrec/cuda/slice_sums.cuh"

namespace seqrec::cuda {

/// Blocks that fill the GPUs of today, two for each multiprocessor.
inline constexpr index_t gradient_blocks_wanted = 264;
/// Rows of a slice at least: so many that what it leaves is less than what it reads.
inline constexpr index_t fewest_rows_of_slice = 64;

/// How rows are cut.
struct GradientSlices {
  index_t count, rows_of_each;

  /// @param tiles  blocks that each slice has
  GradientSlices(index_t rows, index_t tiles) {
    const index_t wanted = std::max<index_t>(gradient_blocks_wanted / std::max<index_t>(tiles, 1), 1);
    const index_t each = std::max((rows + wanted - 1) / wanted, fewest_rows_of_slice);
    rows_of_each = (each + fewest_rows_of_slice - 1) / fewest_rows_of_slice * fewest_rows_of_slice;
    count = std::max<index_t>((rows + rows_of_each - 1) / rows_of_each, 1);
  }
};

/// @param of_slice (slices, O I + O) a slice's part of dweight, then of dbias
template <class S, class Mma>
__global__ void __launch_bounds__(product_threads)
    weight_gradient_kernel(MatrixView<const S, DeviceSpace> dy, MatrixView<const S, DeviceSpace> x, int dy_alignment,
                           int x_alignment, index_t rows_of_slice,
                           MatrixView<accumulator_of<S>, DeviceSpace> of_slice) {
  using A = accumulator_of<S>;
  constexpr int terms = sizeof(S) == sizeof(double) ? 16 : 32, stride = product_columns + 8;
  __shared__ shared_array<S[static_cast<std::size_t>(terms * stride)], 2> dy_tiles;
  __shared__ shared_array<S[static_cast<std::size_t>(terms * stride)], 2> x_tiles;
  const index_t output = static_cast<index_t>(blockIdx.y) * product_rows;
  const index_t input = static_cast<index_t>(blockIdx.z) * product_columns;
  const index_t begin = static_cast<index_t>(blockIdx.x) * rows_of_slice;
  const index_t end = begin + rows_of_slice < dy.rows() ? begin + rows_of_slice : dy.rows();
  const int thread = static_cast<int>(threadIdx.x), first_row = thread / warp_size * mma_rows;
  const auto copy = [&](index_t row, int place) {
    if (row < end) {
      copy_tile<terms, product_rows, stride, product_threads>(&dy_tiles[place][0], dy, row, end, output, dy_alignment);
      copy_tile<terms, product_columns, stride, product_threads>(&x_tiles[place][0], x, row, end, input, x_alignment);
    }
    commit_copies();
  };
  MmaSums<A> sums[product_tiles];
  A of_bias = 0;
  copy(begin, 0);
  int place = 0;
  for (index_t row = begin; row < end; row += terms, place = 1 - place) {
    copy(row + terms, 1 - place);
    wait_for_copies<1>();
    __syncthreads();
    const S *const left = &dy_tiles[place][0], *const right = &x_tiles[place][0];
    MmaSums<A> some[product_tiles];  // few terms at a time: the hardware's sums are rounded towards zero
    for (int from = 0; from < terms; from += Mma::terms) {
      Mma mma;
      mma.set_left([&](int r, int term) { return left[(from + term) * stride + first_row + r]; });
      for (int tile = 0; tile < product_tiles; ++tile) {
        mma.set_right([&](int term, int c) { return right[(from + term) * stride + tile * mma_columns + c]; });
        mma.multiply(some[tile]);
      }
    }
    for (int tile = 0; tile < product_tiles; ++tile)
      for (int i = 0; i < 4; ++i) sums[tile].values[i] += some[tile].values[i];
    if (blockIdx.z == 0 && thread < product_rows)
      for (int term = 0; term < terms; ++term) of_bias += left[term * stride + thread];
    __syncthreads();  // before the next copies go there
  }
  const index_t outputs = dy.columns(), inputs = x.columns();
  A* const result = of_slice.row(blockIdx.x);
  for (int tile = 0; tile < product_tiles; ++tile)
    for (int i = 0; i < 4; ++i) {
      const index_t o = output + first_row + MmaSums<A>::row(i);
      const index_t column = input + tile * mma_columns + MmaSums<A>::column(i);
      if (o < outputs && column < inputs) result[o * inputs + column] = sums[tile].values[i];
    }
  if (blockIdx.z == 0 && thread < product_rows && output + thread < outputs)
    result[outputs * inputs + output + thread] = of_bias;
}

/// Adds up what slices have left.
template <class A, class Master>
__global__ void add_weight_gradients_kernel(MatrixView<const A, DeviceSpace> of_slice,
                                            MatrixView<Master, DeviceSpace> dweight,
                                            VectorView<Master, DeviceSpace> dbias) {
  const index_t element = static_cast<index_t>(blockIdx.x) * warp_size + threadIdx.x;
  const A sum = sum_of_slices(of_slice, element);
  if (threadIdx.y != 0 || element >= of_slice.columns()) return;
  const index_t weights = dweight.size();
  if (element >= weights && !dbias) return;
  Master& target =
      element < weights ? dweight(element / dweight.columns(), element % dweight.columns()) : dbias(element - weights);
  target = static_cast<Master>(static_cast<A>(target) + sum);
}

/// @param dy (N, O)   @param x (N, I)   @param dweight (O, I) added to   @param dbias (O) added to, or null
template <class S>
void add_weight_gradient(BasicContext<S>& context, MatrixView<const S, DeviceSpace> dy,
                         MatrixView<const S, DeviceSpace> x,
                         MatrixView<typename BasicContext<S>::Master, DeviceSpace> dweight,
                         VectorView<typename BasicContext<S>::Master, DeviceSpace> dbias) {
  using A = accumulator_of<S>;
  const unsigned of_outputs = blocks_across("outputs of a layer", dy.columns(), product_rows);
  const unsigned of_inputs = blocks_across("inputs of a layer", x.columns(), product_columns);
  const index_t tiles = static_cast<index_t>(of_outputs) * of_inputs, size = dweight.size() + dy.columns();
  if (dy.rows() == 0 || tiles == 0) return;
  const GradientSlices slices(dy.rows(), tiles);
  const MatrixView<A, DeviceSpace> of_slice(context.template vector<A>(slices.count * size).data, slices.count, size);
  dispatch_products(context, [&]<class Mma>() {
    launch<weight_gradient_kernel<S, Mma>>(
        context, {dim3(blocks_for(slices.count, 1), of_outputs, of_inputs), dim3(product_threads)}, dy, x,
        row_alignment(dy), row_alignment(x), slices.rows_of_each, of_slice);
  });
  const MatrixView<const A, DeviceSpace> read = of_slice;
  launch<add_weight_gradients_kernel<A, typename BasicContext<S>::Master>>(context, slice_sums_shape(size), read,
                                                                           dweight, dbias);
}

}  // namespace seqrec::cuda
