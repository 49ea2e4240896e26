// SPDX-License-Identifier: Apache-2.0
// Updates of parameter elements, the norm of their gradients, and what becomes of a step: none of it waits for the
// host.
//
// Updates: all runs of elements in one launch. The runs are cut into pieces in their order, which no more blocks than
// the device holds at once share, because each makes the rule of the step anew: its first thread takes powers in
// double. A piece is 1024 elements, a thread each; or, of rows of a table that stay or whose gradient is known row by
// row, eight rows or 32 of them, a warp each or for four of them. Memory: reads value, gradient and states once, writes
// value and states once; where rows without gradient stay, of those that move the gradient is read twice. Sums of
// squares: blocks sum what is a grid apart, one block sums theirs; the order depends on the sizes alone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/reduce.cuh"
#include "seqrec/cuda/row_octets.cuh"
#include "seqrec/cuda/row_sums.cuh"
#include "seqrec/ops/optimizer_step.hpp"

namespace seqrec::cuda {

/// Elements of a piece of updates, and the threads of a block.
inline constexpr int elements_per_piece = 1024, update_threads = warp_size * rows_per_block;

/// Rows of a warp where all of a table's move but few have a gradient: its lanes look for the gradients' places
/// together, and share the rows.
inline constexpr int rows_looked_up = 4;

/// Blocks that share the pieces: eight for each multiprocessor of the largest devices, which then hold all of them.
inline constexpr unsigned most_update_blocks = 8 * 132;

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

/// Whether a run's pieces are of elements, not rows.
template <class Run>
SEQREC_HOST_DEVICE bool moves_elements(const Run& run) {
  return run.moves_all && !run.rows;
}

/// Whether all rows of a run move, by gradients that are looked up.
template <class Run>
SEQREC_HOST_DEVICE bool looks_up(const Run& run) {
  return run.moves_all && run.rows;
}

/// The pieces that a run is cut into.
template <class Run>
index_t pieces_of(const Run& run) {
  if (moves_elements(run)) return blocks_for(run.values.size(), elements_per_piece);
  if (!run.gradients) return 0;  // no row has one
  const index_t rows = run.values.size() / run.row_width;
  if (looks_up(run)) return blocks_for(rows, rows_per_block * rows_looked_up);
  return blocks_for(run.rows ? run.rows.size() : rows, rows_per_block);
}

/// Bytes of a row's elements that may be read at a time: 16 or 8 where its values, gradients and states begin at
/// multiples of that, and hold a multiple.
template <class Run, class Master>
__device__ int alignment_of_row(const Run& run, index_t row, const Master* gradient) {
  const auto address = [](const Master* p) { return reinterpret_cast<std::uintptr_t>(p); };
  std::uintptr_t bits = static_cast<std::uintptr_t>(run.row_width) * sizeof(Master) | address(gradient) |
                        address(run.values.data + row * run.row_width);
  for (index_t state = 0; state < run.states.size(); ++state)
    bits |= address(run.states[state].data + row * run.row_width);
  return bits % 16 == 0 ? 16 : bits % 8 == 0 ? 8 : static_cast<int>(sizeof(Master));
}

/// Where the pieces of each run begin, and those of the last end.
using FirstPieces = FixedArray<unsigned, most_runs + 1>;

template <class S, class Update>
__global__ void optimizer_step_kernel(OptimizerStep<BasicContext<S>, Update> a, FirstPieces first_pieces) {
  using Master = typename BasicContext<S>::Master;
  constexpr std::make_integer_sequence<index_t, Update::states> states{};
  __shared__ shared_array<RuleOf<Update>, 1> rule;
  if (!a.outcome(0).is_good()) return;
  make_rule(rule[0], a.update, a.inputs(0));
  const auto scale = static_cast<Master>(a.clips ? a.outcome(0).gradient_scale : 1.0);

  const auto move_elements = [&](const auto& run, index_t piece) {
    const index_t first = piece * elements_per_piece, size = run.values.size();
    const index_t end = first + elements_per_piece < size ? first + elements_per_piece : size;
    for (index_t i = first + threadIdx.y * warp_size + threadIdx.x; i < end; i += update_threads)
      move_element(rule[0], run.values(i), run.gradients ? run.gradients(i) * scale : Master{0},
                   states_at(run.states, i), states);
  };
  const auto move_row = [&](const auto& run, index_t row, const Master* gradient) {
    for_columns_of_lane(run.row_width, [&](index_t column) {
      const index_t element = row * run.row_width + column;
      move_element(rule[0], run.values(element), gradient == nullptr ? Master{0} : gradient[column] * scale,
                   states_at(run.states, element), states);
    });
  };
  /// The same of eight columns a lane.
  const auto move_octets = [&](const auto& run, index_t row, const Master* gradient) {
    const index_t width = run.row_width;
    const OctetPlace at(octets_of_row(width));
    const int alignment = alignment_of_row(run, row, gradient);
    for_octets_of_lane(at, width, [&](index_t column, int count) {
      const index_t element = row * width + column;
      auto value = Octet<Master>::load(run.values.data + element, count, alignment);
      Octet<Master> of_gradient;
      FixedArray<Octet<Master>, Update::states> of_states;
      if (gradient != nullptr) of_gradient = Octet<Master>::load(gradient + column, count, alignment);
      for (index_t state = 0; state < run.states.size(); ++state)
        of_states[state] = Octet<Master>::load(run.states[state].data + element, count, alignment);
      SEQREC_CUDA_UNROLL
      for (int k = 0; k < octet; ++k) {
        FixedArray<Master*, Update::states> at_states;
        for (index_t state = 0; state < at_states.size(); ++state) at_states[state] = &of_states[state][k];
        move_element(rule[0], value[k], of_gradient[k] * scale, at_states, states);
      }
      value.store(run.values.data + element, count, alignment);
      for (index_t state = 0; state < run.states.size(); ++state)
        of_states[state].store(run.states[state].data + element, count, alignment);
    });
  };
  const index_t pieces = first_pieces[most_runs];
  const auto end = static_cast<unsigned>(pieces * (blockIdx.x + index_t{1}) / gridDim.x);
  for (auto piece = static_cast<unsigned>(pieces * blockIdx.x / gridDim.x); piece < end; ++piece) {
    index_t number = 0;
    while (piece >= first_pieces[number + 1]) ++number;
    const auto& run = a.runs[number];
    const index_t of_run = piece - first_pieces[number], width = run.row_width;
    if (moves_elements(run)) {
      move_elements(run, of_run);
      continue;
    }
    const index_t i = of_run * rows_per_block + threadIdx.y, rows = run.values.size() / width;
    if (looks_up(run)) {
      // The rows with gradients are ascending, so those of the warp's rows lie side by side.
      const index_t first = i * rows_looked_up, lane = static_cast<index_t>(threadIdx.x);
      const index_t place = rows_below(run.rows, run.first_row + first, warp_size);
      const index_t near = lane < rows_looked_up && place + lane < run.rows.size()
                               ? static_cast<index_t>(run.rows(place + lane)) - run.first_row - first
                               : index_t{-1};
      const int lanes = octets_of_row(width);
      const auto group = static_cast<int>(threadIdx.x) / lanes;
      for (int begin = 0; begin < rows_looked_up; begin += warp_size / lanes) {
        const int mine = begin + group;
        unsigned found = 0;  // bit k: the place behind `place` by k is the one
        for (int j = 0; j < rows_looked_up; ++j) {
          const unsigned of_row = __ballot_sync(all_lanes, near == j ? 1 : 0);
          if (j == mine) found = of_row;
        }
        if (mine >= rows_looked_up || first + mine >= rows) continue;
        move_octets(run, first + mine,
                    found == 0 ? nullptr : run.gradients.data + (place + __popc((found & (~found + 1)) - 1)) * width);
      }
    } else if (i < (run.rows ? run.rows.size() : rows)) {
      const Master* const gradient = run.gradients.data + i * width;
      if (has_gradient(gradient, width)) move_row(run, run.rows ? run.rows(i) - run.first_row : i, gradient);
    }
  }
}

template <class S, class Update>
void optimizer_step(BasicContext<S>& context, const OptimizerStep<BasicContext<S>, Update>& a) {
  FirstPieces first_pieces;
  index_t pieces = 0;
  for (index_t i = 0; i < most_runs; ++i) {
    if (i < a.runs.size()) pieces += pieces_of(a.runs[i]);
    first_pieces[i + 1] = blocks_for(pieces, 1);
  }
  const LaunchShape shape{dim3(std::min(first_pieces[most_runs], most_update_blocks)), dim3(warp_size, rows_per_block)};
  launch<optimizer_step_kernel<S, Update>>(context, shape, a, first_pieces);
}

/// partial(block) = the sum of f(value) over what is the block's of each run.
template <class Master, class Function>
__global__ void sum_values_kernel(FixedList<VectorView<const Master, DeviceSpace>, most_runs> runs, Function f,
                                  VectorView<double, DeviceSpace> partial) {
  double sum = 0;
  const index_t step = static_cast<index_t>(gridDim.x) * square_threads;
  const index_t first = static_cast<index_t>(blockIdx.x) * square_threads + threadIdx.x;
  for (index_t run = 0; run < runs.size(); ++run)
    for (index_t i = first; i < runs[run].size(); i += step) sum += f(static_cast<double>(runs[run](i)));
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

/// result = (result +) the sum of f over all values, in double and in an order that depends on their numbers alone.
template <class S, class Function>
void sum_values(BasicContext<S>& context,
                const FixedList<VectorView<const typename BasicContext<S>::Master, DeviceSpace>, most_runs>& runs,
                Function f, VectorView<double, DeviceSpace> result, bool adds) {
  index_t size = 0;
  for (const auto& run : runs) size = std::max(size, run.size());
  const auto blocks = std::min<index_t>(most_square_blocks, blocks_for(size, square_threads));
  const auto partial = context.template vector<double>(blocks);
  launch<sum_values_kernel<typename BasicContext<S>::Master, Function>>(
      context, {dim3(static_cast<unsigned>(blocks)), dim3(square_threads)}, runs, f, partial);
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
  detail::sum_values(context, {a.values}, detail::NotFinite{}, a.sum, true);
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
