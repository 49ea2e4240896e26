// SPDX-License-Identifier: Apache-2.0
// Binary cross-entropy of clicks, with its gradient.
//
// One thread per candidate. Memory: reads and writes each array once, and gathers a probability where candidates were
// sampled.
#pragma once

#include <cmath>

#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/launch.cuh"
#include "seqrec/ops/click_loss.hpp"

namespace seqrec::cuda {

/// Threads, and so candidates, of a block: enough to fill a multiprocessor by eight blocks.
inline constexpr int clicks_per_block = 256;

/// @param log_items log V, where scores are corrected
template <class S>
__global__ void click_loss_kernel(ClickLoss<BasicContext<S>> a, double log_items) {
  const index_t c = static_cast<index_t>(blockIdx.x) * clicks_per_block + threadIdx.x;
  if (c >= a.scores.rows()) return;
  S score = a.scores(c, 0);
  if (a.items) score -= static_cast<S>(log_items + static_cast<double>(a.log_probability(a.items(c))));
  const LossAndSlope<S> of = loss_of_click(score, static_cast<S>(a.labels(c)));
  a.losses(c) = a.scale * static_cast<double>(of.loss);
  if (a.dscores) a.dscores(c, 0) = static_cast<S>(a.scale) * of.slope;
}

template <class S>
void click_loss(BasicContext<S>& context, const ClickLoss<BasicContext<S>>& a) {
  const double log_items = a.items ? std::log(static_cast<double>(a.log_probability.size())) : 0;
  const LaunchShape shape{dim3(blocks_for(a.scores.rows(), clicks_per_block)), dim3(clicks_per_block)};
  launch<click_loss_kernel<S>>(context, shape, a, log_items);
}

}  // namespace seqrec::cuda
