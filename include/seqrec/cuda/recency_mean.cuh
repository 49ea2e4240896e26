// SPDX-License-Identifier: Apache-2.0
// Means of what came so far, weighted by a softmax of recency weights; prefix_mean.cuh calls it.
//
// The weights are the same for all histories, and what a softmax of the first 1, 2, ... R of them needs is worked out
// once. Then one warp per row and 32 columns, one lane a column: each lane makes the weight of one distance and hands
// it around. All rows that share the last weight are met as one running sum. The gradient of the weights: one warp per
// distance and slice of rows, whose sums are added in their order.
// Memory: forward reads x and its running sum R times, from the first-level cache but for the first, and writes y.
#pragma once

#include <cmath>

#include "seqrec/cuda/column_sums.cuh"
#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/gradient.cuh"
#include "seqrec/cuda/reduce.cuh"
#include "seqrec/cuda/running_sums.cuh"
#include "seqrec/ops/prefix_mean.hpp"

namespace seqrec::cuda {

/// What a row weighs for one that comes `distance` rows later.
template <class S>
struct RecencyWeights {
  using Accumulator = accumulator_of<S>;

  VectorView<const S, DeviceSpace> recency;         ///< (R)
  VectorView<Accumulator, DeviceSpace> highest;     ///< (R) of the first weights up to this one
  VectorView<Accumulator, DeviceSpace> sum_powers;  ///< (R) of exp(weight - highest) of the same

  /// Distances with a weight of their own that a row sees; the rows further back share the last weight.
  __device__ index_t own(index_t place) const { return place + 1 < recency.size() ? place + 1 : recency.size() - 1; }
  /// exp(weight - the highest that the row at `place` sees).
  __device__ Accumulator power(index_t place, index_t distance) const {
    const index_t last = recency.size() - 1, seen = place < last ? place : last;
    return std::exp(static_cast<Accumulator>(recency(distance < last ? distance : last)) - highest(seen));
  }
  /// For the row at `place` in its history; no distance is above that.
  __device__ Accumulator operator()(index_t place, index_t distance) const {
    const index_t last = recency.size() - 1;
    const Accumulator sum = place <= last
                                ? sum_powers(place)
                                : sum_powers(last) + static_cast<Accumulator>(place - last) * power(place, last);
    return power(place, distance) / sum;
  }
};

/// One warp per R: the softmax of the first r + 1 weights.
template <class S>
__global__ void recency_weights_kernel(RecencyWeights<S> weights) {
  using Accumulator = accumulator_of<S>;
  const index_t r = row_of_warp();
  if (r >= weights.recency.size()) return;
  Accumulator highest = weights.recency(0), sum = 0;
  for_columns_of_lane(r + 1,
                      [&](index_t d) { highest = Maximum{}(highest, static_cast<Accumulator>(weights.recency(d))); });
  highest = warp_max(highest);
  for_columns_of_lane(r + 1,
                      [&](index_t d) { sum += std::exp(static_cast<Accumulator>(weights.recency(d)) - highest); });
  sum = warp_sum(sum);
  if (threadIdx.x != 0) return;
  weights.highest(r) = highest;
  weights.sum_powers(r) = sum;
}

template <class S>
RecencyWeights<S> recency_weights(BasicContext<S>& context, VectorView<const S, DeviceSpace> recency) {
  using Accumulator = accumulator_of<S>;
  const RecencyWeights<S> weights{recency, context.template vector<Accumulator>(recency.size()),
                                  context.template vector<Accumulator>(recency.size())};
  launch<recency_weights_kernel<S>>(context, warp_per_row(recency.size()), weights);
  return weights;
}

/// sums_r = x_0 + ... + x_r of each history.
template <class S>
__global__ void prefix_sums_kernel(VectorView<const offset_t, DeviceSpace> offsets, MatrixView<const S, DeviceSpace> x,
                                   MatrixView<accumulator_of<S>, DeviceSpace> sums) {
  using Accumulator = accumulator_of<S>;
  running_sums<Accumulator>(
      offsets, x.columns(), WalkOrder::forward,
      [&](index_t row, index_t, index_t column) { return static_cast<Accumulator>(x(row, column)); },
      [&](index_t row, index_t, index_t column, Accumulator sum) { sums(row, column) = sum; });
}

/// sums_r = what row r and all later ones of its history owe to each row that shares the last weight with them.
template <class S>
__global__ void shared_gradient_kernel(PrefixMeanBackward<BasicContext<S>> a, RecencyWeights<S> weights,
                                       MatrixView<accumulator_of<S>, DeviceSpace> sums) {
  using Accumulator = accumulator_of<S>;
  const index_t last = a.recency.size() - 1;
  running_sums<Accumulator>(
      a.offsets, a.dy.columns(), WalkOrder::backward,
      [&](index_t row, index_t place, index_t column) {
        return place < last ? Accumulator{0} : weights(place, last) * static_cast<Accumulator>(a.dy(row, column));
      },
      [&](index_t row, index_t, index_t column, Accumulator sum) { sums(row, column) = sum; });
}

/// Rows of sums, as wide as accumulators are.
template <class S>
MatrixView<accumulator_of<S>, DeviceSpace> sums_matrix(BasicContext<S>& context, index_t rows, index_t columns) {
  return {context.template vector<accumulator_of<S>>(rows * columns).data, rows, columns};
}

/// The launch of one warp per row and 32 columns.
inline LaunchShape warp_per_row_and_columns(index_t rows, index_t columns) {
  LaunchShape shape = warp_per_row(rows);
  shape.grid.y = blocks_for(columns, warp_size);
  return shape;
}

/// The sum of weight(distance) * value(distance) for distances below `count`; lanes whose `inside` is false take part
/// in making the weights alone.
template <class Accumulator, class Weight, class Value>
__device__ Accumulator weighted_sum(index_t count, bool inside, Accumulator sum, Weight weight, Value value) {
  for (index_t begin = 0; begin < count; begin += warp_size) {
    const index_t distance = begin + threadIdx.x;
    const Accumulator of_lane = distance < count ? weight(distance) : Accumulator{0};
    for (int lane = 0; lane < warp_size && begin + lane < count; ++lane) {
      const Accumulator of_distance = __shfl_sync(all_lanes, of_lane, lane);
      if (inside) sum += of_distance * value(begin + lane);
    }
  }
  return sum;
}

template <class S>
__global__ void recency_mean_kernel(PrefixMeanForward<BasicContext<S>> a, RecencyWeights<S> weights,
                                    MatrixView<const accumulator_of<S>, DeviceSpace> sums) {
  using Accumulator = accumulator_of<S>;
  const index_t row = row_of_warp(), column = static_cast<index_t>(blockIdx.y) * warp_size + threadIdx.x;
  if (row >= a.y.rows()) return;
  const index_t place = row - a.offsets(segment_of(a.offsets, row)), own = weights.own(place);
  const bool inside = column < a.y.columns();
  Accumulator sum = 0;
  if (inside && own <= place) sum = weights(place, own) * sums(row - own, column);
  sum = weighted_sum(
      own, inside, sum, [&](index_t distance) { return weights(place, distance); },
      [&](index_t distance) { return static_cast<Accumulator>(a.x(row - distance, column)); });
  if (inside) a.y(row, column) = static_cast<S>(sum);
}

template <class S>
void recency_mean_forward(BasicContext<S>& context, const PrefixMeanForward<BasicContext<S>>& a) {
  const auto weights = recency_weights(context, a.recency);
  const auto sums = sums_matrix(context, a.x.rows(), a.x.columns());
  launch<prefix_sums_kernel<S>>(context, running_sums_shape(a.offsets, a.x.columns()), a.offsets, a.x, sums);
  const MatrixView<const accumulator_of<S>, DeviceSpace> read = sums;
  launch<recency_mean_kernel<S>>(context, warp_per_row_and_columns(a.y.rows(), a.y.columns()), a, weights, read);
}

/// dx of each row from those that come later; `sums` are shared_gradient_kernel's.
template <class S>
__global__ void recency_mean_backward_kernel(PrefixMeanBackward<BasicContext<S>> a, RecencyWeights<S> weights,
                                             MatrixView<const accumulator_of<S>, DeviceSpace> sums) {
  using Accumulator = accumulator_of<S>;
  const index_t row = row_of_warp(), column = static_cast<index_t>(blockIdx.y) * warp_size + threadIdx.x;
  if (row >= a.dy.rows()) return;
  const index_t history = segment_of(a.offsets, row), place = row - a.offsets(history);
  const index_t later = a.offsets(history + 1) - row, last = a.recency.size() - 1;  // rows from this one on
  const bool inside = column < a.dy.columns();
  Accumulator sum = 0;
  if (inside && last < later) sum = sums(row + last, column);
  sum = weighted_sum(
      last < later ? last : later, inside, sum, [&](index_t distance) { return weights(place + distance, distance); },
      [&](index_t distance) { return static_cast<Accumulator>(a.dy(row + distance, column)); });
  if (inside) leave(a.dx, row, column, static_cast<S>(sum));
}

/// sums(slice, distance) = what the slice's rows add to the gradient of the distance's weight. `prefix` are
/// prefix_sums_kernel's sums.
template <class S>
__global__ void recency_gradient_kernel(PrefixMeanBackward<BasicContext<S>> a, RecencyWeights<S> weights,
                                        MatrixView<const accumulator_of<S>, DeviceSpace> prefix,
                                        MatrixView<S, DeviceSpace> sums) {
  using Accumulator = accumulator_of<S>;
  const index_t slice = blockIdx.x, last = a.recency.size() - 1;
  const index_t distance = static_cast<index_t>(blockIdx.y) * rows_per_block + threadIdx.y;
  if (distance > last) return;
  const index_t begin = slice * rows_per_slice;
  const index_t end = begin + rows_per_slice < a.dy.rows() ? begin + rows_per_slice : a.dy.rows();
  Accumulator sum = 0;
  for (index_t first = begin; first < end; first += warp_size) {
    Accumulator weight = 0, rows = 1;  // how many rows have this weight
    if (const index_t row = first + threadIdx.x; row < end) {
      const index_t place = row - a.offsets(segment_of(a.offsets, row));
      if (distance <= place) weight = weights(place, distance);
      if (distance == last) rows = static_cast<Accumulator>(place - last + 1);
    }
    for (int lane = 0; lane < warp_size; ++lane) {
      const Accumulator of_row = __shfl_sync(all_lanes, weight, lane), count = __shfl_sync(all_lanes, rows, lane);
      if (of_row == Accumulator{0}) continue;
      const index_t row = first + lane;
      for_columns_of_lane(a.dy.columns(), [&](index_t column) {
        const Accumulator of_rows =
            distance < last ? static_cast<Accumulator>(a.x(row - distance, column)) : prefix(row - last, column);
        sum += of_row * static_cast<Accumulator>(a.dy(row, column)) *
               (of_rows - count * static_cast<Accumulator>(a.y(row, column)));
      });
    }
  }
  sum = warp_sum(sum);
  if (threadIdx.x == 0) sums(slice, distance) = static_cast<S>(sum);
}

template <class S>
void recency_mean_backward(BasicContext<S>& context, const PrefixMeanBackward<BasicContext<S>>& a) {
  using Sums = MatrixView<const accumulator_of<S>, DeviceSpace>;
  const index_t rows = a.dy.rows(), width = a.dy.columns();
  const auto weights = recency_weights(context, a.recency);
  const LaunchShape walk = running_sums_shape(a.offsets, width);
  if (a.dx) {
    const auto sums = sums_matrix(context, rows, width);
    launch<shared_gradient_kernel<S>>(context, walk, a, weights, sums);
    launch<recency_mean_backward_kernel<S>>(context, warp_per_row_and_columns(rows, width), a, weights, Sums(sums));
  }
  if (!a.drecency || rows == 0) return;
  const auto prefix = sums_matrix(context, rows, width);
  launch<prefix_sums_kernel<S>>(context, walk, a.offsets, a.x, prefix);
  const auto sums = context.matrix((rows + rows_per_slice - 1) / rows_per_slice, a.recency.size());
  const dim3 grid(blocks_for(sums.rows(), 1), blocks_across("prefix_mean recency", a.recency.size(), rows_per_block));
  launch<recency_gradient_kernel<S>>(context, {grid, dim3(warp_size, rows_per_block)}, a, weights, Sums(prefix), sums);
  add_column_sums(context, sums.rows(), MatrixValues<S>{sums}, a.drecency);
}

}  // namespace seqrec::cuda
