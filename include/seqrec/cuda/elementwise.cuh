// SPDX-License-Identifier: Apache-2.0
// Copies, sums and masks of matrices, and the sum of losses.
//
// One warp per row, one lane a column: each element is read and written once. Losses are summed by one block.
#pragma once

#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/dropout.cuh"
#include "seqrec/cuda/gradient.cuh"
#include "seqrec/cuda/reduce.cuh"
#include "seqrec/cuda/rows.cuh"
#include "seqrec/ops/elementwise.hpp"

namespace seqrec::cuda {

template <class S>
__global__ void copy_kernel(Copy<BasicContext<S>> a) {
  const index_t row = row_of_warp();
  if (row >= a.source.rows()) return;
  for_columns_of_lane(a.source.columns(), [&](index_t column) { a.target(row, column) = a.source(row, column); });
}

template <class S>
void copy(BasicContext<S>& context, const Copy<BasicContext<S>>& a) {
  launch<copy_kernel<S>>(context, warp_per_row(a.source.rows()), a);
}

template <class S>
__global__ void add_kernel(Add<BasicContext<S>> a) {
  const index_t row = row_of_warp();
  if (row >= a.source.rows()) return;
  for_columns_of_lane(a.source.columns(), [&](index_t column) { a.target(row, column) += a.source(row, column); });
}

template <class S>
void add(BasicContext<S>& context, const Add<BasicContext<S>>& a) {
  launch<add_kernel<S>>(context, warp_per_row(a.source.rows()), a);
}

template <class S>
__global__ void drop_kernel(Drop<BasicContext<S>> a, DropoutFactors<S> factors) {
  const index_t row = row_of_warp();
  if (row >= a.source.rows()) return;
  for_columns_of_lane(a.source.columns(), [&](index_t column) {
    leave(a.target, row, column, a.source(row, column) * factors(row, column));
  });
}

template <class S>
void drop(BasicContext<S>& context, const Drop<BasicContext<S>>& a) {
  launch<drop_kernel<S>>(context, warp_per_row(a.source.rows()), a, DropoutFactors<S>(a.dropout));
}

/// Threads of the one block that sums the losses: a batch of 16,384 rows is 16 numbers each.
inline constexpr int loss_threads = 1024;

template <class Loss>
__global__ void accumulate_loss_kernel(VectorView<const Loss, DeviceSpace> losses,
                                       VectorView<double, DeviceSpace> sum) {
  double of_thread = 0;
  for (index_t i = threadIdx.x; i < losses.size(); i += loss_threads) of_thread += losses(i);
  const double of_block = block_sum(of_thread);
  if (threadIdx.x == 0) sum(0) += of_block;
}

template <class S>
void accumulate_loss(BasicContext<S>& context, const AccumulateLoss<BasicContext<S>>& a) {
  if (a.losses.size() == 0) return;
  launch<accumulate_loss_kernel<double>>(context, {dim3(1), dim3(loss_threads)}, a.losses, context.loss_sum());
}

}  // namespace seqrec::cuda
