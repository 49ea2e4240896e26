// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "seqrec/layers/hidden_activation.hpp"
#include "seqrec/layers/linear.hpp"

namespace seqrec {

/// What an Mlp is made of.
struct MlpOptions {
  index_t inputs = 0;           ///< I
  std::vector<index_t> hidden;  ///< width of each hidden layer
  index_t outputs = 1;          ///< O
  Nonlinearity activation = Nonlinearity::prelu;
  double dropout = 0;  ///< probability, after each activation
  Initialiser weights = Initialiser::xavier_normal();
};

/// A multilayer perceptron: hidden linear layers, each with activation and dropout, and a last one without.
template <class Context>
class Mlp {
 public:
  explicit Mlp(const MlpOptions& options) : dropout_(options.dropout) {
    index_t inputs = options.inputs;
    linears_.reserve(options.hidden.size() + 1);
    activations_.reserve(options.hidden.size());
    for (const index_t width : options.hidden) {
      linears_.emplace_back(inputs, width, options.weights);
      activations_.emplace_back(options.activation, width);
      inputs = width;
    }
    linears_.emplace_back(inputs, options.outputs, options.weights);
  }

  /// @param x (N, I)   @param first_row of x in its batch   @return (N, O)
  Variable<Context> forward(Tape<Context>& tape, Variable<Context> x, index_t first_row) const {
    for (std::size_t i = 0; i < activations_.size(); ++i)
      x = activations_[i].forward(tape, linears_[i].forward(tape, x), tape.dropout(dropout_, first_row));
    return linears_.back().forward(tape, x);
  }

  /// See HiddenActivation.
  void update_statistics(Context& context, master_vector_of<Context> gradients) {
    for (HiddenActivation<Context>& activation : activations_) activation.update_statistics(context, gradients);
  }

  template <class Visitor>
  void for_each_parameter(Visitor&& visit) {
    for (std::size_t i = 0; i < linears_.size(); ++i) {
      linears_[i].for_each_parameter(prefixed("linears." + std::to_string(i), visit));
      if (i < activations_.size())
        activations_[i].for_each_parameter(prefixed("activations." + std::to_string(i), visit));
    }
  }

 private:
  double dropout_;
  std::vector<Linear<Context>> linears_;
  std::vector<HiddenActivation<Context>> activations_;
};

}  // namespace seqrec
