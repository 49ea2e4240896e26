// SPDX-License-Identifier: Apache-2.0
// Dot products of pairs of rows, and their gradients.
//
// One warp per row, one lane a column. Memory: forward reads both matrices once; backward reads both and writes both
// gradients once.
#pragma once

#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/gradient.cuh"
#include "seqrec/cuda/reduce.cuh"
#include "seqrec/cuda/rows.cuh"
#include "seqrec/ops/row_dot.hpp"

namespace seqrec::cuda {

template <class S>
__global__ void row_dot_kernel(RowDotForward<BasicContext<S>> a) {
  using Accumulator = accumulator_of<S>;
  const index_t row = row_of_warp();
  if (row >= a.a.rows()) return;
  Accumulator sum = 0;
  for_columns_of_lane(a.a.columns(),
                      [&](index_t column) { sum += static_cast<Accumulator>(a.a(row, column)) * a.b(row, column); });
  sum = warp_sum(sum);
  if (threadIdx.x == 0) a.y(row, 0) = static_cast<S>(sum);
}

template <class S>
void row_dot_forward(BasicContext<S>& context, const RowDotForward<BasicContext<S>>& a) {
  launch<row_dot_kernel<S>>(context, warp_per_row(a.a.rows()), a);
}

template <class S>
__global__ void row_dot_backward_kernel(RowDotBackward<BasicContext<S>> a) {
  const index_t row = row_of_warp();
  if (row >= a.a.rows()) return;
  const S dy = a.dy(row, 0);
  for_columns_of_lane(a.a.columns(), [&](index_t column) {
    const S of_a = a.a(row, column), of_b = a.b(row, column);
    leave(a.da, row, column, dy * of_b);
    leave(a.db, row, column, dy * of_a);
  });
}

template <class S>
void row_dot_backward(BasicContext<S>& context, const RowDotBackward<BasicContext<S>>& a) {
  launch<row_dot_backward_kernel<S>>(context, warp_per_row(a.a.rows()), a);
}

}  // namespace seqrec::cuda
