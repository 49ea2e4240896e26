// SPDX-License-Identifier: Apache-2.0
// Means of what came so far in each history, plain or with recency weights (recency_mean.cuh).
//
// One warp per history and 32 columns, one lane a column: it walks through the rows and keeps their sum. A row's mean
// is so the same whatever comes later and whoever stands beside it. Memory: reads x once and writes y once (backward:
// dy, dx). The longest history is the longest warp: rows are read some ahead of the sum, so that their latencies
// overlap.
#pragma once

#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/gradient.cuh"
#include "seqrec/cuda/recency_mean.cuh"
#include "seqrec/cuda/running_sums.cuh"
#include "seqrec/ops/prefix_mean.hpp"

namespace seqrec::cuda {

template <class S>
__global__ void prefix_mean_kernel(PrefixMeanForward<BasicContext<S>> a) {
  using Accumulator = accumulator_of<S>;
  running_sums<Accumulator>(
      a.offsets, a.x.columns(), WalkOrder::forward,
      [&](index_t row, index_t, index_t column) { return static_cast<Accumulator>(a.x(row, column)); },
      [&](index_t row, index_t place, index_t column, Accumulator sum) {
        a.y(row, column) = static_cast<S>(sum * (Accumulator{1} / static_cast<Accumulator>(place + 1)));
      });
}

template <class S>
void prefix_mean_forward(BasicContext<S>& context, const PrefixMeanForward<BasicContext<S>>& a) {
  if (a.recency) return recency_mean_forward(context, a);
  launch<prefix_mean_kernel<S>>(context, running_sums_shape(a.offsets, a.x.columns()), a);
}

template <class S>
__global__ void prefix_mean_backward_kernel(PrefixMeanBackward<BasicContext<S>> a) {
  using Accumulator = accumulator_of<S>;
  running_sums<Accumulator>(
      a.offsets, a.dy.columns(), WalkOrder::backward,
      [&](index_t row, index_t place, index_t column) {
        return static_cast<Accumulator>(a.dy(row, column)) * (Accumulator{1} / static_cast<Accumulator>(place + 1));
      },
      [&](index_t row, index_t, index_t column, Accumulator sum) { leave(a.dx, row, column, static_cast<S>(sum)); });
}

template <class S>
void prefix_mean_backward(BasicContext<S>& context, const PrefixMeanBackward<BasicContext<S>>& a) {
  if (a.recency) return recency_mean_backward(context, a);
  if (a.dx) launch<prefix_mean_backward_kernel<S>>(context, running_sums_shape(a.offsets, a.dy.columns()), a);
}

}  // namespace seqrec::cuda
