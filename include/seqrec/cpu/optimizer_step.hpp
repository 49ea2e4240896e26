// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/ops/optimizer_step.hpp"

namespace seqrec::cpu {

namespace detail {

/// The elements first .. first+size-1.
template <class S, int W, class Update>
void step_elements(const OptimizerStep<BasicContext<S, W>, Update>& a, index_t first, index_t size) {
  // The rule is written for one number; here the "number" is a short array, which makes it a vector instruction.
  constexpr index_t lanes = 16;
  using Pack = Eigen::Array<S, lanes, 1>;
  const StepInputs& inputs = a.inputs(0);
  const auto rule = a.update.rule(inputs.learning_rate, inputs.update);
  const auto scale = static_cast<S>(a.clips ? a.outcome(0).gradient_scale : 1.0);
  const auto apply = [&]<std::size_t... State>(std::index_sequence<State...>) {
    for (index_t i = first; i < first + size; i += lanes) {
      const index_t count = std::min(lanes, first + size - i);
      const auto load = [&](const S* from) {
        Pack pack = Pack::Zero();
        if (count == lanes)
          pack = Eigen::Map<const Pack>(from + i);
        else
          pack.head(count) = array(from + i, count);
        return pack;
      };
      const auto store = [&](S* to, const Pack& pack) {
        if (count == lanes)
          Eigen::Map<Pack>(to + i) = pack;
        else
          array(to + i, count) = pack.head(count);
      };
      std::array<Pack, sizeof...(State)> states{load(a.states[State].data)...};
      const Pack gradient = load(a.gradients.data) * scale;
      const Pack value = rule.template operator()<S>(load(a.values.data), gradient, states[State]...);
      store(a.values.data, value);
      (store(a.states[State].data, states[State]), ...);
    }
  };
  apply(std::make_index_sequence<static_cast<std::size_t>(Update::states)>{});
}

}  // namespace detail

template <class S, int W, class Update>
void optimizer_step(BasicContext<S, W>&, const OptimizerStep<BasicContext<S, W>, Update>& a) {
  if (!a.outcome(0).is_good()) return;
  const index_t width = a.row_width, size = a.values.size();
  if (width == 0) return detail::step_elements(a, 0, size);
  for (index_t row = 0; row < size; row += width)
    if ((array(a.gradients.data + row, width) != S(0)).any()) detail::step_elements(a, row, width);
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
  const double sum = detail::squares_of(a.values);
  a.result(0) = a.mode == GradientMode::add ? a.result(0) + sum : sum;
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
