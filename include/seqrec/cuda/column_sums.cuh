// SPDX-License-Identifier: Apache-2.0
// Sums over rows: the gradient of everything that is added to or multiplied with each row (a bias, gamma, beta).
//
// One block sums a slice of rows in 32 columns; its warps take every eighth row, one lane a column, and their sums are
// added in warp order. Sums of slices are summed again until one slice is left. No atomics: the order of additions
// depends on the extents only. Memory: reads every value once, writes 1/256 of that.
#pragma once

#include "seqrec/core/tensor.hpp"
#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/launch.cuh"

namespace seqrec::cuda {

/// Rows that one block sums: 32 for each of its warps, enough to hide the block's start and to make one more round
/// enough for 65536 rows.
inline constexpr int rows_per_slice = 256;
inline constexpr int warps_per_slice = 8;

/// The values to be summed, as a function of row and column. This one reads a matrix.
template <class Scalar>
struct MatrixValues {
  MatrixView<const Scalar, DeviceSpace> matrix;
  __device__ accumulator_of<Scalar> operator()(index_t row, index_t column) const { return matrix(row, column); }
};

/// sums(slice, column) (+)= the sum of the slice's rows.
template <bool Adds, class Values, class Scalar>
__global__ void column_sums_kernel(Values values, index_t rows, MatrixView<Scalar, DeviceSpace> sums) {
  using Accumulator = accumulator_of<Scalar>;
  __shared__ shared_array<Accumulator[warp_size], warps_per_slice> of_warp;
  const index_t column = static_cast<index_t>(blockIdx.y) * warp_size + threadIdx.x;
  const index_t first = static_cast<index_t>(blockIdx.x) * rows_per_slice;
  const index_t end = first + rows_per_slice < rows ? first + rows_per_slice : rows;
  Accumulator sum = 0;
  if (column < sums.columns())
    for (index_t row = first + threadIdx.y; row < end; row += warps_per_slice) sum += values(row, column);
  of_warp[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y != 0 || column >= sums.columns()) return;
  for (int warp = 1; warp < warps_per_slice; ++warp) sum += of_warp[warp][threadIdx.x];
  Scalar& target = sums(blockIdx.x, column);
  target = static_cast<Scalar>(Adds ? static_cast<Accumulator>(target) + sum : sum);
}

/// target(column) += values(0, column) + ... + values(rows - 1, column).
template <class Scalar, class Values, class Master>
void add_column_sums(BasicContext<Scalar>& context, index_t rows, const Values& values,
                     VectorView<Master, DeviceSpace> target) {
  const index_t columns = target.size(), slices = (rows + rows_per_slice - 1) / rows_per_slice;
  const LaunchShape shape{dim3(blocks_for(slices, 1), blocks_across("columns of a sum", columns, warp_size)),
                          dim3(warp_size, warps_per_slice)};
  if (slices <= 1) {
    const MatrixView<Master, DeviceSpace> row(target.data, 1, columns);
    launch<column_sums_kernel<true, Values, Master>>(context, shape, values, rows, row);
    return;
  }
  const MatrixView<Scalar, DeviceSpace> sums = context.matrix(slices, columns);
  launch<column_sums_kernel<false, Values, Scalar>>(context, shape, values, rows, sums);
  add_column_sums(context, slices, MatrixValues<Scalar>{sums}, target);
}

}  // namespace seqrec::cuda
