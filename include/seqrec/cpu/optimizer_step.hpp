// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/ops/optimizer_step.hpp"

namespace seqrec::cpu {

namespace detail {

/// An update rule with the numbers of a step.
template <class S, class Update>
class ElementStep {
 public:
  using States = FixedArray<S*, Update::states>;

  ElementStep(const Update& update, const StepInputs& inputs, double scale)
      : rule_(update.rule(inputs.learning_rate, inputs.update)), scale_(static_cast<S>(scale)) {}

  /// Moves `size` elements.   @param gradient  null for zeros
  void operator()(S* values, const S* gradient, const States& states, index_t size) const {
    apply(values, gradient, states, size, std::make_integer_sequence<index_t, Update::states>{});
  }

 private:
  // The rule is written for one number; here the "number" is a short array, which makes it a vector instruction.
  static constexpr index_t lanes = 16;
  using Pack = Eigen::Array<S, lanes, 1>;

  static Pack load(const S* from, index_t count) {
    if (count == lanes) return Eigen::Map<const Pack>(from);
    Pack pack = Pack::Zero();
    pack.head(count) = array(from, count);
    return pack;
  }
  static void store(S* to, const Pack& pack, index_t count) {
    if (count == lanes)
      Eigen::Map<Pack>{to} = pack;
    else
      array(to, count) = pack.head(count);
  }

  template <index_t... State>
  void apply(S* values, const S* gradient, [[maybe_unused]] const States& of, index_t size,
             std::integer_sequence<index_t, State...>) const {
    for (index_t i = 0; i < size; i += lanes) {
      const index_t count = std::min(lanes, size - i);
      std::array<Pack, sizeof...(State)> states{load(of[State] + i, count)...};
      Pack slope = Pack::Zero();
      if (gradient != nullptr) slope = load(gradient + i, count) * scale_;
      store(values + i, rule_.template operator()<S>(load(values + i, count), slope, states[State]...), count);
      (store(of[State] + i, states[State], count), ...);
    }
  }

  decltype(std::declval<const Update&>().rule(0.0, std::uint64_t{1})) rule_;
  S scale_;
};

/// Moves a run of elements.
template <class S, int W, class Update>
void move_run(const ElementStep<S, Update>& step, const MovedRun<BasicContext<S, W>, Update::states>& run) {
  const auto move = [&](index_t first, index_t size, const S* gradient) {
    FixedArray<S*, Update::states> states;
    for (index_t i = 0; i < states.size(); ++i) states[i] = run.states[i].data + first;
    step(run.values.data + first, gradient, states, size);
  };
  const index_t size = run.values.size(), width = run.row_width;
  if (run.moves_all && !run.rows) return move(0, size, run.gradients.data);
  if (!run.gradients && !run.moves_all) return;
  const auto is_zero = [&](const S* gradient) { return !(array(gradient, width) != S(0)).any(); };
  index_t next = 0;  // element that has not moved yet, where all move
  for (index_t i = 0; i < (run.rows ? run.rows.size() : size / width); ++i) {
    const S* const gradient = run.gradients.data + i * width;
    const index_t first = run.rows ? (run.rows(i) - run.first_row) * width : i * width;
    if (run.moves_all)
      move(next, first - next, nullptr);
    else if (is_zero(gradient))
      continue;
    move(first, width, gradient);
    next = first + width;
  }
  if (run.moves_all) move(next, size - next, nullptr);
}

}  // namespace detail

template <class S, int W, class Update>
void optimizer_step(BasicContext<S, W>&, const OptimizerStep<BasicContext<S, W>, Update>& a) {
  if (!a.outcome(0).is_good()) return;
  const detail::ElementStep<S, Update> step(a.update, a.inputs(0), a.clips ? a.outcome(0).gradient_scale : 1.0);
  for (const auto& run : a.runs) detail::move_run<S, W>(step, run);
}

namespace detail {

template <class S>
double squares_of(VectorView<const S, HostSpace> all) {
  // Short runs in the element type, their sums in double: vectorised, and exact enough for any length. Squares of large
  // floats are beyond float, so a run whose sum is not finite is taken again in double.
  constexpr index_t run = 256;
  double sum = 0;
  for (index_t i = 0; i < all.size(); i += run) {
    const auto values = array(all.data + i, std::min(run, all.size() - i));
    const S squares = values.square().sum();
    sum += std::isfinite(squares) ? static_cast<double>(squares) : values.template cast<double>().square().sum();
  }
  return sum;
}

}  // namespace detail

template <class S, int W>
void sum_squares(BasicContext<S, W>&, const SumSquares<BasicContext<S, W>>& a) {
  double sum = a.mode == GradientMode::add ? a.result(0) : 0;
  for (const auto& values : a.values) sum += detail::squares_of(values);
  a.result(0) = sum;
}

template <class S, int W>
void check_finite(BasicContext<S, W>&, const CheckFinite<BasicContext<S, W>>& a) {
  if (!array(a.values.data, a.values.size()).isFinite().all()) a.sum(0) = std::numeric_limits<double>::quiet_NaN();
}

template <class S, int W>
void conclude_step(BasicContext<S, W>&, const ConcludeStep<BasicContext<S, W>>& a) {
  a.outcome(0).conclude(a.inputs(0), a.loss(0), a.gradient_squares(0));
}

}  // namespace seqrec::cpu
