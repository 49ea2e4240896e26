// SPDX-License-Identifier: Apache-2.0
// Updates of parameter elements, the norm of their gradients, and what becomes of a step: none of it waits for the
// host.
//
// Updates: all runs of elements in one launch. The runs are cut into pieces in their order, which a bounded number of
// blocks share, because each makes the rule of the step anew: its first thread takes powers in double. A piece is 2048
// elements, eight a thread; or, of rows of a table that stay or whose gradient is known row by row, eight rows or 32 of
// them, a warp each or for four of them. Memory: reads value, gradient and states once, writes value and states once;
// where rows without gradient stay, of those that move the gradient is read twice. Sums of squares: blocks sum what is
// a grid apart, one block sums theirs; the order depends on the sizes alone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/moved_elements.cuh"
#include "seqrec/cuda/reduce.cuh"
#include "seqrec/cuda/row_sums.cuh"
#include "seqrec/ops/optimizer_step.hpp"

namespace seqrec::cuda {

/// Threads of a block.
inline constexpr int update_threads = warp_size * rows_per_block;

/// Rows of a warp where all of a table's move but few have a gradient: its lanes look for the gradients' places
/// together, and share the rows.
inline constexpr int rows_looked_up = 4;

/// Blocks that share the pieces: enough for the largest devices, so few that making the rule is a small part of theirs.
inline constexpr unsigned most_update_blocks = 8 * 132;

/// The most blocks of a sum of squares, so that one block sums theirs; and the threads of either.
inline constexpr int most_square_blocks = 256, square_threads = 256;
/// Values that a thread reads before it adds the first.
inline constexpr int squared_at_once = 8;

/// Elements of a piece.
inline constexpr int elements_per_piece = moved_at_once * update_threads;

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

/// Where the pieces of each run begin, and those of the last end.
using FirstPieces = FixedArray<unsigned, most_runs + 1>;

template <class S, class Update>
__global__ void __launch_bounds__(update_threads, 2)
    optimizer_step_kernel(OptimizerStep<BasicContext<S>, Update> a, FirstPieces first_pieces) {
  using Master = typename BasicContext<S>::Master;
  constexpr std::make_integer_sequence<index_t, Update::states> states{};
  __shared__ shared_array<RuleOf<Update>, 1> rule;
  if (!a.outcome(0).is_good()) return;
  make_rule(rule[0], a.update, a.inputs(0));
  const auto scale = static_cast<Master>(a.clips ? a.outcome(0).gradient_scale : 1.0);

  const auto move_row = [&](const auto& run, index_t row, const Master* gradients) {
    for (index_t column = threadIdx.x; column < run.row_width; column += moved_at_once * warp_size) {
      const index_t left = (run.row_width - column + warp_size - 1) / warp_size;
      move_elements<Master>(run, rule[0], scale, row * run.row_width + column,
                            gradients == nullptr ? nullptr : gradients + column, warp_size, left, states);
    }
  };
  const index_t pieces = first_pieces[most_runs];
  const auto end = static_cast<unsigned>(pieces * (blockIdx.x + index_t{1}) / gridDim.x);
  for (auto piece = static_cast<unsigned>(pieces * blockIdx.x / gridDim.x); piece < end; ++piece) {
    index_t number = 0;
    while (piece >= first_pieces[number + 1]) ++number;
    const auto& run = a.runs[number];
    const index_t of_run = piece - first_pieces[number], width = run.row_width;
    if (moves_elements(run)) {
      const index_t first = of_run * elements_per_piece + threadIdx.y * warp_size + threadIdx.x;
      const index_t left = (run.values.size() - first + update_threads - 1) / update_threads;
      if (left > 0)
        move_elements<Master>(run, rule[0], scale, first, run.gradients ? run.gradients.data + first : nullptr,
                              update_threads, left, states);
      continue;
    }
    const index_t i = of_run * rows_per_block + threadIdx.y, rows = run.values.size() / width;
    if (looks_up(run)) {
      // The rows with gradients are ascending, so those of the warp's rows lie side by side.
      const index_t first = i * rows_looked_up, lane = static_cast<index_t>(threadIdx.x);
      const PlacesBefore before(first, run.rows.size(), rows);
      const index_t place = rows_below(run.rows, run.first_row + first, before.fewest, before.most, warp_size);
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
        move_octets(run, rule[0], scale, first + mine,
                    found == 0 ? nullptr : run.gradients.data + (place + __popc((found & (~found + 1)) - 1)) * width,
                    states);
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

/// partial(block) = the sum of f(value) over what is the block's of each run.   @param f  f(0) is 0
template <class Master, class Function>
__global__ void sum_values_kernel(FixedList<VectorView<const Master, DeviceSpace>, most_runs> runs, Function f,
                                  VectorView<double, DeviceSpace> partial) {
  double sum = 0;
  const index_t step = static_cast<index_t>(gridDim.x) * square_threads;
  const index_t first = static_cast<index_t>(blockIdx.x) * square_threads + threadIdx.x;
  for (index_t run = 0; run < runs.size(); ++run) {
    const VectorView<const Master, DeviceSpace> values = runs[run];
    for (index_t i = first; i < values.size(); i += squared_at_once * step) {
      Master read[squared_at_once];
      SEQREC_CUDA_UNROLL
      for (int k = 0; k < squared_at_once; ++k) {
        const index_t at = i + k * step;
        read[k] = at < values.size() ? values(at) : Master{0};  // which adds nothing
      }
      SEQREC_CUDA_UNROLL
      for (int k = 0; k < squared_at_once; ++k) sum += f(static_cast<double>(read[k]));
    }
  }
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
