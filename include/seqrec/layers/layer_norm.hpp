// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/autograd/parameter_store.hpp"
#include "seqrec/autograd/tape.hpp"
#include "seqrec/ops/dropout_residual_layer_norm.hpp"

namespace seqrec {

/// A sum that has not been taken yet: residual + dropout(branch). Blocks hand it on so that the next layer norm takes
/// it in its own pass over memory.
template <class Context>
struct ResidualStream {
  Variable<Context> residual;  ///< (N, D)
  Variable<Context> branch;    ///< (N, D), or null: then the sum is `residual`
  Dropout dropout{};           ///< of the branch
};

/// Layer normalisation over the last axis (Ba et al. 2016), with the residual sum before it.
template <class Context>
struct LayerNorm {
  VectorParameter<Context> weight;  ///< (D) gamma
  VectorParameter<Context> bias;    ///< (D) beta
  double epsilon;

  LayerNorm(ParameterScope<Context> scope, index_t width, double norm_epsilon = 1e-5)
      : weight(scope.vector("weight", width, Initialiser::constant(1))),
        bias(scope.vector("bias", width, Initialiser::constant(0))),
        epsilon(norm_epsilon) {}

  /// What a forward pass leaves.
  struct Result {
    Variable<Context> sum;  ///< (N, D) the stream's sum
    Variable<Context> y;    ///< (N, D) the sum, normalised
  };

  Result forward(Tape<Context>& tape, const ResidualStream<Context>& stream) const {
    const index_t rows = stream.residual.rows(), width = stream.residual.columns();
    Context& context = tape.context();
    const bool adds = static_cast<bool>(stream.branch);
    const Variable<Context> sum = adds ? tape.variable(rows, width) : stream.residual;
    const Variable<Context> y = tape.variable(rows, width);
    const auto mean = context.vector(rows), rstd = context.vector(rows);
    const auto gamma = tape.value(weight);
    DropoutResidualLayerNormForward<Context> forward{.x = sum.value(),
                                                     .residual = {},
                                                     .gamma = gamma,
                                                     .beta = tape.value(bias),
                                                     .sum = {},
                                                     .y = y.value(),
                                                     .mean = mean,
                                                     .rstd = rstd,
                                                     .epsilon = epsilon,
                                                     .dropout = {}};
    if (adds) {
      forward.x = stream.branch.value();
      forward.residual = stream.residual.value();
      forward.sum = sum.value();
      forward.dropout = stream.dropout;
    }
    ops::dropout_residual_layer_norm_forward(context, forward);
    const auto dgamma = tape.gradient(weight);
    const auto dbeta = tape.gradient(bias);
    const Variable<Context> residual = stream.residual, branch = stream.branch;
    const Dropout dropout = forward.dropout;
    tape.record([=](Tape<Context>& t) {
      DropoutResidualLayerNormBackward<Context> backward{.sum = sum.value(),
                                                         .gamma = gamma,
                                                         .mean = mean,
                                                         .rstd = rstd,
                                                         .dy = t.incoming(y),
                                                         .dsum = {},
                                                         .dx = {},
                                                         .dresidual = {},
                                                         .dgamma = dgamma,
                                                         .dbeta = dbeta,
                                                         .dropout = dropout};
      if (adds) backward.dsum = t.incoming(sum);
      if (!backward.dy && !backward.dsum) return;
      backward.dx = t.gradient(adds ? branch : residual);
      if (adds) backward.dresidual = t.gradient(residual);
      ops::dropout_residual_layer_norm_backward(t.context(), backward);
    });
    return {sum, y};
  }
};

}  // namespace seqrec
