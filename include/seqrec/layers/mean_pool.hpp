// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/autograd/tape.hpp"
#include "seqrec/core/batch.hpp"
#include "seqrec/ops/prefix_mean.hpp"

namespace seqrec {

/// The mean of each row and those before it in its history, recorded. There is nothing to learn in it.
/// @param x (N, D)   @return (N, D)
template <class Context>
Variable<Context> mean_pool(Tape<Context>& tape, const Batch<typename Context::Space>& batch, Variable<Context> x) {
  const Variable<Context> y = tape.variable(x.rows(), x.columns());
  ops::prefix_mean_forward(tape.context(), PrefixMeanForward<Context>{batch.offsets(), x.value(), y.value()});
  const auto offsets = batch.offsets();
  tape.record([offsets, x, y](Tape<Context>& t) {
    if (const auto dy = t.incoming(y))
      ops::prefix_mean_backward(t.context(), PrefixMeanBackward<Context>{offsets, dy, t.gradient(x)});
  });
  return y;
}

}  // namespace seqrec
