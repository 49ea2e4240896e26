// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "seqrec/layers/hidden_layers.hpp"

namespace seqrec {

/// What an Mlp is made of.
struct MlpOptions {
  index_t inputs = 0;           ///< I
  std::vector<index_t> hidden;  ///< width of each hidden layer
  index_t outputs = 1;          ///< O
  Activation activation = Activation::prelu;
  double dropout = 0;  ///< probability, after each activation
  Initialiser weights = Initialiser::xavier_normal();
};

/// A multilayer perceptron: hidden linear layers, each with activation and dropout, and a last one without.
template <class Context>
class Mlp {
 public:
  Mlp(ParameterScope<Context> scope, const MlpOptions& options)
      : Mlp(scope, options, {options.inputs, options.hidden, options.activation, options.weights}) {}

  /// @param x (N, I)   @param first_row of x in its batch   @return (N, O)
  Variable<Context> forward(Tape<Context>& tape, Variable<Context> x, index_t first_row) const {
    for (std::size_t i = 0; i < hidden_.size(); ++i)
      x = hidden_.activations[i].forward(tape, hidden_.linears[i].forward(tape, x), tape.dropout(dropout_, first_row));
    return last_.forward(tape, x);
  }

 private:
  Mlp(ParameterScope<Context> scope, const MlpOptions& options, const HiddenLayersOptions& hidden)
      : dropout_(options.dropout),
        hidden_(scope, hidden),
        last_(scope / "linears" / options.hidden.size(), hidden_.outputs(hidden), options.outputs,
              {.weights = options.weights}) {}

  double dropout_;
  HiddenLayers<Context> hidden_;
  Linear<Context> last_;
};

}  // namespace seqrec
