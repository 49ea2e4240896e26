// SPDX-License-Identifier: Apache-2.0
// Running means and variances of units, moved towards those of a step.
//
// One block, one thread a unit: they share the count of updates, which the last to read it moves on. Memory: reads sums
// and statistics once, writes the latter; nobody waits for so little.
#pragma once

#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/launch.cuh"
#include "seqrec/ops/running_statistics.hpp"

namespace seqrec::cuda {

/// Threads of the block: hidden layers of ranking networks have 36 to 512 units.
inline constexpr int statistics_threads = 256;

template <class S>
__global__ void running_statistics_kernel(RunningStatistics<BasicContext<S>> a) {
  using Master = typename BasicContext<S>::Master;
  if (a.outcome && !a.outcome(0).is_good()) return;
  const auto rows = static_cast<double>(a.rows(0)), tracked = static_cast<double>(a.tracked(0));
  if (rows == 0) return;
  const double plain = 1 / (1 + tracked), step = a.momentum < plain ? plain : a.momentum;
  for (index_t h = threadIdx.x; h < a.mean.size(); h += statistics_threads) {
    const double deviation = static_cast<double>(a.sum(h)) / rows;
    const double variance = static_cast<double>(a.squares(h)) / rows - deviation * deviation;
    a.mean(h) += static_cast<Master>(step * deviation);
    // Rounding may take a variance below zero. A NaN stays, to be seen.
    a.variance(h) += static_cast<Master>(step * ((variance < 0 ? 0 : variance) - static_cast<double>(a.variance(h))));
  }
  __syncthreads();
  if (threadIdx.x == 0) a.tracked(0) = static_cast<Master>(tracked + 1);
}

template <class S>
void running_statistics(BasicContext<S>& context, const RunningStatistics<BasicContext<S>>& a) {
  launch<running_statistics_kernel<S>>(context, {dim3(1), dim3(statistics_threads)}, a);
}

}  // namespace seqrec::cuda
