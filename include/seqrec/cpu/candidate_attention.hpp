// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/attention_unit.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/folded_first_layer.hpp"
#include "seqrec/cpu/pair_bias.hpp"
#include "seqrec/cpu/pair_blocks.hpp"
#include "seqrec/cpu/softmax.hpp"
#include "seqrec/cpu/split_first_layer.hpp"
#include "seqrec/ops/candidate_attention.hpp"

namespace seqrec::cpu {

namespace detail {

/// The forward pass, with its first layer in one of its forms.
template <class Ctx, class FirstLayer>
void candidate_attention_forward(Ctx& context, const CandidateAttentionForward<Ctx>& a, const PairBlocks<Ctx>& blocks,
                                 const FirstLayer& first_layer) {
  using S = typename Ctx::Scalar;
  const index_t heads = a.unit.heads(), columns = a.keys.columns() / heads;
  const AttentionUnitRows<Ctx> network(context, a.unit, blocks.most_pairs());
  auto kept = a.saved ? typename AttentionUnitRows<Ctx>::Kept{} : network.scratch(context, blocks.most_pairs());
  PairBias<Ctx> bias(context, a.unit, a.times, blocks.most_seen());
  const index_t stride = blocks.most_pairs();
  const auto of_heads = context.vector(heads > 1 ? heads * stride : 0);  // one head's scores are the weights-to-be
  S* saved = a.saved.data;
  blocks.for_each([&](const PairBlock& block) {
    if (a.saved) kept = network.next(saved, block.pairs());
    S* const weights = a.weights.data + heads * block.begin;
    S* const scores = heads > 1 ? of_heads.data : weights;
    first_layer(block, kept.values[0].row_range(0, block.pairs()));
    network.forward(kept, block.pairs(), scores, stride);
    blocks.for_each_candidate(block, [&](index_t c, index_t pair, index_t key, index_t seen) {
      row_array(a.y, c).setZero();
      for (index_t h = 0; h < heads; ++h) {
        S* const weight = weights + heads * pair + h * seen;
        if (heads > 1) std::copy_n(scores + h * stride + pair, seen, weight);
        if (a.weighting.softmax && seen > 0) {
          const S scale = static_cast<S>(a.weighting.scale);
          softmax(weight, seen, bias ? bias.scale_and_add(h, weight, key, seen, scale) : scale);
        }
        auto y = array(a.y.row(c) + h * columns, columns);
        for (index_t j = 0; j < seen; ++j) y += weight[j] * array(a.keys.row(key + j) + h * columns, columns);
      }
    });
  });
}

/// The backward pass.
template <class Ctx, class FirstLayerBackward>
void candidate_attention_backward(Ctx& context, const CandidateAttentionBackward<Ctx>& a, const PairBlocks<Ctx>& blocks,
                                  const FirstLayerBackward& first_layer) {
  using S = typename Ctx::Scalar;
  const index_t heads = a.unit.heads(), columns = a.keys.columns() / heads;
  AttentionUnitRows<Ctx> network(context, a.unit, blocks.most_pairs());
  const index_t stride = blocks.most_pairs();
  const auto dscores = context.vector(heads * stride);
  PairBiasSums<Ctx> bias(context, a.unit, a.times, blocks.most_seen());
  const S* saved = a.saved.data;
  blocks.for_each([&](const PairBlock& block) {
    const S* const weights = a.weights.data + heads * block.begin;
    blocks.for_each_candidate(block, [&](index_t c, index_t pair, index_t key, index_t seen) {
      for (index_t h = 0; h < heads; ++h) {
        const auto dy = array(a.dy.row(c) + h * columns, columns);
        const auto weight = array(weights + heads * pair + h * seen, seen);
        auto ds = array(dscores.data + h * stride + pair, seen);
        for (index_t j = 0; j < seen; ++j) {
          if (a.dkeys) array(a.dkeys.view.row(key + j) + h * columns, columns) += weight(j) * dy;
          ds(j) = (dy * array(a.keys.row(key + j) + h * columns, columns)).sum();
        }
        if (!a.weighting.softmax || seen == 0) continue;
        const S mean = (weight * ds).sum();
        if (bias) bias.add(h, key, weight * (ds - mean));
        ds = static_cast<S>(a.weighting.scale) * weight * (ds - mean);
      }
    });
    first_layer(block, network.backward(network.next(saved, block.pairs()), block.pairs(), dscores.data, stride));
  });
  bias.finish();
  first_layer.finish();
}

/// Zeros where a gradient is to be written.
template <class Ctx>
void begin_sums(const Gradient<Ctx>& gradient) {
  for (index_t i = 0; gradient && !gradient.adds() && i < gradient.view.rows(); ++i)
    row_array(gradient.view, i).setZero();
}

}  // namespace detail

// The first layer is folded in training only: what inference says of a candidate has the same bits in whatever list the
// candidate stands, and what pays depends on the list.

template <class S, int W>
void candidate_attention_forward(BasicContext<S, W>& context, const CandidateAttentionForward<BasicContext<S, W>>& a) {
  const detail::PairBlocks<BasicContext<S, W>> blocks(context, a);
  if (a.saved && detail::folding_pays(a.candidates, a.keys.rows()))
    detail::candidate_attention_forward(context, a, blocks, detail::FoldedFirstLayer(context, a, blocks));
  else
    detail::candidate_attention_forward(context, a, blocks, detail::SplitFirstLayer(context, a, blocks));
}

template <class S, int W>
void candidate_attention_backward(BasicContext<S, W>& context,
                                  const CandidateAttentionBackward<BasicContext<S, W>>& a) {
  const detail::PairBlocks<BasicContext<S, W>> blocks(context, a);
  detail::begin_sums(a.dkeys);
  detail::begin_sums(a.dqueries);
  if (detail::folding_pays(a.candidates, a.keys.rows()))
    detail::candidate_attention_backward(context, a, blocks, detail::FoldedFirstLayerBackward(context, a, blocks));
  else
    detail::candidate_attention_backward(context, a, blocks, detail::SplitFirstLayerBackward(context, a, blocks));
}

}  // namespace seqrec::cpu
