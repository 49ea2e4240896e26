// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "seqrec/layers/block_feed_forward.hpp"
#include "seqrec/layers/last_rows.hpp"
#include "seqrec/layers/layer_norm.hpp"
#include "seqrec/layers/self_attention.hpp"

namespace seqrec {

/// Where a transformer block normalises.
enum class NormPlacement {
  original,  ///< as in SASRec's code: only the queries are normalised, and residuals add the normalised rows
  pre,       ///< before attention and feed-forward (Xiong et al. 2020)
  post,      ///< after each residual sum (Vaswani et al. 2017)
};

/// Names of the values, for option texts.
constexpr std::array<const char*, 3> names_of(NormPlacement) { return {"original", "pre", "post"}; }

/// What a block is made of.
struct TransformerBlockOptions {
  index_t width = 64;               ///< D
  index_t heads = 1;                ///< a divisor of D
  index_t feed_forward_width = 64;  ///< F
  double dropout = 0;               ///< probability: attention weights, hidden units, the feed-forward's result
  NormPlacement norm = NormPlacement::original;
  double norm_epsilon = 1e-8;
  Initialiser weights = Initialiser::xavier_normal();
  HiddenUnits units = HiddenUnits::relu;  ///< of the feed-forward network
  MoeOptions moe{};                       ///< a mixture of experts in the feed-forward network's place
  AttentionBiasOptions bias{};            ///< of attention's logits
};

/// Causal self-attention and a position-wise feed-forward network, each with a residual and a layer norm.
///
/// Source: SASRec (Kang & McAuley 2018, section III-B), reference code kang205/SASRec.
/// Differs: with an output projection after attention, as in PyTorch's MultiheadAttention and most ports.
template <class Context>
struct TransformerBlock {
  LayerNorm<Context> attention_norm;
  SelfAttention<Context> attention;
  LayerNorm<Context> feed_forward_norm;
  BlockFeedForward<Context> feed_forward;
  NormPlacement norm;

  TransformerBlock(ParameterScope<Context> scope, const TransformerBlockOptions& o)
      : attention_norm(scope / "attention_norm", o.width, o.norm_epsilon),
        attention(scope / "attention", o.width, o.heads, o.dropout, o.weights, o.bias),
        feed_forward_norm(scope / "feed_forward_norm", o.width, o.norm_epsilon),
        feed_forward(scope, {o.width, o.feed_forward_width, o.dropout, o.weights, o.units}, o.moe),
        norm(o.norm) {}

  /// @param stream (N, D) rows, their last sum perhaps still to be taken
  /// @return the same after the block; a layer norm must follow where the block ends in a sum
  /// @throws ArgumentError when a post-norm block is given a stream with a pending sum
  ResidualStream<Context> forward(Tape<Context>& tape, const Batch<typename Context::Space>& batch,
                                  const ResidualStream<Context>& stream) const {
    if (norm == NormPlacement::post) {
      if (stream.branch)
        throw ArgumentError(
            "transformer block: a post-norm block follows a pending residual sum; expected a finished one");
      const Variable<Context> x = stream.residual;
      const Variable<Context> n = attention_norm.forward(tape, {x, attention.forward(tape, batch, x)}).y;
      const ResidualStream<Context> end = feed_forward.forward(tape, n, n, batch.first_row);
      return {feed_forward_norm.forward(tape, end).y, {}};
    }
    const auto [x, n] = attention_norm.forward(tape, stream);
    if (norm == NormPlacement::pre) {
      const auto [sum, z] = feed_forward_norm.forward(tape, {x, attention.forward(tape, batch, n)});
      return feed_forward.forward(tape, z, sum, batch.first_row);
    }
    const Variable<Context> z = feed_forward_norm.forward(tape, {n, attention.forward(tape, batch, n, x)}).y;
    return feed_forward.forward(tape, z, z, batch.first_row);
  }

  /// The last row of each history alone, as one of `forward`'s: of the others only keys and values are wanted.
  /// @param stream (N, D)   @return (B, D)
  ResidualStream<Context> forward_last(Tape<Context>& tape, const Batch<typename Context::Space>& batch,
                                       const ResidualStream<Context>& stream, const LastRows<Context>& last) const {
    return last_rows(
        tape, stream, [&](Variable<Context> x) { return last.of(x); },
        [&](Variable<Context> queries, Variable<Context> rows) {
          return attention.forward_last(tape, batch, queries, rows);
        });
  }

  /// The last row of one history, of whose earlier rows keys and values are kept.
  /// @param batch of the whole history   @param stream (1, D)   @param kept (n, 2 D), its last row written
  ResidualStream<Context> forward_next(Tape<Context>& tape, const Batch<typename Context::Space>& batch,
                                       const ResidualStream<Context>& stream, matrix_of<Context> kept) const {
    return last_rows(
        tape, stream, [](Variable<Context> x) { return x; },
        [&](Variable<Context> query, Variable<Context> row) {
          return attention.forward_next(tape, batch, query, row, kept);
        });
  }

 private:
  /// @param last    last(x) are the last rows of x   @param attend  attend(last queries, rows) is attention's result
  template <class Last, class Attend>
  ResidualStream<Context> last_rows(Tape<Context>& tape, const ResidualStream<Context>& stream, Last last,
                                    Attend attend) const {
    if (norm == NormPlacement::post) {
      const Variable<Context> x = stream.residual, x_last = last(x);
      const Variable<Context> n = attention_norm.forward(tape, {x_last, attend(x_last, x)}).y;
      return {feed_forward_norm.forward(tape, feed_forward.forward(tape, n, n, 0)).y, {}};
    }
    const auto [x, n] = attention_norm.forward(tape, stream);
    const Variable<Context> n_last = last(n);
    if (norm == NormPlacement::pre) {
      const auto [sum, z] = feed_forward_norm.forward(tape, {last(x), attend(n_last, n)});
      return feed_forward.forward(tape, z, sum, 0);
    }
    const Variable<Context> z = feed_forward_norm.forward(tape, {n_last, attend(n_last, x)}).y;
    return feed_forward.forward(tape, z, z, 0);
  }
};

}  // namespace seqrec
