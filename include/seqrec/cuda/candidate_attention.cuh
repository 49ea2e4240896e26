// SPDX-License-Identifier: Apache-2.0
// Candidate attention (DIN, Zhou et al. 2018, arXiv:1706.06978), forward; its backward pass is in a header of its own,
// which this one includes.
//
// The first layer's parts that need no pair are products of their own: a row for each candidate, and, unless there are
// few pairs a row, one for each history row. Pairs go through the network in one launch (pair_network.cuh) or layer by
// layer (attention_unit.cuh); then one warp per candidate makes its scores weights and sums its keys, one lane a
// column. A history is read where it lies, whoever looks at it. Memory: the network's values of a pair are written once
// where they are kept, and a key is read twice a pair.
#pragma once

#include <cmath>

#include "seqrec/cuda/attention_unit.cuh"
#include "seqrec/cuda/candidate_attention_backward.cuh"
#include "seqrec/cuda/linear.cuh"
#include "seqrec/cuda/pair_bias.cuh"
#include "seqrec/cuda/pair_network.cuh"
#include "seqrec/cuda/reduce.cuh"
#include "seqrec/cuda/rows.cuh"
#include "seqrec/ops/candidate_attention.hpp"

namespace seqrec::cuda {

/// Pairs that go through all layers before the next do: enough tiles to fill the device, few enough for a layer's
/// values to be in the second-level cache (some 20 MB) when the next reads them.
inline constexpr index_t pairs_at_once = index_t{1} << 16;

template <class S>
__global__ void candidate_attention_kernel(CandidateAttentionForward<BasicContext<S>> a, PairBias<S> bias,
                                           PairTable pairs) {
  using Accumulator = accumulator_of<S>;
  const index_t c = row_of_warp();
  if (c >= a.queries.rows()) return;
  const index_t heads = a.unit.heads(), columns = a.keys.columns() / heads;
  const index_t seen = pairs.seen(c), first_key = pairs.first_key(c), newest = first_key + seen - 1;
  S* const weights = a.weights.data + heads * pairs.first_pair(c);  // scores so far
  if (a.weighting.softmax && seen > 0) {
    const auto scale = static_cast<Accumulator>(a.weighting.scale);
    for (index_t head = 0; head < heads; ++head) {
      // A lane reads again only what it has written itself.
      S* const weight = weights + head * seen;
      Accumulator highest = -infinity<Accumulator>, total = 0;
      for_columns_of_lane(seen, [&](index_t j) {
        const Accumulator logit = scale * weight[j] + bias(head, first_key + j, newest);
        weight[j] = static_cast<S>(logit);
        highest = Maximum{}(highest, logit);
      });
      highest = warp_max(highest);
      for_columns_of_lane(seen, [&](index_t j) {
        const Accumulator part = std::exp(weight[j] - highest);
        weight[j] = static_cast<S>(part);
        total += part;
      });
      total = warp_sum(total);
      for_columns_of_lane(seen, [&](index_t j) { weight[j] = static_cast<S>(weight[j] / total); });
    }
    __syncwarp();  // now every lane reads all of them
  }
  for_columns_of_lane(a.keys.columns(), [&](index_t column) {
    const S* const weight = weights + column / columns * seen;
    Accumulator sum = 0;
    for (index_t j = 0; j < seen; ++j) sum += static_cast<Accumulator>(weight[j]) * a.keys(first_key + j, column);
    a.y(c, column) = static_cast<S>(sum);
  });
}

/// The network on all pairs: fills `scores`, and `saved` where there is one.
template <class S>
void score_pairs(BasicContext<S>& context, const CandidateAttentionForward<BasicContext<S>>& a,
                 const PairTable& pairs) {
  using Matrix = MatrixView<S, DeviceSpace>;
  const auto& unit = a.unit;
  const SeparateParts<S> parts(context, unit.hidden[0].weight);
  const Matrix of_queries = context.matrix(a.queries.rows(), unit.units(0));
  const auto part_of = [&](const auto& x, const Matrix& weight, const Matrix& y) {
    linear_forward(context,
                   LinearForward<BasicContext<S>>{.x = x, .weight = weight, .bias = {}, .y = y, .dropout = {}});
  };
  part_of(a.queries, parts.of_queries, of_queries);
  const index_t total = a.candidates.pairs, last = unit.layers - 1;
  PairNetwork<S> network{.inputs = {pairs, a.keys, a.queries},
                         .of_keys = {},
                         .of_queries = of_queries,
                         .unit = unit,
                         .saved = a.saved,
                         .scores = a.weights,
                         .total = total};
  if (makes_by_pairs(total, a.keys.rows()) && pair_network(context, network)) return;
  const Matrix of_keys = context.matrix(a.keys.rows(), unit.units(0));
  part_of(a.keys, parts.of_keys, of_keys);
  network.of_keys = of_keys;
  if (pair_network(context, network)) return;
  Matrix kept[AttentionUnit<BasicContext<S>>::most_hidden];
  S* saved = a.saved.data;
  for (index_t l = 0; l < unit.layers; ++l) {
    kept[l] = a.saved ? Matrix(saved, total, unit.units(l))
                      : context.matrix(total < pairs_at_once ? total : pairs_at_once, unit.units(l));
    if (a.saved) saved += kept[l].size();
  }
  const AttentionFirstLayer weights(unit.hidden[0].weight);
  for (index_t first = 0; first < total; first += pairs_at_once) {
    const PairRange range{first, total - first < pairs_at_once ? total : first + pairs_at_once};
    Matrix z[AttentionUnit<BasicContext<S>>::most_hidden];
    for (index_t l = 0; l < unit.layers; ++l) z[l] = kept[l].row_range(a.saved ? first : 0, range.size());
    layer_of_pairs(context, FirstLayerOfPairs<S>{pairs, a.keys, a.queries, of_keys, of_queries, unit.hidden[0].bias},
                   weights.product, range, z[0]);
    for (index_t l = 1; l < unit.layers; ++l)
      layer_of_pairs(context, LaterLayerOfPairs<S>{z[l - 1], unit.hidden[l - 1].activation, unit.hidden[l].bias},
                     unit.hidden[l].weight, range, z[l]);
    const ScoresOfPairs<S> scores{z[last], unit.hidden[last].activation, unit.weight, unit.bias, a.weights};
    launch<scores_of_pairs_kernel<S>>(context, warp_per_row((range.size() + scored_pairs - 1) / scored_pairs), scores,
                                      pairs, range);
  }
}

template <class S>
void candidate_attention_forward(BasicContext<S>& context, const CandidateAttentionForward<BasicContext<S>>& a) {
  if (a.queries.rows() == 0) return;
  const PairTable pairs = pair_table(context, a.offsets, a.candidates);
  score_pairs(context, a, pairs);
  const PairBias<S> bias{a.unit.recency, a.unit.decay, a.times};
  launch<candidate_attention_kernel<S>>(context, warp_per_row(a.queries.rows()), a, bias, pairs);
}

}  // namespace seqrec::cuda
