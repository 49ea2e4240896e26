// SPDX-License-Identifier: Apache-2.0
// Gathers rows, and sums their gradients back.
//
// One warp per row, one lane a column. Backward needs no atomics, because rows named more than once stand together: the
// first warp of each such run adds all of it. Memory: reads and writes each gathered row once; backward that writes
// clears dx first.
#pragma once

#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/rows.cuh"
#include "seqrec/cuda/segments.cuh"
#include "seqrec/ops/gather_rows.hpp"

namespace seqrec::cuda {

template <class S>
__global__ void gather_rows_kernel(GatherRowsForward<BasicContext<S>> a) {
  const index_t i = row_of_warp();
  if (i >= a.rows.size()) return;
  const index_t row = a.rows(i);
  for_columns_of_lane(a.y.columns(), [&](index_t column) { a.y(i, column) = row < 0 ? S{0} : a.x(row, column); });
}

template <class S>
void gather_rows_forward(BasicContext<S>& context, const GatherRowsForward<BasicContext<S>>& a) {
  launch<gather_rows_kernel<S>>(context, warp_per_row(a.rows.size()), a);
}

template <class S>
__global__ void clear_rows_kernel(MatrixView<S, DeviceSpace> rows) {
  const index_t row = row_of_warp();
  if (row >= rows.rows()) return;
  for_columns_of_lane(rows.columns(), [&](index_t column) { rows(row, column) = S{0}; });
}

template <class S>
__global__ void gather_rows_backward_kernel(GatherRowsBackward<BasicContext<S>> a) {
  using Accumulator = accumulator_of<S>;
  const index_t i = row_of_warp(), count = a.rows.size();
  if (i >= count || a.rows(i) < 0) return;
  const offset_t row = a.rows(i);
  index_t before = i - 1;
  while (before >= 0 && a.rows(before) < 0) --before;
  if (before >= 0 && a.rows(before) == row) return;  // another warp's
  for_columns_of_lane(a.dy.columns(), [&](index_t column) {
    Accumulator sum = a.dx.view(row, column);
    for (index_t j = i; j < count && a.rows(j) <= row; ++j)
      if (a.rows(j) == row) sum += a.dy(j, column);
    a.dx.view(row, column) = static_cast<S>(sum);
  });
}

template <class S>
void gather_rows_backward(BasicContext<S>& context, const GatherRowsBackward<BasicContext<S>>& a) {
  if (!a.dx.adds()) launch<clear_rows_kernel<S>>(context, warp_per_row(a.dx.view.rows()), a.dx.view);
  launch<gather_rows_backward_kernel<S>>(context, warp_per_row(a.rows.size()), a);
}

/// Threads of a block where each has one number to write.
inline constexpr int numbers_per_block = 256;

template <class S>
__global__ void last_row_numbers_kernel(LastRowNumbers<BasicContext<S>> a) {
  const index_t b = static_cast<index_t>(blockIdx.x) * numbers_per_block + threadIdx.x;
  if (b >= a.rows.size()) return;
  const bool empty = a.offsets(b + 1) == a.offsets(b);
  a.rows(b) = empty ? -1 : a.offsets(b + 1) - 1;
  if (a.users) a.users(b) = empty ? -1 : static_cast<offset_t>(b);
}

template <class S>
void last_row_numbers(BasicContext<S>& context, const LastRowNumbers<BasicContext<S>>& a) {
  launch<last_row_numbers_kernel<S>>(context,
                                     {dim3(blocks_for(a.rows.size(), numbers_per_block)), dim3(numbers_per_block)}, a);
}

template <class S>
__global__ void visible_row_numbers_kernel(VisibleRowNumbers<BasicContext<S>> a) {
  const index_t c = static_cast<index_t>(blockIdx.x) * numbers_per_block + threadIdx.x;
  if (c >= a.rows.size()) return;
  a.rows(c) = a.visible(c) > 0 ? a.offsets(segment_of(a.candidate_offsets, c)) + a.visible(c) - 1 : -1;
}

template <class S>
void visible_row_numbers(BasicContext<S>& context, const VisibleRowNumbers<BasicContext<S>>& a) {
  launch<visible_row_numbers_kernel<S>>(
      context, {dim3(blocks_for(a.rows.size(), numbers_per_block)), dim3(numbers_per_block)}, a);
}

}  // namespace seqrec::cuda
