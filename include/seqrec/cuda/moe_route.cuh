// SPDX-License-Identifier: Apache-2.0
// Routing of a mixture of experts: gates of a router's logits, the K best experts of each row, and the assignments
// sorted by expert.
//
// Choosing: one warp per row, one lane an expert; K times the warp finds the best expert behind the one before.
// Sorting: moe_sort.cuh. Backward: one warp per row, one lane an expert. Memory: logits once, gates K + 2 times from
// the first-level cache; backward reads gates and dweights and writes dlogits.
#pragma once

#include <cmath>

#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/gradient.cuh"
#include "seqrec/cuda/moe_sort.cuh"
#include "seqrec/cuda/reduce.cuh"
#include "seqrec/cuda/rows.cuh"
#include "seqrec/ops/moe_route.hpp"

namespace seqrec::cuda {

/// A score with its expert: the higher comes first, of equal ones the lower number.
template <class A>
struct MoeRank {
  A score;
  int expert;

  __device__ bool comes_before(const MoeRank& other) const {
    return score > other.score || (score == other.score && expert < other.expert);
  }
};

/// Gates of the warp's row, each written by the lane that reads it again.
template <class S>
__device__ void moe_gates(MoeGate gate, const S* logits, index_t experts, S* gates) {
  using A = accumulator_of<S>;
  if (gate == MoeGate::sigmoid) {
    for_columns_of_lane(
        experts, [&](index_t e) { gates[e] = static_cast<S>(A(1) / (A(1) + std::exp(-static_cast<A>(logits[e])))); });
    return;
  }
  A most = -infinity<A>, sum = 0;
  for_columns_of_lane(experts, [&](index_t e) { most = Maximum{}(most, static_cast<A>(logits[e])); });
  most = warp_max(most);
  for_columns_of_lane(experts, [&](index_t e) { sum += std::exp(static_cast<A>(logits[e]) - most); });
  sum = warp_sum(sum);
  for_columns_of_lane(experts,
                      [&](index_t e) { gates[e] = static_cast<S>(std::exp(static_cast<A>(logits[e]) - most) / sum); });
}

template <class S>
__global__ void moe_choose_kernel(MoeRouteForward<BasicContext<S>> a) {
  using A = accumulator_of<S>;
  const index_t n = row_of_warp(), experts = a.logits.columns(), chosen = a.weights.columns();
  if (n >= a.logits.rows()) return;
  S* const gates = a.gates.row(n);
  moe_gates(a.gate, a.logits.row(n), experts, gates);
  // Not-a-numbers come first, so that they are chosen and stay visible.
  const auto rank_of = [&](index_t e) {
    const A score = static_cast<A>(gates[e]) + (a.selection_bias ? static_cast<A>(a.selection_bias(e)) : A(0));
    return MoeRank<A>{score == score ? score : infinity<A>, static_cast<int>(e)};
  };
  MoeRank<A> last{infinity<A>, -1};  // before all others; then the last that was chosen
  for (index_t k = 0; k < chosen; ++k) {
    MoeRank<A> best{-infinity<A>, static_cast<int>(experts)};
    for_columns_of_lane(experts, [&](index_t e) {
      const MoeRank<A> rank = rank_of(e);
      if (last.comes_before(rank) && rank.comes_before(best)) best = rank;
    });
    for (int distance = warp_size / 2; distance > 0; distance /= 2) {
      const MoeRank<A> other{__shfl_xor_sync(all_lanes, best.score, distance),
                             __shfl_xor_sync(all_lanes, best.expert, distance)};
      if (other.comes_before(best)) best = other;
    }
    last = best;
  }
  // Those up to the last are the chosen: in ascending order where they stand among all experts.
  A sum = 0;
  for_columns_of_lane(experts,
                      [&](index_t e) { sum += last.comes_before(rank_of(e)) ? A(0) : static_cast<A>(gates[e]); });
  sum = warp_sum(sum) + static_cast<A>(moe_tiny);
  index_t before = 0;
  for (index_t first = 0; first < experts; first += warp_size) {
    const index_t e = first + threadIdx.x;
    const bool is_chosen = e < experts && !last.comes_before(rank_of(e));
    const unsigned all = __ballot_sync(all_lanes, is_chosen ? 1 : 0);
    if (is_chosen) {
      const index_t k = before + __popc(all & ((1u << threadIdx.x) - 1u));
      a.routing.experts(n, k) = static_cast<offset_t>(e);
      a.weights(n, k) = a.normalise ? static_cast<S>(static_cast<A>(gates[e]) / sum) : gates[e];
    }
    before += __popc(all);
  }
}

/// balance X f_e: what an expert's share of a row's gates costs.
template <class S>
struct MoePrices {
  MoeRouting<BasicContext<S>> routing;
  double balance;

  __device__ double operator()(index_t e) const {
    const index_t all = routing.rows.size();
    return balance * static_cast<double>(routing.starts.size() - 1) *
           static_cast<double>(routing.starts(e + 1) - routing.starts(e)) / static_cast<double>(all > 0 ? all : 1);
  }
};

/// What all gates of a row add up to; a softmax's are shares already.
template <class S>
__device__ accumulator_of<S> moe_whole(MoeGate gate, const S* gates, index_t experts) {
  using A = accumulator_of<S>;
  if (gate == MoeGate::softmax) return A(1);
  A sum = 0;
  for_columns_of_lane(experts, [&](index_t e) { sum += static_cast<A>(gates[e]); });
  return warp_sum(sum) + static_cast<A>(moe_tiny);
}

template <class S>
__global__ void moe_losses_kernel(MoeRouteForward<BasicContext<S>> a) {
  const index_t n = row_of_warp(), experts = a.gates.columns();
  if (n >= a.gates.rows()) return;
  const MoePrices<S> prices{a.routing, a.balance};
  double loss = 0;
  for_columns_of_lane(experts, [&](index_t e) { loss += prices(e) * static_cast<double>(a.gates(n, e)); });
  loss = warp_sum(loss) / static_cast<double>(moe_whole<S>(a.gate, a.gates.row(n), experts));
  if (threadIdx.x == 0) a.losses(n) = loss;
}

template <class S>
void moe_route_forward(BasicContext<S>& context, const MoeRouteForward<BasicContext<S>>& a) {
  const index_t rows = a.logits.rows();
  launch<moe_choose_kernel<S>>(context, warp_per_row(rows), a);
  moe_sort(context, a.routing);
  if (a.losses) launch<moe_losses_kernel<S>>(context, warp_per_row(rows), a);
}

template <class S>
__global__ void moe_loads_kernel(MoeRouteBackward<BasicContext<S>> a) {
  for (index_t e = threadIdx.x; e < a.loads.size(); e += moe_scan_threads)
    a.loads(e) += static_cast<typename BasicContext<S>::Master>(a.routing.starts(e + 1) - a.routing.starts(e));
}

/// One warp per row, one lane an expert.
template <class S>
__global__ void moe_route_backward_kernel(MoeRouteBackward<BasicContext<S>> a) {
  using A = accumulator_of<S>;
  const index_t n = row_of_warp(), experts = a.gates.columns(), chosen = a.weights.columns();
  if (n >= a.gates.rows()) return;
  const MoePrices<S> prices{a.routing, a.balance};
  const auto gate_of = [&](index_t e) { return static_cast<A>(a.gates(n, e)); };
  A whole = 1, mean_price = 0;
  if (a.balance != 0) {
    whole = moe_whole<S>(a.gate, a.gates.row(n), experts);
    for_columns_of_lane(experts, [&](index_t e) { mean_price += static_cast<A>(prices(e)) * gate_of(e) / whole; });
    // A softmax's gates add up to 1 by themselves, and its own derivative takes the mean away.
    mean_price = a.gate == MoeGate::softmax ? A(0) : warp_sum(mean_price);
  }
  A sum = 1, mean = 0;  // of the chosen gates, of dweights
  if (a.normalise) {
    A gates = 0;
    for_columns_of_lane(chosen, [&](index_t k) {
      gates += gate_of(a.routing.experts(n, k));
      mean += static_cast<A>(a.dweights(n, k)) * static_cast<A>(a.weights(n, k));
    });
    sum = warp_sum(gates) + static_cast<A>(moe_tiny);
    mean = warp_sum(mean);
  }
  const auto dgate = [&](index_t e) {
    A d = a.balance != 0 ? (static_cast<A>(prices(e)) - mean_price) / whole : A(0);
    for (index_t k = 0; k < chosen; ++k)
      if (a.routing.experts(n, k) == e) d += (static_cast<A>(a.dweights(n, k)) - mean) / sum;
    return d;
  };
  A of_all = 0;
  if (a.gate == MoeGate::softmax) {
    for_columns_of_lane(experts, [&](index_t e) { of_all += dgate(e) * gate_of(e); });
    of_all = warp_sum(of_all);
  }
  for_columns_of_lane(experts, [&](index_t e) {
    const A gate = gate_of(e), d = dgate(e);
    leave(a.dlogits, n, e, static_cast<S>(a.gate == MoeGate::softmax ? gate * (d - of_all) : d * gate * (A(1) - gate)));
  });
}

template <class S>
void moe_route_backward(BasicContext<S>& context, const MoeRouteBackward<BasicContext<S>>& a) {
  if (a.loads) launch<moe_loads_kernel<S>>(context, {1, moe_scan_threads}, a);
  if (a.dlogits) launch<moe_route_backward_kernel<S>>(context, warp_per_row(a.gates.rows()), a);
}

}  // namespace seqrec::cuda
