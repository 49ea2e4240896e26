// SPDX-License-Identifier: Apache-2.0
// Sums along the rows of each history, written once.
#pragma once

#include "seqrec/core/tensor.hpp"
#include "seqrec/cuda/rows.cuh"
#include "seqrec/cuda/segments.cuh"

namespace seqrec::cuda {

/// Rows that are read before any of them is added: enough loads in flight to hide most of a read's latency.
inline constexpr int rows_ahead = 8;

enum class WalkOrder { forward, backward };

/// The launch of one warp per history and 32 columns.
inline LaunchShape running_sums_shape(VectorView<const offset_t, DeviceSpace> offsets, index_t columns) {
  LaunchShape shape = warp_per_row(segments_of(offsets));
  shape.grid.y = blocks_for(columns, warp_size);
  return shape;
}

/// Walks through the rows of the warp's history, from the first or from the last: sum += term(row, place, column), then
/// leave(row, place, column, sum), where `place` counts rows of the history. What is left may lie where terms are read.
template <class Accumulator, class Term, class Leave>
__device__ void running_sums(VectorView<const offset_t, DeviceSpace> offsets, index_t columns, WalkOrder order,
                             Term term, Leave leave) {
  const index_t history = row_of_warp(), column = static_cast<index_t>(blockIdx.y) * warp_size + threadIdx.x;
  if (history + 1 >= offsets.size() || column >= columns) return;
  const index_t first = offsets(history), length = offsets(history + 1) - first;
  const auto place_of = [&](index_t step) { return order == WalkOrder::forward ? step : length - 1 - step; };
  Accumulator sum = 0;
  for (index_t begin = 0; begin < length; begin += rows_ahead) {
    Accumulator terms[rows_ahead] = {};
    for (int i = 0; i < rows_ahead; ++i)
      if (const index_t place = place_of(begin + i); begin + i < length) terms[i] = term(first + place, place, column);
    for (int i = 0; i < rows_ahead; ++i) {
      if (begin + i >= length) break;
      const index_t place = place_of(begin + i);
      sum += terms[i];
      leave(first + place, place, column, sum);
    }
  }
}

}  // namespace seqrec::cuda
