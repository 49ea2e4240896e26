// SPDX-License-Identifier: Apache-2.0
// The mapping that most kernels share: one warp per row, whose lanes step through the columns.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "seqrec/core/tensor.hpp"
#include "seqrec/cuda/launch.cuh"

namespace seqrec::cuda {

/// Rows, and so warps, of a block. 256 threads fill a multiprocessor by eight blocks, and few warps idle at the end.
inline constexpr int rows_per_block = 8;

/// The launch of one warp per row: threadIdx.x is the lane, threadIdx.y the row in the block.
inline LaunchShape warp_per_row(index_t rows) {
  return {dim3(blocks_for(rows, rows_per_block)), dim3(warp_size, rows_per_block)};
}

/// The row of this thread's warp; the last block's may lie beyond the end.
__device__ inline index_t row_of_warp() { return static_cast<index_t>(blockIdx.x) * rows_per_block + threadIdx.y; }

/// Calls action(column) for the columns of this thread: its lane's, and every 32nd after it.
template <class Action>
__device__ void for_columns_of_lane(index_t columns, Action action) {
  for (index_t column = threadIdx.x; column < columns; column += warp_size) action(column);
}

/// The most bytes, of 16 and 8, that all rows begin and end at multiples of; else those of an element. 16 also where
/// there is no matrix.
template <class T>
int row_alignment(const MatrixView<T, DeviceSpace>& matrix) {
  const auto divides = [&](std::size_t bytes) {
    return reinterpret_cast<std::uintptr_t>(matrix.data) % bytes == 0 &&
           static_cast<std::size_t>(matrix.stride) * sizeof(T) % bytes == 0 &&
           static_cast<std::size_t>(matrix.columns()) * sizeof(T) % bytes == 0;
  };
  if (!matrix || divides(16)) return 16;
  return divides(8) ? 8 : static_cast<int>(sizeof(T));
}
/// The same of a vector.
template <class T>
int row_alignment(const VectorView<T, DeviceSpace>& vector) {
  return row_alignment(MatrixView<T, DeviceSpace>(vector.data, 1, vector.size()));
}
/// Of all of several.
template <class View, class... Views>
int row_alignment(const View& view, const Views&... others) requires(sizeof...(Views) > 0) {
  return std::min(row_alignment(view), row_alignment(others...));
}

/// Whether a row of a gradient is not zero throughout; the same in all lanes of the warp.
template <class Master>
__device__ bool has_gradient(const Master* gradient, index_t width) {
  bool here = false;
  for_columns_of_lane(width, [&](index_t column) { here |= gradient[column] != Master{0}; });
  return __any_sync(all_lanes, here ? 1 : 0) != 0;
}

}  // namespace seqrec::cuda
