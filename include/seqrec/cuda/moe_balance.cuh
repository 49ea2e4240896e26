// SPDX-License-Identifier: Apache-2.0
// What a step's loads do to a mixture of experts.
//
// One block for all experts, a thread an expert: there are few. Memory: a few numbers for each expert.
#pragma once

#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/launch.cuh"
#include "seqrec/cuda/reduce.cuh"
#include "seqrec/ops/moe_balance.hpp"

namespace seqrec::cuda {

inline constexpr int moe_balance_threads = 128;

template <class S>
__global__ void moe_balance_kernel(MoeBalance<BasicContext<S>> a) {
  using Master = typename BasicContext<S>::Master;
  const index_t experts = a.loads.size();
  if (a.outcome && !a.outcome(0).is_good()) return;
  double all = 0;  // loads are whole numbers, whose sum is exact in any order
  for (index_t e = threadIdx.x; e < experts; e += moe_balance_threads) all += static_cast<double>(a.loads(e));
  const auto steps = static_cast<index_t>(a.tracked(0));
  all = block_sum(all);  // and all threads have read `tracked`
  if (all == 0) return;
  const double step = steps < a.first_steps ? a.first_step : a.step;
  for (index_t e = threadIdx.x; e < experts; e += moe_balance_threads) {
    if (a.recent.rows() > 0) a.recent(steps % a.recent.rows(), e) = a.loads(e);
    const double error = all - static_cast<double>(experts) * static_cast<double>(a.loads(e));
    if (a.bias) a.bias(e) += static_cast<Master>(error > 0 ? step : error < 0 ? -step : 0);
  }
  if (threadIdx.x == 0) a.tracked(0) += Master{1};
}

template <class S>
void moe_balance(BasicContext<S>& context, const MoeBalance<BasicContext<S>>& a) {
  launch<moe_balance_kernel<S>>(context, {1, moe_balance_threads}, a);
}

}  // namespace seqrec::cuda
