// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/layers/functions.hpp"
#include "seqrec/layers/last_rows.hpp"
#include "seqrec/layers/layer_norm.hpp"
#include "seqrec/layers/self_attention.hpp"

namespace seqrec {

/// What an HstuBlock is made of.
struct HstuBlockOptions {
  index_t width = 64;        ///< D
  index_t heads = 1;         ///< a divisor of D
  index_t max_length = 200;  ///< what attention's weights are divided by
  double dropout = 0;        ///< probability, of what is gated
  double norm_epsilon = 1e-6;
  Initialiser weights = Initialiser::normal(0.02);
  AttentionBiasOptions bias{};
};

/// A hierarchical sequential transduction unit: attention without a softmax, whose result is gated; no feed-forward
/// network.
///
///     [u, v, q, k] = silu(uvqk(norm(x)))
///     y = x + o(dropout(u * attention_norm(sum over j <= i of silu(q_i k_j + bias_ij) / max_length v_j)))
///
/// Source: Zhai et al. 2024, arXiv:2402.17152, eq. 1-3; reference code facebookresearch/generative-recommenders.
/// Differs: the layer norms have a scale and a shift; each head has a bias of its own.
template <class Context>
struct HstuBlock {
  LayerNorm<Context> input_norm;
  Linear<Context> uvqk;  ///< (4 D, D), no bias
  AttentionBiasParameters<Context> bias;
  LayerNorm<Context> attention_norm;
  Linear<Context> o;  ///< (D, D)
  index_t heads;
  double divisor, dropout;

  HstuBlock(ParameterScope<Context> scope, const HstuBlockOptions& options)
      : input_norm(scope / "input_norm", options.width, options.norm_epsilon),
        uvqk(scope / "uvqk", options.width, 4 * options.width, {options.weights, false}),
        bias(scope, options.heads, options.bias),
        attention_norm(scope / "attention_norm", options.width, options.norm_epsilon),
        o(scope / "o", options.width, options.width, {.weights = Initialiser::xavier_uniform()}),
        heads(options.heads),
        divisor(static_cast<double>(options.max_length)),
        dropout(options.dropout) {
    check_argument(heads >= 1 && options.width % heads == 0, "heads", heads, "a divisor of the width");
  }

  /// @param stream (N, D) rows, their last sum perhaps still to be taken
  /// @return the same after the block, its sum still to be taken
  ResidualStream<Context> forward(Tape<Context>& tape, const Batch<typename Context::Space>& batch,
                                  const ResidualStream<Context>& stream) const {
    const auto [x, n] = input_norm.forward(tape, stream);
    const index_t width = x.columns();
    const LinearWeights<Context> w = uvqk.weights(tape);
    const Variable<Context> gate = apply_linear(tape, n, w.rows(0, width));
    const Variable<Context> vqk = silu(tape, apply_linear(tape, n, w.rows(width, 3 * width)));
    const AttentionSettings<Context> settings{
        heads, {}, bias.value(tape, batch), bias.gradient(tape), AttentionWeights::silu, divisor};
    const Variable<Context> sums =
        attend<Context>(tape, batch, {vqk, width}, {vqk, 2 * width}, {vqk, 0}, width, settings);
    const Variable<Context> z = attention_norm.forward(tape, {sums, {}}).y;
    return {x, o.forward(tape, gated_silu(tape, gate, z, tape.dropout(dropout, batch.first_row)))};
  }

  /// The last row of each history alone, as one of `forward`'s: of the others only keys and values are wanted.
  /// @param stream (N, D)   @return (B, D)
  ResidualStream<Context> forward_last(Tape<Context>& tape, const Batch<typename Context::Space>& batch,
                                       const ResidualStream<Context>& stream, const LastRows<Context>& last) const {
    const auto [x, n] = input_norm.forward(tape, stream);
    return last_rows(tape, batch, last.of(x), last.of(n), part(tape, n, 1), part(tape, n, 3));
  }

  /// The last row of one history, of whose earlier rows values and keys are kept.
  /// @param batch of the whole history   @param stream (1, D)   @param kept (n, 2 D), its last row written
  ResidualStream<Context> forward_next(Tape<Context>& tape, const Batch<typename Context::Space>& batch,
                                       const ResidualStream<Context>& stream, matrix_of<Context> kept) const {
    const auto [x, n] = input_norm.forward(tape, stream);
    const index_t width = x.columns(), row = kept.rows() - 1;
    const matrix_of<Context> values = kept.column_range(0, width), keys = kept.column_range(width, width);
    ops::copy(tape.context(), Copy<Context>{part(tape, n, 1).value(), values.row_range(row, 1)});
    ops::copy(tape.context(), Copy<Context>{part(tape, n, 3).value(), keys.row_range(row, 1)});
    return last_rows(tape, batch, x, n, tape.variable(values), tape.variable(keys));
  }

 private:
  /// silu of one of the four products of uvqk.   @param which 1: values, 2: queries, 3: keys
  Variable<Context> part(Tape<Context>& tape, Variable<Context> n, index_t which) const {
    return silu(tape, apply_linear(tape, n, uvqk.weights(tape).rows(which * n.columns(), n.columns())));
  }

  /// @param x, n (B, D) of the last rows   @param v, k (N, D)
  ResidualStream<Context> last_rows(Tape<Context>& tape, const Batch<typename Context::Space>& batch,
                                    Variable<Context> x, Variable<Context> n, Variable<Context> v,
                                    Variable<Context> k) const {
    const index_t width = x.columns();
    const Variable<Context> gate = apply_linear(tape, n, uvqk.weights(tape).rows(0, width));
    const AttentionSettings<Context> settings{
        heads, {}, bias.value(tape, batch), bias.gradient(tape), AttentionWeights::silu, divisor};
    const Variable<Context> sums = attend_last<Context>(tape, batch, part(tape, n, 2), {k, 0}, {v, 0}, width, settings);
    return {x, o.forward(tape, gated_silu(tape, gate, attention_norm.forward(tape, {sums, {}}).y, {}))};
  }
};

}  // namespace seqrec
