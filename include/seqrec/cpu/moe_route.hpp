// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/pieces.hpp"
#include "seqrec/cpu/softmax.hpp"
#include "seqrec/ops/moe_route.hpp"

namespace seqrec::cpu {

namespace detail {

/// The gates of a row.
template <class S>
void moe_gates(MoeGate gate, const S* logits, index_t experts, S* gates) {
  if (gate == MoeGate::sigmoid) {
    map_pieces(
        gates, experts, [](const Piece<S>& x) -> Piece<S> { return x.logistic(); }, logits);
    return;
  }
  std::copy_n(logits, experts, gates);
  softmax(gates, experts);
}

/// The chosen of a row, ascending: those with the highest scores, ties by the lower number. Nothing is higher than a
/// not-a-number, nor is it higher than anything, so there are always K of them.
/// @param result  (K) written
template <class S>
void moe_choose(const S* scores, index_t experts, index_t chosen, offset_t* result) {
  index_t count = 0;  // of the best so far, the best first
  for (index_t e = 0; e < experts; ++e) {
    if (count == chosen && !(scores[e] > scores[result[count - 1]])) continue;
    index_t i = count < chosen ? count++ : count - 1;
    for (; i > 0 && scores[e] > scores[result[i - 1]]; --i) result[i] = result[i - 1];
    result[i] = static_cast<offset_t>(e);
  }
  std::sort(result, result + chosen);
}

/// Sorts assignments by expert, stably: counts, sums of the counts, places.
template <class Context>
void moe_sort(Context& context, const MoeRouting<Context>& routing) {
  const index_t experts = routing.num_experts(), rows = routing.experts.rows(), chosen = routing.experts.columns();
  std::fill_n(routing.starts.data, experts + 1, offset_t{0});
  for (index_t n = 0; n < rows; ++n)
    for (index_t k = 0; k < chosen; ++k) ++routing.starts(routing.experts(n, k) + 1);
  for (index_t e = 0; e < experts; ++e) routing.starts(e + 1) += routing.starts(e);
  const auto next = context.template vector<offset_t>(experts);
  std::copy_n(routing.starts.data, experts, next.data);
  for (index_t n = 0; n < rows; ++n)
    for (index_t k = 0; k < chosen; ++k) {
      const offset_t place = next(routing.experts(n, k))++;
      routing.places(n, k) = place;
      routing.rows(place) = static_cast<offset_t>(n);
    }
}

/// balance X f_e: what an expert's share of a row's gates costs.
template <class Context>
VectorView<double, HostSpace> moe_prices(Context& context, const MoeRouting<Context>& routing, double balance) {
  const index_t experts = routing.num_experts();
  const auto prices = context.template vector<double>(experts);
  const auto all = static_cast<double>(std::max<index_t>(routing.num_assignments(), 1));
  for (index_t e = 0; e < experts; ++e)
    prices(e) = balance * static_cast<double>(experts) * (routing.starts(e + 1) - routing.starts(e)) / all;
  return prices;
}

/// What all gates of a row add up to; a softmax's are shares already.
template <class S>
S moe_whole(MoeGate gate, const S* gates, index_t experts) {
  return gate == MoeGate::softmax ? S(1) : sum_of_pieces(gates, experts) + static_cast<S>(moe_tiny);
}

}  // namespace detail

template <class S, int W>
void moe_route_forward(BasicContext<S, W>& context, const MoeRouteForward<BasicContext<S, W>>& a) {
  const index_t rows = a.logits.rows(), experts = a.logits.columns(), chosen = a.weights.columns();
  const auto scores = context.vector(experts);
  for (index_t n = 0; n < rows; ++n) {
    const S* gates = a.gates.row(n);
    detail::moe_gates(a.gate, a.logits.row(n), experts, a.gates.row(n));
    const S* judged = gates;
    if (a.selection_bias) {
      array(scores.data, experts) = array(gates, experts) + array(a.selection_bias.data, experts);
      judged = scores.data;
    }
    detail::moe_choose(judged, experts, chosen, a.routing.experts.row(n));
    S sum = static_cast<S>(moe_tiny);
    for (index_t k = 0; k < chosen; ++k) sum += a.weights(n, k) = gates[a.routing.experts(n, k)];
    if (a.normalise)
      for (index_t k = 0; k < chosen; ++k) a.weights(n, k) /= sum;
  }
  detail::moe_sort(context, a.routing);
  if (!a.losses) return;
  const auto prices = detail::moe_prices(context, a.routing, a.balance);
  for (index_t n = 0; n < rows; ++n) {
    double loss = 0;
    for (index_t e = 0; e < experts; ++e) loss += prices(e) * static_cast<double>(a.gates(n, e));
    a.losses(n) = loss / static_cast<double>(detail::moe_whole(a.gate, a.gates.row(n), experts));
  }
}

template <class S, int W>
void moe_route_backward(BasicContext<S, W>& context, const MoeRouteBackward<BasicContext<S, W>>& a) {
  const index_t rows = a.gates.rows(), experts = a.gates.columns(), chosen = a.weights.columns();
  if (a.loads)
    for (index_t e = 0; e < experts; ++e) a.loads(e) += static_cast<S>(a.routing.starts(e + 1) - a.routing.starts(e));
  if (!a.dlogits) return;
  const auto prices = detail::moe_prices(context, a.routing, a.balance);
  const auto dgates = context.vector(experts);
  for (index_t n = 0; n < rows; ++n) {
    const auto gates = row_array(a.gates, n);
    auto d = array(dgates.data, experts);
    d.setZero();
    if (a.balance != 0) {  // of sum_e price_e gate_e / whole
      const S whole = detail::moe_whole(a.gate, a.gates.row(n), experts);
      S mean = 0;
      for (index_t e = 0; e < experts; ++e) mean += static_cast<S>(prices(e)) * gates[e] / whole;
      // A softmax's gates add up to 1 by themselves, and its own derivative takes the mean away.
      if (a.gate == MoeGate::softmax) mean = 0;
      for (index_t e = 0; e < experts; ++e) d[e] = (static_cast<S>(prices(e)) - mean) / whole;
    }
    S sum = 1, mean = 0;  // of the chosen gates, of dweights
    if (a.normalise) {
      sum = static_cast<S>(moe_tiny);
      for (index_t k = 0; k < chosen; ++k) {
        sum += gates[a.routing.experts(n, k)];
        mean += a.dweights(n, k) * a.weights(n, k);
      }
    }
    for (index_t k = 0; k < chosen; ++k) d[a.routing.experts(n, k)] += (a.dweights(n, k) - mean) / sum;
    if (a.gate == MoeGate::sigmoid) {
      leave_row(a.dlogits, n, d * gates * (S(1) - gates));
    } else {
      const S whole = (d * gates).sum();
      leave_row(a.dlogits, n, gates * (d - whole));
    }
  }
}

}  // namespace seqrec::cpu
