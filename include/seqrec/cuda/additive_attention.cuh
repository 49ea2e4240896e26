// SPDX-License-Identifier: Apache-2.0
// Causal additive attention (Bahdanau et al. 2015; NARM, Li et al. 2017, arXiv:1711.04725), forward and backward.
//
// One warp per row meets the rows before it (keys' gradients: those after it), 32 at a time, through tiles in shared
// memory that eight rows share (additive_tile.cuh). No pair is stored: backward makes the weights again, from the
// logarithm of each row's sum that forward keeps of a softmax. Each gradient is a sum that one warp takes in the order
// of rows. Memory: q, k and x of all earlier rows once per eight rows, mostly from the second-level cache; y once.
// Limits: more than 256 units or columns take further blocks, which make the weights again.
#pragma once

#include <algorithm>
#include <cmath>

#include "seqrec/cuda/additive_tile.cuh"
#include "seqrec/cuda/column_sums.cuh"
#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/gradient.cuh"
#include "seqrec/cuda/reduce.cuh"
#include "seqrec/ops/additive_attention.hpp"

namespace seqrec::cuda {

/// The logarithm of the sum of each row's softmax.
template <class S>
void additive_attention_saved_size(BasicContext<S>&, const AdditiveAttentionSavedSize<BasicContext<S>>& a) {
  *a.size = a.rows;
}

/// A block's tiles, in its shared memory.
template <class S>
__device__ AdditiveTile<S> additive_tile() {
  using A = accumulator_of<S>;
  __shared__ shared_array<A, rows_per_block * additive_columns> mine;
  __shared__ shared_array<A, additive_stride * additive_columns> others;
  return {mine, others, row_of_warp(), false};
}

template <class S>
__global__ void additive_attention_kernel(AdditiveAttentionForward<BasicContext<S>> a) {
  using A = accumulator_of<S>;
  const AdditiveSquash<S> squash{a.squash};
  const index_t begin = blockIdx.y * additive_block_columns, row = row_of_warp();
  A sums[additive_lane_sums] = {}, highest = -infinity<A>, total = 0;
  for_additive_tiles(additive_tile<S>(), a.offsets, a.x.rows(), true, [&](const AdditiveTile<S>& tile) {
    const A score = tile.score(squash, a.queries, a.keys, a.weight);
    if (!tile.takes_part) return;
    const bool seen = tile.other() <= row;
    A weight = seen ? score : A(0);
    if (a.softmax) {
      const A higher = Maximum{}(highest, warp_max(seen ? score : -infinity<A>));
      const A scale = std::exp(highest - higher);
      weight = seen ? std::exp(score - higher) : A(0);
      total = total * scale + warp_sum(weight);
      for (A& sum : sums) sum *= scale;
      highest = higher;
    }
    tile.add_rows(a.x, begin, weight, sums);
  });
  if (row >= a.x.rows()) return;
  for (int n = 0; n < additive_lane_sums; ++n)
    if (const index_t column = begin + threadIdx.x + n * warp_size; column < a.y.columns())
      a.y(row, column) = static_cast<S>(a.softmax ? sums[n] / total : sums[n]);
  if (a.softmax && blockIdx.y == 0 && threadIdx.x == 0) a.saved(row) = static_cast<S>(highest + std::log(total));
}

template <class S>
void additive_attention_forward(BasicContext<S>& context, const AdditiveAttentionForward<BasicContext<S>>& a) {
  launch<additive_attention_kernel<S>>(context, additive_shape(a.x.rows(), a.x.columns()), a);
}

/// Whether the block has a row with a gradient: where only the last rows of histories have targets, most have not.
template <class S>
__device__ bool any_row_gives(MatrixView<const S, DeviceSpace> dy) {
  bool gives = false;
  if (const index_t row = row_of_warp(); row < dy.rows())
    for_columns_of_lane(dy.columns(), [&](index_t column) { gives |= dy(row, column) != S{0}; });
  return __syncthreads_or(gives ? 1 : 0) != 0;
}

/// means_t = sum_j a_tj (dy_t . x_j): what a softmax takes off the gradient of each of its weights.
template <class S>
__global__ void additive_means_kernel(AdditiveAttentionBackward<BasicContext<S>> a, VectorView<S, DeviceSpace> means) {
  using A = accumulator_of<S>;
  const AdditiveSquash<S> squash{a.squash};
  const index_t row = row_of_warp();
  A mean = 0;
  if (any_row_gives<S>(a.dy))
    for_additive_tiles(additive_tile<S>(), a.offsets, a.x.rows(), true, [&](const AdditiveTile<S>& tile) {
      const A score = tile.score(squash, a.queries, a.keys, a.weight), of_weight = tile.dot(a.dy, a.x);
      if (!tile.takes_part) return;
      const bool seen = tile.other() <= row;
      mean += warp_sum(seen ? std::exp(score - static_cast<A>(a.saved(row))) * of_weight : A(0));
    });
  if (row < a.x.rows() && threadIdx.x == 0) means(row) = static_cast<S>(mean);
}

/// @param dweights (N, F) left: what each row adds to the gradient of the weight; null if nobody wants it
template <class S>
__global__ void additive_queries_backward_kernel(AdditiveAttentionBackward<BasicContext<S>> a,
                                                 VectorView<const S, DeviceSpace> means,
                                                 MatrixView<S, DeviceSpace> dweights) {
  using A = accumulator_of<S>;
  const AdditiveSquash<S> squash{a.squash};
  const index_t begin = blockIdx.y * additive_block_columns, row = row_of_warp();
  A slopes[additive_lane_sums] = {}, values[additive_lane_sums] = {};
  if (any_row_gives<S>(a.dy))
    for_additive_tiles(additive_tile<S>(), a.offsets, a.x.rows(), true, [&](const AdditiveTile<S>& tile) {
      const bool seen = tile.takes_part && tile.other() <= row;
      A of_score = tile.dot(a.dy, a.x);
      if (a.softmax) {
        const A score = tile.score(squash, a.queries, a.keys, a.weight);
        if (seen) of_score = std::exp(score - static_cast<A>(a.saved(row))) * (of_score - static_cast<A>(means(row)));
      }
      tile.add_slopes(squash, a.queries, a.keys, begin, seen ? of_score : A(0), slopes, values);
    });
  if (row >= a.x.rows()) return;
  for (int n = 0; n < additive_lane_sums; ++n) {
    const index_t unit = begin + threadIdx.x + n * warp_size;
    if (unit >= a.weight.size()) continue;
    leave(a.dqueries, row, unit, static_cast<S>(static_cast<A>(a.weight(unit)) * slopes[n]));
    if (dweights) dweights(row, unit) = static_cast<S>(values[n]);
  }
}

template <class S>
__global__ void additive_keys_backward_kernel(AdditiveAttentionBackward<BasicContext<S>> a,
                                              VectorView<const S, DeviceSpace> means) {
  using A = accumulator_of<S>;
  const AdditiveSquash<S> squash{a.squash};
  const index_t begin = blockIdx.y * additive_block_columns, row = row_of_warp();
  A slopes[additive_lane_sums] = {}, values[additive_lane_sums] = {}, dx[additive_lane_sums] = {};
  for_additive_tiles(additive_tile<S>(), a.offsets, a.x.rows(), false, [&](const AdditiveTile<S>& tile) {
    const index_t other = tile.other();
    const bool seen = tile.takes_part && other >= row && other < tile.end;
    A weight = 0;
    if (a.dx.view || a.softmax) {
      const A score = tile.score(squash, a.keys, a.queries, a.weight);
      if (seen) weight = a.softmax ? std::exp(score - static_cast<A>(a.saved(other))) : score;
    }
    if (a.dx.view && tile.takes_part) tile.add_rows(a.dy, begin, weight, dx);
    if (!a.dkeys.view) return;
    A of_score = tile.dot(a.x, a.dy);
    if (a.softmax && seen) of_score = weight * (of_score - static_cast<A>(means(other)));
    tile.add_slopes(squash, a.keys, a.queries, begin, seen ? of_score : A(0), slopes, values);
  });
  if (row >= a.x.rows()) return;
  for (int n = 0; n < additive_lane_sums; ++n) {
    const index_t column = begin + threadIdx.x + n * warp_size;
    if (column < a.x.columns()) leave(a.dx, row, column, static_cast<S>(dx[n]));
    if (column < a.weight.size())
      leave(a.dkeys, row, column, static_cast<S>(static_cast<A>(a.weight(column)) * slopes[n]));
  }
}

template <class S>
void additive_attention_backward(BasicContext<S>& context, const AdditiveAttentionBackward<BasicContext<S>>& a) {
  const index_t rows = a.x.rows(), units = a.weight.size();
  VectorView<S, DeviceSpace> means;
  if (a.softmax) {
    means = context.vector(rows);
    launch<additive_means_kernel<S>>(context, warp_per_row(rows), a, means);
  }
  const VectorView<const S, DeviceSpace> means_read = means;
  if (a.dqueries || a.dweight) {
    const auto dweights = a.dweight ? context.matrix(rows, units) : MatrixView<S, DeviceSpace>{};
    launch<additive_queries_backward_kernel<S>>(context, additive_shape(rows, units), a, means_read, dweights);
    if (a.dweight) add_column_sums(context, rows, MatrixValues<S>{dweights}, a.dweight);
  }
  if (a.dkeys || a.dx)
    launch<additive_keys_backward_kernel<S>>(context, additive_shape(rows, std::max(units, a.x.columns())), a,
                                             means_read);
}

}  // namespace seqrec::cuda
