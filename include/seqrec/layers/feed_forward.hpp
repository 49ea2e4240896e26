// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>

#include "seqrec/layers/functions.hpp"
#include "seqrec/layers/layer_norm.hpp"
#include "seqrec/layers/linear.hpp"

namespace seqrec {

/// What a feed-forward network computes between its linear maps.
enum class HiddenUnits {
  relu,    ///< relu(linear1(x)) (Vaswani et al. 2017)
  swiglu,  ///< silu(w1(x)) * w3(x) (Shazeer 2020, arXiv:2002.05202; LLaMA)
};

/// Names of the values, for option texts.
constexpr std::array<const char*, 2> names_of(HiddenUnits) { return {"relu", "swiglu"}; }

/// What a FeedForward is made of.
struct FeedForwardOptions {
  index_t width = 64;   ///< D
  index_t hidden = 64;  ///< F
  double dropout = 0;   ///< probability: of hidden units and of the result
  Initialiser weights = Initialiser::xavier_normal();
  HiddenUnits units = HiddenUnits::relu;
};

/// The position-wise feed-forward network of a transformer block (Vaswani et al. 2017, section 3.3):
/// dropout(linear2(dropout(relu(linear1(x))))); or, with SwiGLU, dropout(w2(dropout(silu(w1(x)) * w3(x)))).
///
/// It makes `linear1` and `linear2` in the block's own scope, as PyTorch's TransformerEncoderLayer names them; with
/// SwiGLU `w1`, `w2` and `w3`, without biases, as LLaMA does. What takes its place (a mixture of experts) makes its
/// parameters in a scope of its own below the block's.
template <class Context>
struct FeedForward {
  Linear<Context> linear1;                 ///< (F, D); SwiGLU's w1
  Linear<Context> linear2;                 ///< (D, F); SwiGLU's w2
  std::optional<Linear<Context>> linear3;  ///< (F, D); SwiGLU's w3
  double dropout;

  FeedForward(ParameterScope<Context> scope, const FeedForwardOptions& o)
      : linear1(scope / (gated(o) ? "w1" : "linear1"), o.width, o.hidden, {o.weights, !gated(o)}),
        linear2(scope / (gated(o) ? "w2" : "linear2"), o.hidden, o.width, {o.weights, !gated(o)}),
        dropout(o.dropout) {
    if (gated(o)) linear3.emplace(scope / "w3", o.width, o.hidden, LinearOptions{o.weights, false});
  }

  /// @param x (N, D) rows to work on   @param residual (N, D) what the result is to be added to; may be x
  /// @param first_row of x in its batch
  /// @return the sum of residual and result, not yet taken
  ResidualStream<Context> forward(Tape<Context>& tape, Variable<Context> x, Variable<Context> residual,
                                  index_t first_row) const {
    const Dropout of_units = tape.dropout(dropout, first_row);
    const Variable<Context> hidden =
        linear3 ? gated_silu(tape, linear1.forward(tape, x), linear3->forward(tape, x), of_units)
                : linear1.forward(tape, x, {Activation::relu, of_units});
    const Variable<Context> result = linear2.forward(tape, hidden);
    return {residual, result, tape.dropout(dropout, first_row)};
  }

 private:
  static bool gated(const FeedForwardOptions& o) { return o.units == HiddenUnits::swiglu; }
};

}  // namespace seqrec
