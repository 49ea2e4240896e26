// SPDX-License-Identifier: Apache-2.0
// Sums of category vectors: what is known of users or items, and the gradient of the categories' table.
//
// Forward: one warp per row, one lane a column. Backward: one warp per category, 32 columns and slice of the owners;
// its lanes look through 32 owners at a time for the category and then add up what those have, owner by owner. Slices
// are added in their order, so the sum is the same in every run. Memory: forward reads the categories' rows of the
// table for each row and writes the row. Backward reads the owners' lists once for each category, and dy once for each
// category that an owner has: it is made for tables of some hundred categories, not for one of items.
#pragma once

#include <algorithm>

#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/rows.cuh"
#include "seqrec/cuda/segments.cuh"
#include "seqrec/cuda/slice_sums.cuh"
#include "seqrec/ops/embedding_bag.hpp"

namespace seqrec::cuda {

/// Owners of a slice, at least: 32 rounds of a warp. And slices of all categories together, at most, which bounds the
/// sums of slices: 8192 warps fill a GPU four times.
inline constexpr index_t owners_per_slice = 1024;
inline constexpr index_t most_slices = 8192;

template <class S>
__global__ void embedding_bag_kernel(EmbeddingBagForward<BasicContext<S>> a) {
  using Accumulator = accumulator_of<S>;
  const index_t row = row_of_warp();
  if (row >= a.y.rows()) return;
  const index_t owner = a.owners(a.repeats ? segment_of(a.repeats, row) : row);
  const index_t first = a.categories.offsets(owner), end = a.categories.offsets(owner + 1);
  for_columns_of_lane(a.y.columns(), [&](index_t column) {
    Accumulator sum = 0;
    for (index_t t = first; t < end; ++t) sum += static_cast<Accumulator>(a.table(a.categories.values(t), column));
    a.y(row, column) = static_cast<S>(sum);
  });
}

template <class S>
void embedding_bag_forward(BasicContext<S>& context, const EmbeddingBagForward<BasicContext<S>>& a) {
  launch<embedding_bag_kernel<S>>(context, warp_per_row(a.y.rows()), a);
}

/// sums_i = the sum of dy over the rows of owner i.
template <class S>
__global__ void owner_gradient_kernel(VectorView<const offset_t, DeviceSpace> repeats,
                                      MatrixView<const S, DeviceSpace> dy, MatrixView<S, DeviceSpace> sums) {
  using Accumulator = accumulator_of<S>;
  const index_t i = row_of_warp();
  if (i >= sums.rows()) return;
  const index_t first = repeats(i), end = repeats(i + 1);
  for_columns_of_lane(dy.columns(), [&](index_t column) {
    Accumulator sum = 0;
    for (index_t row = first; row < end; ++row) sum += static_cast<Accumulator>(dy(row, column));
    sums(i, column) = static_cast<S>(sum);
  });
}

/// sums(slice T + t) = the sum of dy over the slice's owners, times how often each has category t. A row of dy is an
/// owner's.
template <class S>
__global__ void category_gradient_kernel(EmbeddingBagBackward<BasicContext<S>> a, MatrixView<const S, DeviceSpace> dy,
                                         index_t slice_owners, MatrixView<S, DeviceSpace> sums) {
  using Accumulator = accumulator_of<S>;
  const index_t target = row_of_warp(), categories = a.dtable.rows();
  if (target >= sums.rows()) return;
  const index_t category = target % categories, begin = target / categories * slice_owners;
  const index_t end = begin + slice_owners < dy.rows() ? begin + slice_owners : dy.rows();
  const index_t column = static_cast<index_t>(blockIdx.y) * warp_size + threadIdx.x;
  Accumulator sum = 0;
  for (index_t first = begin; first < end; first += warp_size) {
    int times = 0;
    if (const index_t i = first + threadIdx.x; i < end) {
      const index_t owner = a.owners(i), last = a.categories.offsets(owner + 1);
      for (index_t t = a.categories.offsets(owner); t < last; ++t) times += a.categories.values(t) == category ? 1 : 0;
    }
    const unsigned with = __ballot_sync(all_lanes, times);
    for (int lane = 0; lane < warp_size; ++lane) {
      if ((with >> lane & 1u) == 0) continue;
      const int of_owner = __shfl_sync(all_lanes, times, lane);
      if (column < dy.columns())
        sum += static_cast<Accumulator>(of_owner) * static_cast<Accumulator>(dy(first + lane, column));
    }
  }
  if (column < dy.columns()) sums(target, column) = static_cast<S>(sum);
}

template <class S>
void embedding_bag_backward(BasicContext<S>& context, const EmbeddingBagBackward<BasicContext<S>>& a) {
  const index_t owners = a.owners.size(), categories = a.dtable.rows(), width = a.dy.columns();
  if (owners == 0 || categories == 0) return;
  const_matrix_of<BasicContext<S>> dy = a.dy;
  if (a.repeats) {
    const auto sums = context.matrix(owners, width);
    launch<owner_gradient_kernel<S>>(context, warp_per_row(owners), a.repeats, dy, sums);
    dy = sums;
  }
  const index_t most = std::max<index_t>(most_slices / categories, 1);
  const index_t slices = std::min(most, (owners + owners_per_slice - 1) / owners_per_slice);
  const auto sums = context.matrix(slices * categories, width);
  LaunchShape shape = warp_per_row(sums.rows());
  shape.grid.y = blocks_for(width, warp_size);
  launch<category_gradient_kernel<S>>(context, shape, a, dy, (owners + slices - 1) / slices, sums);
  add_slice_sums(context, sums, a.dtable);
}

}  // namespace seqrec::cuda
