// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/attention_unit.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/gemm.hpp"
#include "seqrec/cpu/pair_bias.hpp"
#include "seqrec/cpu/pieces.hpp"
#include "seqrec/ops/candidate_attention.hpp"

namespace seqrec::cpu {

namespace detail {

/// Pairs of a candidate and a history item that are worked on together: enough rows for a good matrix product, few
/// enough for their activations to stay in cache.
inline constexpr index_t attention_block_pairs = 256;

/// A run of whole candidates.
struct PairBlock {
  index_t first = 0, last = 0;  ///< candidates first .. last-1
  index_t begin = 0, end = 0;   ///< their pairs

  index_t pairs() const { return end - begin; }
};

/// What every candidate sees, and the cut of the candidates into blocks.
template <class Ctx>
class PairBlocks {
 public:
  template <class Arguments>
  PairBlocks(Ctx& context, const Arguments& a)
      : seen_(context.template vector<offset_t>(a.candidates.size())),
        first_key_(context.template vector<offset_t>(a.candidates.size())),
        most_pairs_(std::min(a.candidates.pairs, attention_block_pairs + a.candidates.window)) {
    for (index_t b = 0; b < a.candidates.items.segments(); ++b)
      for (index_t c = a.candidates.items.offsets(b); c < a.candidates.items.offsets(b + 1); ++c) {
        seen_(c) = static_cast<offset_t>(std::min<index_t>(a.candidates.visible(c), a.candidates.window));
        most_seen_ = std::max<index_t>(most_seen_, seen_(c));
        first_key_(c) = a.offsets(b) + a.candidates.visible(c) - seen_(c);
      }
  }

  /// No block has more pairs.
  index_t most_pairs() const { return most_pairs_; }
  /// No candidate sees more rows.
  index_t most_seen() const { return most_seen_; }

  /// Calls work(block) for all blocks in order.
  template <class Work>
  void for_each(Work work) const {
    PairBlock block;
    while (block.last < seen_.size()) {
      block.first = block.last;
      block.begin = block.end;
      while (block.last < seen_.size() && block.pairs() < attention_block_pairs) block.end += seen_(block.last++);
      work(block);
    }
  }

  /// Calls work(candidate, its first pair in the block, its first key, how many) for all of a block.
  template <class Work>
  void for_each_candidate(const PairBlock& block, Work work) const {
    index_t pair = 0;
    for (index_t c = block.first; c < block.last; ++c) {
      work(c, pair, static_cast<index_t>(first_key_(c)), static_cast<index_t>(seen_(c)));
      pair += seen_(c);
    }
  }

  /// x_p = q_c * k_j for the pairs of a block.
  template <class S>
  void multiply(const PairBlock& block, MatrixView<const S, HostSpace> keys, MatrixView<const S, HostSpace> queries,
                MatrixView<S, HostSpace> x) const {
    for_each_candidate(block, [&](index_t c, index_t pair, index_t key, index_t seen) {
      const auto q = row_array(queries, c);
      for (index_t j = 0; j < seen; ++j) row_array(x, pair + j) = q * row_array(keys, key + j);
    });
  }

 private:
  VectorView<offset_t, HostSpace> seen_;       ///< (C) how many keys
  VectorView<offset_t, HostSpace> first_key_;  ///< (C)
  index_t most_pairs_;
  index_t most_seen_ = 0;
};

/// x = softmax(scale x), the same bits at whatever address.
template <class S>
void softmax(S* x, index_t size, S scale) {
  const S highest = array(x, size).maxCoeff();
  map_pieces(
      x, size, [&](const Piece<S>& v) -> Piece<S> { return ((v - highest) * scale).exp(); }, x);
  array(x, size) /= sum_of_pieces(x, size);
}

/// What the first layer multiplies k by once a history row (`sign` -1) and q once a candidate (`sign` +1).
template <class S>
void combine(MatrixView<const S, HostSpace> part, MatrixView<const S, HostSpace> difference, S sign,
             MatrixView<S, HostSpace> combined) {
  for (index_t h = 0; h < combined.rows(); ++h)
    row_array(combined, h) = row_array(part, h) + sign * row_array(difference, h);
}

/// Backward of such a part: from dz (N or C, F1), the sums over pairs, to the first layer's weights and to x (N or C,
/// D); null for what is not wanted.
template <class S>
void separate_part_backward(MatrixView<const S, HostSpace> x, MatrixView<S, HostSpace> dz,
                            MatrixView<const S, HostSpace> part, MatrixView<const S, HostSpace> difference, S sign,
                            MatrixView<S, HostSpace> dpart, MatrixView<S, HostSpace> ddifference,
                            MatrixView<S, HostSpace> dx, MatrixView<S, HostSpace> scratch) {
  if (dpart) {
    gemm(transposed(dz), x, scratch);
    for (index_t h = 0; h < scratch.rows(); ++h) {
      row_array(dpart, h) += row_array(scratch, h);
      row_array(ddifference, h) += sign * row_array(scratch, h);
    }
  }
  if (!dx) return;
  combine(part, difference, sign, scratch);
  gemm(dz, scratch, dx, GradientMode::add);
}

}  // namespace detail

template <class S, int W>
void candidate_attention_forward(BasicContext<S, W>& context, const CandidateAttentionForward<BasicContext<S, W>>& a) {
  using View = MatrixView<S, HostSpace>;
  const index_t width = a.keys.columns(), units = a.unit.units(0), heads = a.unit.heads(), columns = width / heads;
  const detail::PairBlocks<BasicContext<S, W>> blocks(context, a);
  const AttentionFirstLayer first(a.unit.hidden[0].weight);
  const View of_keys = context.matrix(a.keys.rows(), units), of_queries = context.matrix(a.queries.rows(), units);
  const View combined = context.matrix(units, width);
  detail::combine(first.k, first.difference, S(-1), combined);
  gemm(a.keys, transposed(combined), of_keys);
  detail::combine(first.q, first.difference, S(1), combined);
  gemm_bias(a.queries, transposed(combined), const_vector_of<BasicContext<S, W>>(a.unit.hidden[0].bias), false,
            of_queries);

  const detail::AttentionUnitRows<BasicContext<S, W>> network(context, a.unit, blocks.most_pairs());
  const View products = context.matrix(blocks.most_pairs(), width);
  auto kept = a.saved ? typename detail::AttentionUnitRows<BasicContext<S, W>>::Kept{}
                      : network.scratch(context, blocks.most_pairs());
  detail::PairBias<BasicContext<S, W>> bias(context, a.unit, a.times, blocks.most_seen());
  const index_t stride = blocks.most_pairs();
  const auto of_heads = context.vector(heads > 1 ? heads * stride : 0);  // one head's scores are the weights-to-be
  S* saved = a.saved.data;
  blocks.for_each([&](const detail::PairBlock& block) {
    const View x = products.row_range(0, block.pairs());
    blocks.multiply(block, a.keys, a.queries, x);
    if (a.saved) kept = network.next(saved, block.pairs());
    S* const weights = a.weights.data + heads * block.begin;
    S* const scores = heads > 1 ? of_heads.data : weights;
    network.forward(
        x, kept,
        [&](View z) {
          blocks.for_each_candidate(block, [&](index_t c, index_t pair, index_t key, index_t seen) {
            const auto q = row_array(of_queries, c);
            for (index_t j = 0; j < seen; ++j) row_array(z, pair + j) += q + row_array(of_keys, key + j);
          });
        },
        scores, stride);
    blocks.for_each_candidate(block, [&](index_t c, index_t pair, index_t key, index_t seen) {
      row_array(a.y, c).setZero();
      for (index_t h = 0; h < heads; ++h) {
        S* const weight = weights + heads * pair + h * seen;
        if (heads > 1) std::copy_n(scores + h * stride + pair, seen, weight);
        if (a.weighting.softmax && seen > 0) {
          const S scale = static_cast<S>(a.weighting.scale);
          detail::softmax(weight, seen, bias ? bias.scale_and_add(h, weight, key, seen, scale) : scale);
        }
        auto y = array(a.y.row(c) + h * columns, columns);
        for (index_t j = 0; j < seen; ++j) y += weight[j] * array(a.keys.row(key + j) + h * columns, columns);
      }
    });
  });
}

template <class S, int W>
void candidate_attention_backward(BasicContext<S, W>& context,
                                  const CandidateAttentionBackward<BasicContext<S, W>>& a) {
  using View = MatrixView<S, HostSpace>;
  const index_t width = a.keys.columns(), units = a.unit.units(0), heads = a.unit.heads(), columns = width / heads;
  const detail::PairBlocks<BasicContext<S, W>> blocks(context, a);
  const View dof_keys = context.matrix(a.keys.rows(), units), dof_queries = context.matrix(a.queries.rows(), units);
  array(dof_keys.data, dof_keys.size()).setZero();
  array(dof_queries.data, dof_queries.size()).setZero();
  const auto begin_at_zero = [](const Gradient<BasicContext<S, W>>& gradient) {
    for (index_t i = 0; gradient && !gradient.adds() && i < gradient.view.rows(); ++i)
      row_array(gradient.view, i).setZero();
  };
  begin_at_zero(a.dkeys);
  begin_at_zero(a.dqueries);

  detail::AttentionUnitRows<BasicContext<S, W>> network(context, a.unit, blocks.most_pairs());
  const View products = context.matrix(blocks.most_pairs(), width);
  const View dproducts = context.matrix(blocks.most_pairs(), width);
  const index_t stride = blocks.most_pairs();
  const auto dscores = context.vector(heads * stride);
  detail::PairBiasSums<BasicContext<S, W>> bias(context, a.unit, a.times, blocks.most_seen());
  const S* saved = a.saved.data;
  blocks.for_each([&](const detail::PairBlock& block) {
    const View x = products.row_range(0, block.pairs()), dx = dproducts.row_range(0, block.pairs());
    blocks.multiply(block, a.keys, a.queries, x);
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
    const View dz = network.backward(x, network.next(saved, block.pairs()), dscores.data, stride, dx);
    blocks.for_each_candidate(block, [&](index_t c, index_t pair, index_t key, index_t seen) {
      const auto q = row_array(a.queries, c);
      auto dof_query = row_array(dof_queries, c);
      for (index_t j = 0; j < seen; ++j) {
        if (a.dkeys) row_array(a.dkeys.view, key + j) += row_array(dx, pair + j) * q;
        if (a.dqueries) row_array(a.dqueries.view, c) += row_array(dx, pair + j) * row_array(a.keys, key + j);
        row_array(dof_keys, key + j) += row_array(dz, pair + j);
        dof_query += row_array(dz, pair + j);
      }
    });
  });

  bias.finish();
  const AttentionFirstLayer first(a.unit.hidden[0].weight);
  const AttentionFirstLayer dfirst(a.unit.hidden[0].dweight);
  const View scratch = context.matrix(units, width);
  detail::separate_part_backward(a.keys, dof_keys, first.k, first.difference, S(-1), dfirst.k, dfirst.difference,
                                 a.dkeys.view, scratch);
  detail::separate_part_backward(a.queries, dof_queries, first.q, first.difference, S(1), dfirst.q, dfirst.difference,
                                 a.dqueries.view, scratch);
}

}  // namespace seqrec::cpu
