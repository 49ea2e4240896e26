// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "seqrec/autograd/parameter_ranges.hpp"
#include "seqrec/ops/optimizer_step.hpp"
#include "seqrec/optim/algorithm.hpp"

namespace seqrec {

/// Moves a model's parameters by an algorithm such as Adam. It owns the moments, which lie as the values do in their
/// store, so a model that is only served carries none; and it counts steps once for all parameters. Statistics and what
/// is frozen (ParameterRole) are not its business.
///
/// @tparam AnAlgorithm  one of them, or `Algorithm`, which is chosen at run time
template <class Context, class AnAlgorithm = Algorithm>
class Optimizer {
 public:
  using Master = typename Context::Master;
  using Space = typename Context::Space;
  using Moments = std::vector<Tensor<Master, 1, Space>>;

  /// @throws ArgumentError when an option of the algorithm is out of range
  /// @param parameter_elements of the model's store
  Optimizer(index_t parameter_elements, AnAlgorithm algorithm, TableRows rows = TableRows::dense)
      : algorithm_(algorithm), rows_(rows) {
    visit_algorithm(algorithm_, [&](const auto& chosen) {
      chosen.check();
      chosen.with_update([&](const auto& update) {
        for (int i = 0; i < update.states; ++i) {
          const std::vector<Master> begin(static_cast<std::size_t>(parameter_elements),
                                          static_cast<Master>(chosen.initial_state(i)));
          states_.emplace_back(parameter_elements).copy_from_host(begin.data());
        }
      });
    });
  }

  std::uint64_t steps() const { return steps_; }  ///< taken so far
  const AnAlgorithm& algorithm() const { return algorithm_; }
  /// The moments, as many elements each as the model's store has.
  Moments& states() { return states_; }
  const Moments& states() const { return states_; }
  /// The numbers of the step in progress, where it runs.
  StepState<Space>& state() { return state_; }
  /// Goes on after so many steps: the caller has put the moments back.
  void resume(std::uint64_t steps) { steps_ = steps; }

  /// One update of all parameters, with the learning rate and the clipping that `state()` says; none after a bad step.
  /// @param ranges  of the model's elements   @param values, gradients  of all elements
  template <class Team>
  void step(Team& team, const ParameterRanges& ranges, VectorView<Master, Space> values,
            VectorView<const Master, Space> gradients) {
    visit_algorithm(algorithm_, [&](const auto& chosen) {
      chosen.with_update([&](const auto& update) {
        team.for_ranges(values.size(), [&](Context& context, index_t first, index_t count) {
          for (const ParameterRange& range : ranges)
            if (range.moved_by_optimizer()) step_part(context, range, first, first + count, values, gradients, update);
        });
      });
    });
    ++steps_;
  }

  /// The same with numbers that the host has.
  /// @param gradient_scale what gradients are multiplied by
  template <class Team>
  void step(Team& team, const ParameterRanges& ranges, VectorView<Master, Space> values,
            VectorView<const Master, Space> gradients, double learning_rate, double gradient_scale = 1) {
    state_.begin({.step = steps_, .update = steps_ + 1, .learning_rate = learning_rate});
    const StepOutcome scaled{.gradient_scale = gradient_scale};
    Memory<Space>::copy_from_host(state_.outcome().data, &scaled, sizeof scaled);
    step(team, ranges, values, gradients);
  }

 private:
  /// What elements first .. last-1 have in common with a range.
  template <class Update>
  void step_part(Context& context, const ParameterRange& range, index_t first, index_t last,
                 VectorView<Master, Space> values, VectorView<const Master, Space> gradients, const Update& update) {
    const bool whole_rows = rows_ == TableRows::lazy && range.role == ParameterRole::table;
    const index_t width = whole_rows ? range.row_width : 1;
    // A row belongs to where its first element lies.
    const auto within = [&](index_t position) {
      return round_up(std::clamp<index_t>(position - range.offset, 0, range.size), width);
    };
    const index_t begin = range.offset + within(first), size = range.offset + within(last) - begin;
    if (size <= 0) return;
    OptimizerStep<Context, Update> part{.values = values.row_range(begin, size),
                                        .gradients = gradients.row_range(begin, size),
                                        .states = {},
                                        .inputs = state_.inputs(),
                                        .outcome = std::as_const(state_).outcome(),
                                        .update = update,
                                        .row_width = whole_rows ? width : 0};
    for (std::size_t i = 0; i < part.states.size(); ++i) part.states[i] = states_[i].view().row_range(begin, size);
    ops::optimizer_step(context, part);
  }

  AnAlgorithm algorithm_;
  TableRows rows_;
  Moments states_;
  StepState<Space> state_;
  std::uint64_t steps_ = 0;
};

}  // namespace seqrec
