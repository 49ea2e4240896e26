// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "seqrec/autograd/parameter_set.hpp"
#include "seqrec/ops/optimizer_step.hpp"

namespace seqrec {

/// Moves a model's parameters by an algorithm such as Adam. It owns the moments, addressed by parameter offset, so a
/// model that is only served carries none; and it counts steps once for all parameters.
template <class Context, class Algorithm>
class Optimizer {
 public:
  using Rule = typename Algorithm::Rule;
  using Master = typename Context::Master;
  using Space = typename Context::Space;

  /// @throws ArgumentError when an option of the algorithm is out of range
  Optimizer(index_t parameter_elements, Algorithm algorithm) : algorithm_(algorithm) {
    algorithm_.check();
    for (auto& state : states_) state = Tensor<Master, 1, Space>(parameter_elements);
  }

  std::uint64_t steps() const { return steps_; }  ///< taken so far
  const Algorithm& algorithm() const { return algorithm_; }
  /// The moments (P), in the order of the ParameterSet.
  std::array<Tensor<Master, 1, Space>, Rule::states>& states() { return states_; }

  /// One step of all parameters.
  /// @param gradients (P)   @param gradient_scale what they are multiplied by, from clipping
  template <class Team>
  void step(Team& team, const ParameterSet<Context>& parameters, VectorView<const Master, Space> gradients,
            double learning_rate, double gradient_scale = 1) {
    const Rule rule = algorithm_.rule(learning_rate, ++steps_);
    team.for_ranges(parameters.size(), [&](Context& context, index_t first, index_t count) {
      for (const auto& entry : parameters) {
        const index_t begin = std::max(first, entry.offset), end = std::min(first + count, entry.offset + entry.size());
        if (begin >= end) continue;
        OptimizerStep<Context, Rule> part{.values = entry.values.row_range(begin - entry.offset, end - begin),
                                          .gradients = gradients.row_range(begin, end - begin),
                                          .states = {},
                                          .gradient_scale = gradient_scale,
                                          .rule = rule};
        for (std::size_t i = 0; i < states_.size(); ++i)
          part.states[i] = states_[i].view().row_range(begin, end - begin);
        ops::optimizer_step(context, part);
      }
    });
  }

 private:
  Algorithm algorithm_;
  std::array<Tensor<Master, 1, Space>, Rule::states> states_;
  std::uint64_t steps_ = 0;
};

}  // namespace seqrec
