// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "seqrec/autograd/parameter_ranges.hpp"
#include "seqrec/core/for_parts.hpp"
#include "seqrec/core/step_gradients.hpp"
#include "seqrec/ops/optimizer_step.hpp"
#include "seqrec/ops/table_step.hpp"
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
          auto& state = states_.emplace_back(parameter_elements);  // zeros
          if (chosen.initial_state(i) == 0) continue;
          const std::vector<Master> begin(static_cast<std::size_t>(parameter_elements),
                                          static_cast<Master>(chosen.initial_state(i)));
          state.copy_from_host(begin.data());
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
  /// @param ranges  of the model's elements   @param values  of all elements
  /// @param gradients  of a step (StepGradients), or of all elements (a vector)
  template <class Team, class Gradients>
  void step(Team& team, const ParameterRanges& ranges, VectorView<Master, Space> values, const Gradients& gradients) {
    const auto gradient = [&](const ParameterRange& range) { return gradient_of(gradients, range.elements()); };
    const auto elements = [&](const ParameterRange& range) -> index_t {
      if (!range.moved_by_optimizer()) return 0;
      return is_lazy(range) && !gradient(range).dense ? gradient(range).sums.size() : range.size;
    };
    visit_algorithm(algorithm_, [&](const auto& chosen) {
      chosen.with_update([&](const auto& update) {
        for_parts([&](index_t size, auto&& work) { team.for_ranges(size, work); }, ranges, elements,
                  [&](Context& context, const ParameterRange& range, index_t first, index_t count) {
                    const auto part = gradient(range);
                    if (part.dense || range.role != ParameterRole::table)
                      step_elements(context, range, first, count, values, part.dense, update);
                    else
                      step_rows(context, range, RowsWithin(first, count, range.row_width), values, part, update);
                  });
      });
    });
    ++steps_;
  }

  /// The same with numbers that the host has.
  /// @param gradient_scale what gradients are multiplied by
  template <class Team, class Gradients>
  void step(Team& team, const ParameterRanges& ranges, VectorView<Master, Space> values, const Gradients& gradients,
            double learning_rate, double gradient_scale = 1) {
    state_.begin({.step = steps_, .update = steps_ + 1, .learning_rate = learning_rate});
    const StepOutcome scaled{.gradient_scale = gradient_scale};
    Memory<Space>::copy_from_host(state_.outcome().data, &scaled, sizeof scaled);
    step(team, ranges, values, gradients);
  }

 private:
  bool is_lazy(const ParameterRange& range) const {
    return rows_ == TableRows::lazy && range.role == ParameterRole::table;
  }

  /// Elements first .. first+count-1 of a range; of a lazy table the rows that begin there.
  /// @param gradients  of the range, or null for zeros
  template <class Update>
  void step_elements(Context& context, const ParameterRange& range, index_t first, index_t count,
                     VectorView<Master, Space> values, VectorView<const Master, Space> gradients,
                     const Update& update) {
    if (is_lazy(range)) {
      const RowsWithin rows(first, count, range.row_width);
      first = rows.first * range.row_width;
      count = rows.count * range.row_width;
    }
    const index_t begin = range.offset + first;
    OptimizerStep<Context, Update> part{.values = values.row_range(begin, count),
                                        .gradients = {},
                                        .states = {},
                                        .inputs = state_.inputs(),
                                        .outcome = std::as_const(state_).outcome(),
                                        .update = update,
                                        .row_width = is_lazy(range) ? range.row_width : 0};
    if (gradients) part.gradients = gradients.row_range(first, count);
    for (index_t i = 0; i < part.states.size(); ++i) part.states[i] = moment(i).row_range(begin, count);
    ops::optimizer_step(context, part);
  }

  /// Rows of a table: some of all, or, of a lazy one, some of those with a gradient.
  template <class Part, class Update>
  void step_rows(Context& context, const ParameterRange& range, const RowsWithin& within,
                 VectorView<Master, Space> values, const Part& gradient, const Update& update) {
    const index_t width = range.row_width;
    const bool lazy = is_lazy(range);
    const auto table = [&](VectorView<Master, Space> all) {
      const master_matrix_of<Context> whole(all.data + range.offset, range.size / width, width);
      return lazy ? whole : whole.row_range(within.first, within.count);
    };
    const auto place = [&](index_t row) {
      return std::lower_bound(gradient.rows.data, gradient.rows.data + gradient.rows.size(), row) - gradient.rows.data;
    };
    const index_t first = lazy ? within.first : place(within.first);
    const index_t count = lazy ? within.count : place(within.first + within.count) - first;
    TableStep<Context, Update> part{.values = table(values),
                                    .rows = gradient.rows.row_range(first, count),
                                    .gradients = {},
                                    .states = {},
                                    .inputs = state_.inputs(),
                                    .outcome = std::as_const(state_).outcome(),
                                    .update = update,
                                    .first_row = lazy ? 0 : within.first,
                                    .moves_all = !lazy};
    part.gradients = {count != 0 ? gradient.sums.row(first) : nullptr, count, width};
    for (index_t i = 0; i < part.states.size(); ++i) part.states[i] = table(moment(i));
    ops::table_step(context, part);
  }

  VectorView<Master, Space> moment(index_t i) { return states_[static_cast<std::size_t>(i)].view(); }

  AnAlgorithm algorithm_;
  TableRows rows_;
  Moments states_;
  StepState<Space> state_;
  std::uint64_t steps_ = 0;
};

}  // namespace seqrec
