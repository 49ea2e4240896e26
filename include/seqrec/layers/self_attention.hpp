// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/batch.hpp"
#include "seqrec/layers/linear.hpp"
#include "seqrec/ops/elementwise.hpp"
#include "seqrec/ops/last_row_attention.hpp"
#include "seqrec/ops/self_attention.hpp"

namespace seqrec {

/// What attention adds to its logits: see AttentionBias. Learned, and zero in the beginning.
struct AttentionBiasOptions {
  index_t distances = 0;  ///< the longest history, where distances have a bias; 0 for none
  bool times = false;     ///< whether the times between events have one
};

/// The parameters of what attention adds to its logits.
template <class Context>
struct AttentionBiasParameters {
  MatrixParameter<Context> position_bias;  ///< (H, distances), or none
  MatrixParameter<Context> time_bias;      ///< (H, time_buckets), or none

  AttentionBiasParameters(ParameterScope<Context> scope, index_t heads, const AttentionBiasOptions& o) {
    if (o.distances > 0) position_bias = scope.matrix("position_bias", heads, o.distances, Initialiser::constant(0));
    if (o.times) time_bias = scope.matrix("time_bias", heads, time_buckets, Initialiser::constant(0));
  }

  AttentionBias<Context> value(const Tape<Context>& tape, const Batch<typename Context::Space>& batch) const {
    return {tape.value(position_bias), tape.value(time_bias), batch.times};
  }
  AttentionBiasGradient<Context> gradient(const Tape<Context>& tape) const {
    return {tape.gradient(position_bias), tape.gradient(time_bias)};
  }
};

/// D columns of a variable, from the `first` on.
template <class Context>
struct AttentionColumns {
  Variable<Context> of;
  index_t first;
};

/// How attend() weighs.
template <class Context>
struct AttentionSettings {
  index_t heads = 1;
  Dropout mask;  ///< of the weights
  AttentionBias<Context> bias{};
  AttentionBiasGradient<Context> dbias{};
  AttentionWeights weights = AttentionWeights::softmax;
  double divisor = 1;  ///< of silu's weights
};

/// The op, recorded: (N, D) weighted sums of v's columns. All three are columns of one variable, or only k and v are.
template <class Context>
Variable<Context> attend(Tape<Context>& tape, const Batch<typename Context::Space>& batch, AttentionColumns<Context> q,
                         AttentionColumns<Context> k, AttentionColumns<Context> v, index_t width,
                         const AttentionSettings<Context>& o) {
  Context& context = tape.context();
  const Variable<Context> y = tape.variable(batch.rows(), width);
  const auto saved =
      tape.recording() ? context.vector(ops::self_attention_saved_size(context, batch.offsets(), batch.rows(), o.heads))
                       : vector_of<Context>{};
  const auto columns = [width](const AttentionColumns<Context>& block) {
    return block.of.value().column_range(block.first, width);
  };
  ops::self_attention_forward(
      context, SelfAttentionForward<Context>{batch.offsets(), batch.longest, columns(q), columns(k), columns(v),
                                             y.value(), saved, o.heads, o.mask, o.bias, o.weights, o.divisor});
  const bool one_source = q.first != k.first;  // q, k, v side by side in one matrix, else q apart from k and v
  tape.record([=](Tape<Context>& t) {
    const auto dy = t.incoming(y);
    if (!dy) return;
    // Each variable is asked for its gradient once; its columns share the answer.
    const Gradient<Context> dkv = t.gradient(k.of), dq = one_source ? dkv : t.gradient(q.of);
    ops::self_attention_backward(
        t.context(), SelfAttentionBackward<Context>{batch.offsets(), batch.longest, columns(q), columns(k), columns(v),
                                                    y.value(), saved, dy, dq.columns(q.first, width),
                                                    dkv.columns(k.first, width), dkv.columns(v.first, width), o.heads,
                                                    o.mask, o.bias, o.dbias, o.weights, o.divisor});
  });
  return y;
}

/// The same for the last row of each history alone, with the same bits; without a gradient.
/// @param q (B, width)   @return (B, width), zeros for an empty history
template <class Context>
Variable<Context> attend_last(Tape<Context>& tape, const Batch<typename Context::Space>& batch, Variable<Context> q,
                              AttentionColumns<Context> k, AttentionColumns<Context> v, index_t width,
                              const AttentionSettings<Context>& o) {
  const Variable<Context> y = tape.variable(batch.users(), width);
  ops::last_row_attention(tape.context(), LastRowAttention<Context>{batch.offsets(), batch.longest, q.value(),
                                                                    k.of.value().column_range(k.first, width),
                                                                    v.of.value().column_range(v.first, width),
                                                                    y.value(), o.heads, o.bias, o.weights, o.divisor});
  return y;
}

/// Causal multi-head self-attention over packed histories, with the parameters of PyTorch's MultiheadAttention, and
/// what is added to its logits where that is wanted.
template <class Context>
struct SelfAttention {
  using Space = typename Context::Space;

  MatrixParameter<Context> in_proj_weight;  ///< (3 D, D): queries, keys, values
  VectorParameter<Context> in_proj_bias;    ///< (3 D)
  Linear<Context> out_proj;                 ///< (D, D)
  index_t heads;
  double dropout;                         ///< probability, of attention weights
  AttentionBiasParameters<Context> bias;  ///< after the others

  SelfAttention(ParameterScope<Context> scope, index_t width, index_t number_of_heads, double dropout_probability,
                Initialiser begin = Initialiser::xavier_normal(), const AttentionBiasOptions& added = {})
      : in_proj_weight(scope.matrix("in_proj_weight", 3 * width, width, begin)),
        in_proj_bias(scope.vector("in_proj_bias", 3 * width, Initialiser::constant(0))),
        out_proj(scope / "out_proj", width, width, {.weights = begin}),
        heads(number_of_heads),
        dropout(dropout_probability),
        bias(scope, heads, added) {
    check_argument(heads >= 1 && width % heads == 0, "heads", heads, "a divisor of the width");
  }

  /// Queries, keys and values from the same rows.
  /// @param x (N, D)   @return (N, D)
  /// @throws ShapeError where a history is longer than the distances, or times are read and the batch has none
  Variable<Context> forward(Tape<Context>& tape, const Batch<Space>& batch, Variable<Context> x) const {
    const index_t width = x.columns();
    const Variable<Context> qkv = apply_linear(tape, x, projection(tape));
    return mix(tape, batch, {qkv, 0}, {qkv, width}, {qkv, 2 * width}, width);
  }

  /// Queries from other rows than keys and values (SASRec's code normalises the queries only).
  /// @param queries (N, D)   @param memory (N, D)   @return (N, D)
  Variable<Context> forward(Tape<Context>& tape, const Batch<Space>& batch, Variable<Context> queries,
                            Variable<Context> memory) const {
    const index_t width = memory.columns();
    const auto w = projection(tape);
    const Variable<Context> q = apply_linear(tape, queries, w.rows(0, width));
    const Variable<Context> kv = apply_linear(tape, memory, w.rows(width, 2 * width));
    return mix(tape, batch, {q, 0}, {kv, 0}, {kv, width}, width);
  }

  /// The last row of each history alone, as one of `forward`'s; without a gradient.
  /// @param queries (B, D) of the last rows   @param memory (N, D)   @return (B, D)
  Variable<Context> forward_last(Tape<Context>& tape, const Batch<Space>& batch, Variable<Context> queries,
                                 Variable<Context> memory) const {
    const index_t width = memory.columns();
    return mix_last(tape, batch, queries, apply_linear(tape, memory, projection(tape).rows(width, 2 * width)));
  }

  /// The same for a history whose rows come one by one: keys and values of the earlier ones are kept.
  /// @param query, row (1, D) of the last row   @param kept (n, 2 D) keys and values of all n rows, the last one
  /// written
  Variable<Context> forward_next(Tape<Context>& tape, const Batch<Space>& batch, Variable<Context> query,
                                 Variable<Context> row, matrix_of<Context> kept) const {
    const index_t width = row.columns();
    const Variable<Context> kv = apply_linear(tape, row, projection(tape).rows(width, 2 * width));
    ops::copy(tape.context(), Copy<Context>{kv.value(), kept.row_range(kept.rows() - 1, 1)});
    return mix_last(tape, batch, query, tape.variable(kept));
  }

 private:
  using Columns = AttentionColumns<Context>;

  LinearWeights<Context> projection(const Tape<Context>& tape) const {
    return {tape.value(in_proj_weight), tape.value(in_proj_bias), tape.gradient(in_proj_weight),
            tape.gradient(in_proj_bias)};
  }

  /// @param queries (B, D)   @param kv (N, 2 D)
  Variable<Context> mix_last(Tape<Context>& tape, const Batch<Space>& batch, Variable<Context> queries,
                             Variable<Context> kv) const {
    const index_t width = queries.columns();
    const Variable<Context> q = apply_linear(tape, queries, projection(tape).rows(0, width));
    const AttentionSettings<Context> settings{heads, {}, bias.value(tape, batch), bias.gradient(tape)};
    return out_proj.forward(tape, attend_last<Context>(tape, batch, q, {kv, 0}, {kv, width}, width, settings));
  }

  Variable<Context> mix(Tape<Context>& tape, const Batch<Space>& batch, Columns q, Columns k, Columns v,
                        index_t width) const {
    const AttentionSettings<Context> settings{heads, tape.dropout(dropout, batch.first_row), bias.value(tape, batch),
                                              bias.gradient(tape)};
    return out_proj.forward(tape, attend(tape, batch, q, k, v, width, settings));
  }
};

}  // namespace seqrec
