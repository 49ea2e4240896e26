// SPDX-License-Identifier: Apache-2.0
// Candidate attention, backward.
//
// One warp per candidate turns dy into gradients of scores. From there pairs go back through the network in one launch
// (network_gradients.cuh) or layer by layer (attention_unit_backward.cuh); what they leave for keys and queries is
// summed in order (pair_gradients.cuh). No atomics. Memory, a pair: the network's values twice, gradients of the first
// layer three times and of products three times, and four times a key.
#pragma once

#include <cstdint>

#include "seqrec/cuda/attention_unit_backward.cuh"
#include "seqrec/cuda/gemm.cuh"
#include "seqrec/cuda/linear.cuh"
#include "seqrec/cuda/network_gradients.cuh"
#include "seqrec/cuda/pair_bias.cuh"
#include "seqrec/cuda/pair_gradients.cuh"
#include "seqrec/cuda/rows.cuh"
#include "seqrec/ops/candidate_attention.hpp"

namespace seqrec::cuda {

/// Gradients of what candidates' weights come from.
template <class S>
struct ScoreGradients {
  MatrixView<S, DeviceSpace> dscores;             ///< (pairs, H)
  MatrixView<S, DeviceSpace> dlogits;             ///< (pairs, H) of what the softmax takes; null if not wanted
  VectorView<std::uint8_t, DeviceSpace> buckets;  ///< (pairs) of time; null if not wanted
};

template <class S>
__global__ void weights_backward_kernel(CandidateAttentionBackward<BasicContext<S>> a, PairTable pairs,
                                        ScoreGradients<S> to) {
  using Accumulator = accumulator_of<S>;
  const index_t c = row_of_warp();
  if (c >= a.queries.rows()) return;
  const index_t heads = a.unit.heads(), columns = a.keys.columns() / heads;
  const index_t seen = pairs.seen(c), first_pair = pairs.first_pair(c), first_key = pairs.first_key(c);
  for (index_t head = 0; head < heads; ++head) {
    const S* const weight = a.weights.data + heads * first_pair + head * seen;
    for (index_t first = 0; first < seen; first += scored_pairs) {
      Accumulator sums[scored_pairs] = {};
      for_columns_of_lane(columns, [&](index_t i) {
        const index_t column = head * columns + i;
        const Accumulator dy = a.dy(c, column);
        for (int j = 0; j < scored_pairs; ++j)  // to a constant: sums stay in registers
          if (first + j < seen) sums[j] += dy * a.keys(first_key + first + j, column);
      });
      const Accumulator dweight = warp_sums(sums);
      const index_t j = first + threadIdx.x / lanes_of_pair;
      if (threadIdx.x % lanes_of_pair == 0 && j < seen) to.dscores(first_pair + j, head) = static_cast<S>(dweight);
    }
    if (!a.weighting.softmax) continue;
    __syncwarp();          // what few lanes wrote, all read
    Accumulator mean = 0;  // of the gradients of weights, by weight
    for_columns_of_lane(seen, [&](index_t j) { mean += weight[j] * to.dscores(first_pair + j, head); });
    mean = warp_sum(mean);
    const auto scale = static_cast<Accumulator>(a.weighting.scale);
    for_columns_of_lane(seen, [&](index_t j) {
      const Accumulator dlogit = weight[j] * (to.dscores(first_pair + j, head) - mean);
      to.dscores(first_pair + j, head) = static_cast<S>(scale * dlogit);
      if (to.dlogits) to.dlogits(first_pair + j, head) = static_cast<S>(dlogit);
    });
  }
  if (!to.buckets) return;
  const std::int64_t newest = seen > 0 ? a.times(first_key + seen - 1) : 0;
  for_columns_of_lane(seen, [&](index_t j) {
    to.buckets(first_pair + j) =
        static_cast<std::uint8_t>(time_bucket(seconds_between(newest, a.times(first_key + j))));
  });
}

/// x = q * k for all pairs.
template <class S>
__global__ void pair_products_kernel(CandidateAttentionBackward<BasicContext<S>> a, PairTable pairs,
                                     MatrixView<S, DeviceSpace> x) {
  const index_t pair = row_of_warp();
  if (pair >= x.rows()) return;
  const S *const q = a.queries.row(pairs.candidate(pair)), *const k = a.keys.row(pairs.key(pair));
  for_columns_of_lane(x.columns(), [&](index_t column) { x(pair, column) = q[column] * k[column]; });
}

template <class S>
void candidate_attention_backward(BasicContext<S>& context, const CandidateAttentionBackward<BasicContext<S>>& a) {
  using Matrix = MatrixView<S, DeviceSpace>;
  const auto& unit = a.unit;
  const index_t total = a.candidates.pairs, candidates = a.queries.rows(), rows = a.keys.rows();
  const index_t units = unit.units(0), width = a.keys.columns();
  const PairTable pairs = pair_table(context, a.offsets, a.candidates);

  const bool biased = unit.drecency || unit.ddecay;
  ScoreGradients<S> of_scores{context.matrix(total, unit.heads()), {}, {}};
  if (biased) of_scores.dlogits = context.matrix(total, unit.heads());
  if (unit.ddecay) of_scores.buckets = context.template vector<std::uint8_t>(total);
  launch<weights_backward_kernel<S>>(context, warp_per_row(candidates), a, pairs, of_scores);
  if (biased) add_pair_bias_gradients<S>(context, unit, pairs, candidates, of_scores.dlogits, of_scores.buckets);

  const AttentionFirstLayer dweight(unit.hidden[0].dweight);
  Matrix dz, products;
  if (dweight.product || a.dkeys || a.dqueries) products = context.matrix(total, width);
  const NetworkGradients<S> of_network{.inputs = {pairs, a.keys, a.queries},
                                       .unit = unit,
                                       .saved = a.saved,
                                       .dscores = of_scores.dscores,
                                       .dz = dz = context.matrix(total, units),
                                       .dproducts = a.dkeys || a.dqueries ? products : Matrix{},
                                       .total = total};
  if (!network_gradients(context, of_network)) {
    dz = unit_backward<S>(context, unit, a.saved, of_scores.dscores);
    if (dweight.product) {
      launch<pair_products_kernel<S>>(context, warp_per_row(total), a, pairs, products);
      gemm(context, transposed(dz), products, dweight.product, GradientMode::add);
    }
    // From here on their gradients.
    if (a.dkeys || a.dqueries) gemm(context, dz, AttentionFirstLayer(unit.hidden[0].weight).product, products);
  }

  // The first layer's separate parts are linear layers of keys and of queries.
  SeparateParts<S> dparts;
  if (dweight.product) dparts = SeparateParts<S>(context, units, width);
  const SeparateParts<S> parts(context, unit.hidden[0].weight, dparts);
  const auto part_backward = [&](const auto& x, const Matrix& weight, const Matrix& sums, const Matrix& dweights,
                                 const Matrix& dx) {
    linear_backward(context, LinearBackward<BasicContext<S>>{.x = x,
                                                             .weight = weight,
                                                             .y = {},
                                                             .dy = sums,
                                                             .dx = {dx, GradientMode::add},
                                                             .dweight = dweights,
                                                             .dbias = {},
                                                             .dropout = {}});
  };
  if (a.dqueries || dweight.product) {
    const Matrix sums = context.matrix(candidates, units);
    const PairGradients<S> of_pairs{products, dz, sums};
    launch<query_gradients_kernel<S>>(context, warp_per_row(candidates), a, pairs, of_pairs, entry_lanes(a, of_pairs));
    part_backward(a.queries, parts.of_queries, sums, dparts.of_queries, a.dqueries.view);
  }
  if (a.dkeys || dweight.product) {
    const Matrix sums = context.matrix(rows, units);
    key_gradients(context, a, pairs, PairGradients<S>{products, dz, sums});
    part_backward(a.keys, parts.of_keys, sums, dparts.of_keys, a.dkeys.view);
  }
  if (dweight.product)
    launch<separate_gradients_kernel<S>>(context, warp_per_row(units), dparts, unit.hidden[0].dweight);
}

}  // namespace seqrec::cuda
