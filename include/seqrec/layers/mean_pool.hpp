// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/autograd/parameter_store.hpp"
#include "seqrec/autograd/tape.hpp"
#include "seqrec/core/batch.hpp"
#include "seqrec/ops/prefix_mean.hpp"

namespace seqrec {

/// The mean of each row and those before it in its history, recorded.
/// @param x        (N, D)
/// @param recency  (R) what rows weigh by how far back they are (see PrefixMeanForward); none: all the same
/// @return (N, D)
template <class Context>
Variable<Context> mean_pool(Tape<Context>& tape, const Batch<typename Context::Space>& batch, Variable<Context> x,
                            const VectorParameter<Context>& recency = {}) {
  const Variable<Context> y = tape.variable(x.rows(), x.columns());
  const auto offsets = batch.offsets();
  const auto weights = tape.value(recency);
  const auto dweights = tape.gradient(recency);
  ops::prefix_mean_forward(tape.context(), PrefixMeanForward<Context>{offsets, x.value(), y.value(), weights});
  tape.record([=](Tape<Context>& t) {
    if (const auto dy = t.incoming(y))
      ops::prefix_mean_backward(t.context(), PrefixMeanBackward<Context>{offsets, dy, t.gradient(x), x.value(),
                                                                         y.value(), weights, dweights});
  });
  return y;
}

}  // namespace seqrec
