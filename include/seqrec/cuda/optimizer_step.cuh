// SPDX-License-Identifier: Apache-2.0
// Updates of parameter elements, the norm of their gradients, and what becomes of a step: none of it waits for the
// host.
//
// Updates: one thread an element, or, of a table's rows, one warp a row, whose lanes first look for a gradient that is
// not zero. The rule of a step is made by the first thread of each block, because it takes powers in double.
// Memory: reads value, gradient and states once, writes value and states once; rows read their gradient twice.
// Sums of squares: blocks sum what is a grid apart, one block sums theirs; the order depends on the size alone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/reduce.cuh"
#include "seqrec/cuda/rows.cuh"
#include "seqrec/ops/optimizer_step.hpp"

namespace seqrec::cuda {

/// Elements of a block of updates, and its threads: what makes the rule is then a small part of the block's work.
inline constexpr int elements_per_block = 1024, update_threads = 256;

/// The most blocks of a sum of squares, so that one block sums theirs; and the threads of either.
inline constexpr int most_square_blocks = 256, square_threads = 256;

/// An update's rule: a small struct of numbers.
template <class Update>
using RuleOf = decltype(std::declval<const Update&>().rule(0.0, std::uint64_t{1}));

/// Makes the rule of a step, once for the block; all of its threads must take part.   @param rule  in shared memory
template <class Update>
__device__ void make_rule(RuleOf<Update>& rule, const Update& update, const StepInputs& inputs) {
  if (threadIdx.x == 0 && threadIdx.y == 0) rule = update.rule(inputs.learning_rate, inputs.update);
  __syncthreads();
}

/// Moves one element.   @param states  where its states lie
template <class S, class Rule, class Value, index_t... State>
__device__ void move_element(const Rule& rule, Value& value, S gradient,
                             const FixedArray<Value*, static_cast<int>(sizeof...(State))>& states,
                             std::integer_sequence<index_t, State...>) {
  value = rule.template operator()<Value>(value, static_cast<Value>(gradient), *states[State]...);
}

/// Where the states of element i lie.
template <class View, int Count>
__device__ auto states_at(const FixedArray<View, Count>& states, index_t i) {
  FixedArray<decltype(View::data), Count> at;
  for (index_t state = 0; state < at.size(); ++state) at[state] = states[state].data + i;
  return at;
}

/// Whether a row has a gradient that is not zero throughout; the same in all lanes.
template <class Master>
__device__ bool has_gradient(const Master* gradient, index_t width) {
  bool here = false;
  for_columns_of_lane(width, [&](index_t column) { here |= gradient[column] != Master{0}; });
  return __any_sync(all_lanes, here) != 0;
}

template <class S, class Update>
__global__ void optimizer_step_kernel(OptimizerStep<BasicContext<S>, Update> a) {
  using Master = typename BasicContext<S>::Master;
  constexpr std::make_integer_sequence<index_t, Update::states> states{};
  __shared__ shared_array<RuleOf<Update>, 1> rule;
  if (!a.outcome(0).is_good()) return;
  make_rule(rule[0], a.update, a.inputs(0));
  const auto scale = static_cast<Master>(a.clips ? a.outcome(0).gradient_scale : 1.0);
  const index_t first = static_cast<index_t>(blockIdx.x) * elements_per_block, size = a.values.size();
  const index_t end = first + elements_per_block < size ? first + elements_per_block : size;
  for (index_t i = first + threadIdx.x; i < end; i += update_threads)
    move_element(rule[0], a.values(i), a.gradients ? a.gradients(i) * scale : Master{0}, states_at(a.states, i),
                 states);
}

/// One warp per row of a table.
template <class S, class Update>
__global__ void optimizer_step_of_rows_kernel(OptimizerStep<BasicContext<S>, Update> a) {
  using Master = typename BasicContext<S>::Master;
  constexpr std::make_integer_sequence<index_t, Update::states> states{};
  __shared__ shared_array<RuleOf<Update>, 1> rule;
  if (!a.outcome(0).is_good()) return;
  make_rule(rule[0], a.update, a.inputs(0));
  const auto scale = static_cast<Master>(a.clips ? a.outcome(0).gradient_scale : 1.0);
  const index_t row = row_of_warp();
  if (row >= a.values.size() / a.row_width) return;
  const index_t first = row * a.row_width;
  if (!has_gradient(a.gradients.data + first, a.row_width)) return;
  for_columns_of_lane(a.row_width, [&](index_t column) {
    const index_t i = first + column;
    move_element(rule[0], a.values(i), a.gradients(i) * scale, states_at(a.states, i), states);
  });
}

template <class S, class Update>
void optimizer_step(BasicContext<S>& context, const OptimizerStep<BasicContext<S>, Update>& a) {
  if (a.row_width == 0) {
    const LaunchShape shape{dim3(blocks_for(a.values.size(), elements_per_block)), dim3(update_threads)};
    launch<optimizer_step_kernel<S, Update>>(context, shape, a);
  } else if (a.gradients) {  // without any, no row has one
    launch<optimizer_step_of_rows_kernel<S, Update>>(context, warp_per_row(a.values.size() / a.row_width), a);
  }
}

/// partial(block) = the sum of f(value) over what is the block's.
template <class Master, class Function>
__global__ void sum_values_kernel(VectorView<const Master, DeviceSpace> values, Function f,
                                  VectorView<double, DeviceSpace> partial) {
  double sum = 0;
  const index_t step = static_cast<index_t>(gridDim.x) * square_threads;
  for (index_t i = static_cast<index_t>(blockIdx.x) * square_threads + threadIdx.x; i < values.size(); i += step)
    sum += f(static_cast<double>(values(i)));
  sum = block_sum(sum);
  if (threadIdx.x == 0) partial(blockIdx.x) = sum;
}

/// result = (result +) the sum of the partial ones, by one block.
template <class Scalar>
__global__ void sum_partial_kernel(VectorView<const double, DeviceSpace> partial,
                                   VectorView<Scalar, DeviceSpace> result, bool adds) {
  double sum = static_cast<index_t>(threadIdx.x) < partial.size() ? partial(threadIdx.x) : 0;
  sum = block_sum(sum);
  if (threadIdx.x == 0) result(0) = adds ? result(0) + sum : sum;
}

namespace detail {

struct Square {
  __device__ double operator()(double x) const { return x * x; }
};
/// 0, or NaN.
struct NotFinite {
  __device__ double operator()(double x) const { return x - x; }
};

/// result = (result +) the sum of f over all values, in double and in an order that depends on their number alone.
template <class S, class Function>
void sum_values(BasicContext<S>& context, VectorView<const typename BasicContext<S>::Master, DeviceSpace> values,
                Function f, VectorView<double, DeviceSpace> result, bool adds) {
  const auto blocks = std::min<index_t>(most_square_blocks, blocks_for(values.size(), square_threads));
  const auto partial = context.template vector<double>(blocks);
  launch<sum_values_kernel<typename BasicContext<S>::Master, Function>>(
      context, {dim3(static_cast<unsigned>(blocks)), dim3(square_threads)}, values, f, partial);
  launch<sum_partial_kernel<double>>(context, {dim3(1), dim3(most_square_blocks)},
                                     VectorView<const double, DeviceSpace>(partial), result, adds);
}

}  // namespace detail

template <class S>
void sum_squares(BasicContext<S>& context, const SumSquares<BasicContext<S>>& a) {
  detail::sum_values(context, a.values, detail::Square{}, a.result, a.mode == GradientMode::add);
}

template <class S>
void check_finite(BasicContext<S>& context, const CheckFinite<BasicContext<S>>& a) {
  detail::sum_values(context, a.values, detail::NotFinite{}, a.sum, true);
}

template <class S>
__global__ void conclude_step_kernel(ConcludeStep<BasicContext<S>> a) {
  a.outcome(0).conclude(a.inputs(0), a.loss(0), a.gradient_squares(0));
}

template <class S>
void conclude_step(BasicContext<S>& context, const ConcludeStep<BasicContext<S>>& a) {
  launch<conclude_step_kernel<S>>(context, {dim3(1), dim3(1)}, a);
}

}  // namespace seqrec::cuda
