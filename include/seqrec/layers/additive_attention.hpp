// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/batch.hpp"
#include "seqrec/layers/linear.hpp"
#include "seqrec/ops/additive_attention.hpp"

namespace seqrec {

/// How an AdditiveAttention weighs.
struct AdditiveAttentionOptions {
  Squash squash = Squash::sigmoid;
  bool softmax = false;  ///< whether the weights of a row add up to 1
};

/// What each row of a history sees of the rows up to it: sum over j <= t of a_tj x_j with a_tj = v . squash(Q x_t + K
/// x_j) (NARM's local encoder, Li et al. 2017, equations 7 and 8).
template <class Context>
struct AdditiveAttention {
  using Space = typename Context::Space;

  Linear<Context> query;            ///< (F, D), no bias
  Linear<Context> key;              ///< (F, D), no bias
  VectorParameter<Context> weight;  ///< (F) v
  AdditiveAttentionOptions options;

  AdditiveAttention(ParameterScope<Context> scope, index_t width, index_t units,
                    const AdditiveAttentionOptions& options_ = {}, Initialiser begin = Initialiser::xavier_normal())
      : query(scope / "query", width, units, {.weights = begin, .bias = false}),
        key(scope / "key", width, units, {.weights = begin, .bias = false}),
        weight(scope.vector("weight", units, begin)),
        options(options_) {}

  /// @param x (N, D)   @return (N, D)
  Variable<Context> forward(Tape<Context>& tape, const Batch<Space>& batch, Variable<Context> x) const {
    Context& context = tape.context();
    const Variable<Context> q = query.forward(tape, x), k = key.forward(tape, x);
    const Variable<Context> y = tape.variable(x.rows(), x.columns());
    const auto saved = context.vector(ops::additive_attention_saved_size(context, batch.offsets(), x.rows()));
    const auto v = tape.value(weight);
    const AdditiveAttentionOptions how = options;
    ops::additive_attention_forward(
        context, AdditiveAttentionForward<Context>{batch.offsets(), q.value(), k.value(), v, x.value(), y.value(),
                                                   saved, how.squash, how.softmax});
    const auto dv = tape.gradient(weight);
    const auto offsets = batch.offsets();
    tape.record([=](Tape<Context>& t) {
      if (const auto dy = t.incoming(y))
        ops::additive_attention_backward(
            t.context(),
            AdditiveAttentionBackward<Context>{offsets, q.value(), k.value(), v, x.value(), saved, dy, t.gradient(q),
                                               t.gradient(k), dv, t.gradient(x), how.squash, how.softmax});
    });
    return y;
  }
};

}  // namespace seqrec
