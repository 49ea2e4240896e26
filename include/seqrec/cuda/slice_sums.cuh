// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/tensor.hpp"
#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/rows.cuh"

namespace seqrec::cuda {

/// Warps among which the slices of an element are dealt, where there are many slices of few elements.
inline constexpr int warps_of_slices = 8;

/// A block of warps_of_slices warps for every 32 elements.
inline LaunchShape slice_sums_shape(index_t elements) {
  return {dim3(blocks_for(elements, warp_size)), dim3(warp_size, warps_of_slices)};
}

/// The sum over all slices of an element, the same for all threads of one threadIdx.x, which share the work; for those
/// of threadIdx.y 0 alone. All threads of a block of slice_sums_shape() take part.
/// @param sums (slices, elements)
template <class A>
__device__ A sum_of_slices(MatrixView<const A, DeviceSpace> sums, index_t element) {
  __shared__ shared_array<A[warp_size], warps_of_slices> of_warp;
  A sum = 0;
  if (element < sums.columns())
    for (index_t slice = threadIdx.y; slice < sums.rows(); slice += warps_of_slices) sum += sums(slice, element);
  of_warp[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y != 0) return A{0};
  for (int warp = 1; warp < warps_of_slices; ++warp) sum += of_warp[warp][threadIdx.x];
  return sum;
}

/// target_i += sums_i + sums_(R+i) + sums_(2R+i) + ...: the second half of a sum whose terms were dealt among slices,
/// with R rows each. One warp per row of the target, one lane a column.
template <class S, class Master>
__global__ void add_slice_sums_kernel(MatrixView<const S, DeviceSpace> sums, MatrixView<Master, DeviceSpace> target) {
  using Accumulator = accumulator_of<S>;
  const index_t i = row_of_warp();
  if (i >= target.rows()) return;
  for_columns_of_lane(target.columns(), [&](index_t column) {
    Accumulator sum = 0;
    for (index_t row = i; row < sums.rows(); row += target.rows()) sum += static_cast<Accumulator>(sums(row, column));
    target(i, column) = static_cast<Master>(static_cast<Accumulator>(target(i, column)) + sum);
  });
}

/// @param sums (slices R, C)   @param target (R, C)
template <class S, class Master>
void add_slice_sums(const BasicContext<S>& context, MatrixView<S, DeviceSpace> sums,
                    MatrixView<Master, DeviceSpace> target) {
  const MatrixView<const S, DeviceSpace> read = sums;
  launch<add_slice_sums_kernel<S, Master>>(context, warp_per_row(target.rows()), read, target);
}

}  // namespace seqrec::cuda
