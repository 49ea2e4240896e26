// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "seqrec/autograd/parameter_set.hpp"
#include "seqrec/ops/optimizer_step.hpp"
#include "seqrec/optim/algorithm.hpp"

namespace seqrec {

/// Moves a model's parameters by an algorithm such as Adam. It owns the moments, addressed by parameter offset, so a
/// model that is only served carries none; and it counts steps once for all parameters. Statistics (ParameterRole) are
/// not its business.
///
/// @tparam AnAlgorithm  one of them, or `Algorithm`, which is chosen at run time
template <class Context, class AnAlgorithm = Algorithm>
class Optimizer {
 public:
  using Master = typename Context::Master;
  using Space = typename Context::Space;
  using Moments = std::vector<Tensor<Master, 1, Space>>;

  /// @throws ArgumentError when an option of the algorithm is out of range
  Optimizer(index_t parameter_elements, AnAlgorithm algorithm, TableRows rows = TableRows::dense)
      : algorithm_(algorithm), rows_(rows) {
    visit_algorithm(algorithm_, [&](const auto& chosen) {
      chosen.check();
      const std::vector<Master> begin(static_cast<std::size_t>(parameter_elements),
                                      static_cast<Master>(chosen.initial_state()));
      for (int i = 0; i < chosen.states(); ++i) states_.emplace_back(parameter_elements).copy_from_host(begin.data());
    });
  }

  std::uint64_t steps() const { return steps_; }  ///< taken so far
  const AnAlgorithm& algorithm() const { return algorithm_; }
  /// The moments, (P) each, in the order of the ParameterSet.
  Moments& states() { return states_; }
  const Moments& states() const { return states_; }
  /// Goes on after so many steps: the caller has put the moments back.
  void resume(std::uint64_t steps) { steps_ = steps; }

  /// One step of all parameters.
  /// @param gradients (P)   @param gradient_scale what they are multiplied by, from clipping
  template <class Team>
  void step(Team& team, const ParameterSet<Context>& parameters, VectorView<const Master, Space> gradients,
            double learning_rate, double gradient_scale = 1) {
    ++steps_;
    visit_algorithm(algorithm_, [&](const auto& chosen) {
      chosen.with_rule(learning_rate, steps_, [&](const auto& rule) {
        team.for_ranges(parameters.size(), [&](Context& context, index_t first, index_t count) {
          for (const auto& entry : parameters)
            if (entry.moved_by_optimizer())
              step_part(context, entry, first, first + count, gradients, gradient_scale, rule);
        });
      });
    });
  }

 private:
  /// What a range of the set holds of one parameter.
  template <class Rule>
  void step_part(Context& context, const typename ParameterSet<Context>::Entry& entry, index_t first, index_t last,
                 VectorView<const Master, Space> gradients, double gradient_scale, const Rule& rule) {
    const bool whole_rows = rows_ == TableRows::lazy && entry.table;
    const index_t width = whole_rows ? entry.shape.back() : 1;
    // A row belongs to the range that its first element lies in.
    const auto within = [&](index_t position) {
      return round_up(std::clamp<index_t>(position - entry.offset, 0, entry.size()), width);
    };
    const index_t begin = within(first), size = within(last) - begin;
    if (size <= 0) return;
    OptimizerStep<Context, Rule> part{.values = entry.values.row_range(begin, size),
                                      .gradients = gradients.row_range(entry.offset + begin, size),
                                      .states = {},
                                      .gradient_scale = gradient_scale,
                                      .row_width = whole_rows ? width : 0,
                                      .rule = rule};
    for (std::size_t i = 0; i < part.states.size(); ++i)
      part.states[i] = states_[i].view().row_range(entry.offset + begin, size);
    ops::optimizer_step(context, part);
  }

  AnAlgorithm algorithm_;
  TableRows rows_;
  Moments states_;
  std::uint64_t steps_ = 0;
};

}  // namespace seqrec
