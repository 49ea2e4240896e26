// SPDX-License-Identifier: Apache-2.0
// The walk along the rows, which sums the gradient of some items: one warp keeps 16 of them, and has 32 rows at a time.
#pragma once

#include <cmath>

#include "seqrec/cuda/catalogue_tile.cuh"
#include "seqrec/cuda/rows.cuh"

namespace seqrec::cuda {

/// The sum of slope h_r over the rows of a part, and of the slopes alone: added to dhead, or where there are several
/// parts left in of_part(part V + v, .) and slopes_of_part(part V + v).
template <class S, class Terms, int Width>
__global__ void __launch_bounds__(catalogue_threads, catalogue_blocks)
    catalogue_head_gradient_kernel(CatalogueLoss<BasicContext<S>> a, CatalogueParts parts,
                                   CatalogueRows<accumulator_of<S>> rows,
                                   MatrixView<accumulator_of<S>, DeviceSpace> of_part,
                                   VectorView<accumulator_of<S>, DeviceSpace> slopes_of_part) {
  using A = accumulator_of<S>;
  using Walk = CatalogueWalk<S, Terms, Width>;
  Walk walk;
  const int warp = static_cast<int>(threadIdx.x) / warp_size;
  const index_t count = a.states.rows(), items = a.head.items(), part = blockIdx.y;
  const index_t first_of_block = static_cast<index_t>(blockIdx.x) * catalogue_kept,
                first = first_of_block + warp * kept_rows;
  const index_t column = a.dhead.table ? static_cast<index_t>(blockIdx.z) * Width : -1;
  const bool leaves_out = static_cast<bool>(a.left_out.offsets);
  A biases[2] = {}, slopes[2] = {};
  item_t kept[2];
  for (int half = 0; half < 2; ++half) {
    const index_t item = first + MmaSums<A>::row(2 * half);
    kept[half] = static_cast<item_t>(item);
    if (a.head.bias && item < items) biases[half] = static_cast<A>(a.head.bias(item));
  }
  const auto copy = [&](index_t row, int buffer) {
    const int thread = static_cast<int>(threadIdx.x);
    const index_t this_row = row + thread;
    if (thread >= walked_rows) return;
    if (this_row < count) {
      copy_number(walk.numbers_of(buffer, 0) + thread, &rows.highest(this_row));
      copy_number(walk.numbers_of(buffer, 1) + thread, &rows.share(this_row));
      copy_number(walk.targets_of(buffer) + thread, &a.targets(this_row, 0));
    } else {  // no slopes
      walk.numbers_of(buffer, 0)[thread] = infinity<A>;
      walk.numbers_of(buffer, 1)[thread] = 0;
      walk.targets_of(buffer)[thread] = -1;
    }
  };
  offset_t segment = 0;
  if (leaves_out && count > 0) segment = static_cast<offset_t>(segment_of(a.left_out.offsets, parts.begin(part)));
  const auto mark = [&](index_t row, int buffer) {
    while (a.left_out.offsets(segment + 1) <= row) ++segment;
    mark_left_out<walked_rows, catalogue_kept, S>(walk.left_out_of(buffer), a, row, first_of_block,
                                                  a.left_out.offsets(segment));
  };
  const auto weigh = [&](WalkedScores<A>& scores, index_t, int buffer, A(&)[2]) {
    const A *const highest = walk.numbers_of(buffer, 0), *const shares = walk.numbers_of(buffer, 1);
    const item_t* const targets = walk.targets_of(buffer);
    A of_tile[2] = {};
    for (int j = 0; j < walked_rows / mma_columns; ++j)
      for (int side = 0; side < 2; ++side) {
        const int place = walked_row(j, side);
        const A top = highest[place], share = shares[place];
        const item_t target = targets[place];
        for (int half = 0; half < 2; ++half) {
          A& slope = scores[j].values[2 * half + side];
          slope += biases[half];
          if (leaves_out) {
            const int bit = warp * kept_rows + MmaSums<A>::row(2 * half);
            const unsigned without = walk.left_out_of(buffer)[place * (catalogue_kept / 32) + bit / 32];
            if ((without >> static_cast<unsigned>(bit % 32) & 1u) != 0) slope = -infinity<A>;
          }
          slope = std::exp(slope - top) * share;
          if (kept[half] == target) slope -= static_cast<A>(a.scale);
          of_tile[half] += slope;
        }
      }
    for (int half = 0; half < 2; ++half) slopes[half] += of_tile[half];
  };
  walk.walk(a.head.table, first, a.states, parts.begin(part), parts.end(part, count), column, leaves_out, copy, mark,
            weigh);
  if (of_part)
    leave_catalogue_sums<false, Width>(walk.sums, of_part, part * items + first, items - first, column);
  else if (a.dhead.table)
    leave_catalogue_sums<true, Width>(walk.sums, a.dhead.table, first, items - first, column);
  for (int half = 0; half < 2; ++half) {
    for (int distance = 1; distance <= 2; distance *= 2)
      slopes[half] += __shfl_xor_sync(all_lanes, slopes[half], distance);
    const index_t item = first + MmaSums<A>::row(2 * half);
    if (!a.dhead.bias || blockIdx.z != 0 || mma_member() != 0 || item >= items) continue;
    if (slopes_of_part)
      slopes_of_part(part * items + item) = slopes[half];
    else
      a.dhead.bias(item) = static_cast<typename BasicContext<S>::Master>(a.dhead.bias(item) + slopes[half]);
  }
}

/// target += the sum of its parts, which lie one after another: in their order. One warp per row, one lane a column.
template <class Target, class A>
__global__ void add_catalogue_parts_kernel(MatrixView<const A, DeviceSpace> of_part,
                                           MatrixView<Target, DeviceSpace> target) {
  const index_t row = row_of_warp();
  if (row >= target.rows()) return;
  for_columns_of_lane(target.columns(), [&](index_t column) {
    A sum = static_cast<A>(target(row, column));
    for (index_t other = row; other < of_part.rows(); other += target.rows()) sum += of_part(other, column);
    target(row, column) = static_cast<Target>(sum);
  });
}

/// Adds up what several parts have left.
template <class S, class Target>
void add_catalogue_parts(BasicContext<S>& context, MatrixView<accumulator_of<S>, DeviceSpace> of_part,
                         MatrixView<Target, DeviceSpace> target) {
  if (of_part)
    launch<add_catalogue_parts_kernel<Target, accumulator_of<S>>>(context, warp_per_row(target.rows()), of_part,
                                                                  target);
}

}  // namespace seqrec::cuda
