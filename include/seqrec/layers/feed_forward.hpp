// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/layers/layer_norm.hpp"
#include "seqrec/layers/linear.hpp"

namespace seqrec {

/// What a FeedForward is made of.
struct FeedForwardOptions {
  index_t width = 64;   ///< D
  index_t hidden = 64;  ///< F
  double dropout = 0;   ///< probability: of hidden units and of the result
  Initialiser weights = Initialiser::xavier_normal();
};

/// The position-wise feed-forward network of a transformer block (Vaswani et al. 2017, section 3.3):
/// dropout(linear2(dropout(relu(linear1(x))))).
///
/// It makes `linear1` and `linear2` in the block's own scope, as PyTorch's TransformerEncoderLayer names them. What
/// takes its place (a mixture of experts) makes its parameters in a scope of its own below the block's.
template <class Context>
struct FeedForward {
  Linear<Context> linear1;  ///< (F, D)
  Linear<Context> linear2;  ///< (D, F)
  double dropout;

  FeedForward(ParameterScope<Context> scope, const FeedForwardOptions& o)
      : linear1(scope / "linear1", o.width, o.hidden, {.weights = o.weights}),
        linear2(scope / "linear2", o.hidden, o.width, {.weights = o.weights}),
        dropout(o.dropout) {}

  /// @param x (N, D) rows to work on   @param residual (N, D) what the result is to be added to; may be x
  /// @param first_row of x in its batch
  /// @return the sum of residual and result, not yet taken
  ResidualStream<Context> forward(Tape<Context>& tape, Variable<Context> x, Variable<Context> residual,
                                  index_t first_row) const {
    const Variable<Context> hidden = linear1.forward(tape, x, {Activation::relu, tape.dropout(dropout, first_row)});
    const Variable<Context> result = linear2.forward(tape, hidden);
    return {residual, result, tape.dropout(dropout, first_row)};
  }
};

}  // namespace seqrec
