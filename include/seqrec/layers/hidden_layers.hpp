// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "seqrec/layers/hidden_activation.hpp"
#include "seqrec/layers/linear.hpp"

namespace seqrec {

/// What HiddenLayers are made of.
struct HiddenLayersOptions {
  index_t inputs = 0;           ///< I of the first
  std::vector<index_t> widths;  ///< of each
  Activation activation = Activation::prelu;
  Initialiser weights = Initialiser::xavier_normal();
};

/// A stack of linear maps, an activation after each: the inside of an Mlp and of an attention unit.
template <class Context>
struct HiddenLayers {
  std::vector<Linear<Context>> linears;
  std::vector<HiddenActivation<Context>> activations;  ///< one for each

  HiddenLayers(ParameterScope<Context> scope, const HiddenLayersOptions& options) {
    linears.reserve(options.widths.size());
    activations.reserve(options.widths.size());
    index_t inputs = options.inputs;
    for (std::size_t i = 0; i < options.widths.size(); ++i) {
      const index_t width = options.widths[i];
      linears.emplace_back(scope / "linears" / i, inputs, width, LinearOptions{.weights = options.weights});
      activations.emplace_back(scope / "activations" / i, options.activation, width);
      inputs = width;
    }
  }

  std::size_t size() const { return linears.size(); }
  /// Columns that come out of the last, given what goes into the first.
  static index_t outputs(const HiddenLayersOptions& options) {
    return options.widths.empty() ? options.inputs : options.widths.back();
  }
};

}  // namespace seqrec
