// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/batch.hpp"
#include "seqrec/layers/linear.hpp"
#include "seqrec/ops/self_attention.hpp"

namespace seqrec {

/// What attention adds to its logits: see AttentionBias. Learned, and zero in the beginning.
struct AttentionBiasOptions {
  index_t distances = 0;  ///< the longest history, where distances have a bias; 0 for none
  bool times = false;     ///< whether the times between events have one
};

/// Causal multi-head self-attention over packed histories, with the parameters of PyTorch's MultiheadAttention, and
/// what is added to its logits where that is wanted.
template <class Context>
struct SelfAttention {
  using Space = typename Context::Space;

  MatrixParameter<Context> in_proj_weight;  ///< (3 D, D): queries, keys, values
  VectorParameter<Context> in_proj_bias;    ///< (3 D)
  Linear<Context> out_proj;                 ///< (D, D)
  index_t heads;
  double dropout;                          ///< probability, of attention weights
  MatrixParameter<Context> position_bias;  ///< (H, distances), or none
  MatrixParameter<Context> time_bias;      ///< (H, time_buckets), or none

  SelfAttention(ParameterScope<Context> scope, index_t width, index_t number_of_heads, double dropout_probability,
                Initialiser begin = Initialiser::xavier_normal(), const AttentionBiasOptions& bias = {})
      : in_proj_weight(scope.matrix("in_proj_weight", 3 * width, width, begin)),
        in_proj_bias(scope.vector("in_proj_bias", 3 * width, Initialiser::constant(0))),
        out_proj(scope / "out_proj", width, width, {.weights = begin}),
        heads(number_of_heads),
        dropout(dropout_probability) {
    check_argument(heads >= 1 && width % heads == 0, "heads", heads, "a divisor of the width");
    const Initialiser zero = Initialiser::constant(0);
    if (bias.distances > 0) position_bias = scope.matrix("position_bias", heads, bias.distances, zero);
    if (bias.times) time_bias = scope.matrix("time_bias", heads, time_buckets, zero);
  }

  /// Queries, keys and values from the same rows.
  /// @param x (N, D)   @return (N, D)
  /// @throws ShapeError where a history is longer than the distances, or times are read and the batch has none
  Variable<Context> forward(Tape<Context>& tape, const Batch<Space>& batch, Variable<Context> x) const {
    const index_t width = x.columns();
    const Variable<Context> qkv = apply_linear(tape, x, projection(tape));
    return attend(tape, batch, {qkv, 0}, {qkv, width}, {qkv, 2 * width}, width);
  }

  /// Queries from other rows than keys and values (SASRec's code normalises the queries only).
  /// @param queries (N, D)   @param memory (N, D)   @return (N, D)
  Variable<Context> forward(Tape<Context>& tape, const Batch<Space>& batch, Variable<Context> queries,
                            Variable<Context> memory) const {
    const index_t width = memory.columns();
    const auto w = projection(tape);
    const Variable<Context> q = apply_linear(tape, queries, w.rows(0, width));
    const Variable<Context> kv = apply_linear(tape, memory, w.rows(width, 2 * width));
    return attend(tape, batch, {q, 0}, {kv, 0}, {kv, width}, width);
  }

 private:
  /// D columns of a variable.
  struct Block {
    Variable<Context> of;
    index_t first;
  };

  LinearWeights<Context> projection(const Tape<Context>& tape) const {
    return {tape.value(in_proj_weight), tape.value(in_proj_bias), tape.gradient(in_proj_weight),
            tape.gradient(in_proj_bias)};
  }

  Variable<Context> attend(Tape<Context>& tape, const Batch<Space>& batch, Block q, Block k, Block v,
                           index_t width) const {
    Context& context = tape.context();
    const Dropout mask = tape.dropout(dropout, batch.first_row);
    const Variable<Context> y = tape.variable(batch.rows(), width);
    const auto saved =
        tape.recording() ? context.vector(ops::self_attention_saved_size(context, batch.offsets(), batch.rows(), heads))
                         : vector_of<Context>{};
    const AttentionBias<Context> bias{tape.value(position_bias), tape.value(time_bias), batch.times};
    const AttentionBiasGradient<Context> dbias{tape.gradient(position_bias), tape.gradient(time_bias)};
    const auto columns = [width](const Block& block) { return block.of.value().column_range(block.first, width); };
    ops::self_attention_forward(
        context, SelfAttentionForward<Context>{batch.offsets(), batch.longest, columns(q), columns(k), columns(v),
                                               y.value(), saved, heads, mask, bias});
    const index_t number_of_heads = heads;
    const bool one_source = q.first != k.first;  // q, k, v side by side in one matrix, else q apart from k and v
    tape.record([=](Tape<Context>& t) {
      const auto dy = t.incoming(y);
      if (!dy) return;
      // Each variable is asked for its gradient once; its columns share the answer.
      const Gradient<Context> dkv = t.gradient(k.of), dq = one_source ? dkv : t.gradient(q.of);
      ops::self_attention_backward(
          t.context(),
          SelfAttentionBackward<Context>{batch.offsets(), batch.longest, columns(q), columns(k), columns(v), y.value(),
                                         saved, dy, dq.columns(q.first, width), dkv.columns(k.first, width),
                                         dkv.columns(v.first, width), number_of_heads, mask, bias, dbias});
    });
    return out_proj.forward(tape, y);
  }
};

}  // namespace seqrec
