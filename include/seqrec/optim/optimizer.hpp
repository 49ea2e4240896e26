// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "seqrec/autograd/parameter_ranges.hpp"
#include "seqrec/core/for_parts.hpp"
#include "seqrec/core/step_gradients.hpp"
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
        team.for_ranges(size_of_parts(ranges, elements), [&](Context& context, index_t first, index_t count) {
          using Step = OptimizerStep<Context, std::remove_cvref_t<decltype(update)>>;
          Step step{
              .runs = {}, .inputs = state_.inputs(), .outcome = std::as_const(state_).outcome(), .update = update};
          for_parts_within(first, count, ranges, elements, [&](const auto& range, index_t from, index_t size) {
            if (step.runs.full()) {
              ops::optimizer_step(context, step);
              step.runs.clear();
            }
            step.runs.push_back(run_of<Step>(range, from, size, values, gradient(range)));
          });
          ops::optimizer_step(context, step);
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

  /// Elements first .. first+count-1 of a range; of a lazy table, or one whose gradient is known row by row, the rows
  /// that begin there: of all rows, or, lazily, of those with a gradient.
  template <class Step, class Gradient>
  typename Step::Run run_of(const ParameterRange& range, index_t first, index_t count, VectorView<Master, Space> values,
                            const Gradient& gradient) {
    const index_t width = range.row_width;
    const bool lazy = is_lazy(range), by_rows = !gradient.dense && gradient.rows;
    typename Step::Run run{
        .values = {}, .gradients = {}, .states = {}, .rows = {}, .row_width = width, .moves_all = !lazy};
    if (lazy || by_rows) {
      const RowsWithin within(first, count, width);
      first = within.first * width;
      count = within.count * width;
      if (by_rows) name_rows(run, gradient, within, within.count * width == range.size);
    }
    if (gradient.dense) run.gradients = gradient.dense.row_range(first, count);
    if (lazy && by_rows) {  // of which there are fewer than the table has
      first = 0;
      count = range.size;
    }
    const auto part = [&](VectorView<Master, Space> all) { return all.row_range(range.offset + first, count); };
    run.values = part(values);
    for (index_t i = 0; i < run.states.size(); ++i) run.states[i] = part(moment(i));
    return run;
  }

  /// The rows with a gradient, of a part of the table's rows, or, lazily, of those rows.
  /// @param whole  all of the table's: then nobody looks for a place among them (which may lie on a device)
  template <class Run, class Gradient>
  static void name_rows(Run& run, const Gradient& gradient, const RowsWithin& within, bool whole) {
    const auto place = [&](index_t row) {
      return std::lower_bound(gradient.rows.data, gradient.rows.data + gradient.rows.size(), row) - gradient.rows.data;
    };
    const bool by_place = !run.moves_all;
    const index_t first = by_place ? within.first : whole ? 0 : place(within.first);
    const index_t end = by_place ? first + within.count
                        : whole  ? gradient.rows.size()
                                 : place(within.first + within.count);
    run.first_row = by_place ? 0 : within.first;
    if (first == end) return;
    run.rows = gradient.rows.row_range(first, end - first);
    run.gradients = {gradient.sums.row(first), (end - first) * run.row_width};
  }

  VectorView<Master, Space> moment(index_t i) { return states_[static_cast<std::size_t>(i)].view(); }

  AnAlgorithm algorithm_;
  TableRows rows_;
  Moments states_;
  StepState<Space> state_;
  std::uint64_t steps_ = 0;
};

}  // namespace seqrec
