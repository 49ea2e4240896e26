// SPDX-License-Identifier: Apache-2.0
// The walk along the items: the softmax of some rows, and what dstates are made of. One warp keeps 16 rows, and has 32
// items at a time; the weights of earlier items are corrected when the softmax finds a higher score (Milakov &
// Gimelshein 2018, arXiv:1805.02867; Dao 2023, arXiv:2307.08691).
#pragma once

#include <cmath>

#include "seqrec/cuda/catalogue_tile.cuh"
#include "seqrec/cuda/reduce.cuh"
#include "seqrec/cuda/rows.cuh"

namespace seqrec::cuda {

/// The softmax of the items of a part; and the sum of exp(score - highest) e_v over them, in of_part(part N + row, .).
template <class S, class Terms, int Width>
__global__ void __launch_bounds__(catalogue_threads, catalogue_blocks)
    catalogue_softmax_kernel(CatalogueLoss<BasicContext<S>> a, CatalogueParts parts,
                             CatalogueRows<accumulator_of<S>> rows,
                             MatrixView<accumulator_of<S>, DeviceSpace> of_part) {
  using A = accumulator_of<S>;
  using Walk = CatalogueWalk<S, Terms, Width>;
  Walk walk;
  const int warp = static_cast<int>(threadIdx.x) / warp_size;
  const index_t count = a.states.rows(), items = a.head.items(), part = blockIdx.y;
  const index_t first_of_block = static_cast<index_t>(blockIdx.x) * catalogue_kept,
                first = first_of_block + warp * kept_rows;
  const index_t column = of_part ? static_cast<index_t>(blockIdx.z) * Width : -1;
  const bool leaves_out = static_cast<bool>(a.left_out.offsets);
  const offset_t seen = leaves_out ? a.left_out.offsets(segment_of(a.left_out.offsets, first_of_block)) : 0;
  item_t targets[2];
  A highest[2] = {-infinity<A>, -infinity<A>}, sum[2] = {};  // the lane's part of a row's sum
  for (int half = 0; half < 2; ++half) {
    const index_t row = first + MmaSums<A>::row(2 * half);
    targets[half] = row < count && blockIdx.z == 0 ? a.targets(row, 0) : item_t{-1};
  }
  const auto copy = [&](index_t item, int buffer) {
    const index_t this_item = item + threadIdx.x;  // of those past the last, the last is read
    if (a.head.bias && threadIdx.x < walked_rows)
      copy_number(walk.numbers_of(buffer, 0) + threadIdx.x, &a.head.bias(this_item < items ? this_item : items - 1));
  };
  const auto mark = [&](index_t item, int buffer) {
    mark_left_out<catalogue_kept, walked_rows, S>(walk.left_out_of(buffer), a, first_of_block, item, seen);
  };
  const auto weigh = [&](WalkedScores<A>& scores, index_t item, int buffer, A(&factor)[2]) {
    const A* const biases = walk.numbers_of(buffer, 0);
    for (int half = 0; half < 2; ++half) {
      const auto each = [&](auto action) {
        for (int j = 0; j < walked_rows / mma_columns; ++j)
          for (int i = 2 * half; i < 2 * half + 2; ++i) action(scores[j].values[i], walked_row(j, i));
      };
      if (a.head.bias) each([&](A& score, int place) { score += biases[place]; });
      const item_t target = targets[half] - static_cast<item_t>(item);
      const index_t left = items - item;
      if (target >= 0 && target < walked_rows) {
        each([&](A& score, int place) {
          if (place == target) rows.target_score(first + MmaSums<A>::row(2 * half)) = score;
        });
      }
      unsigned without = left < walked_rows ? all_lanes << static_cast<unsigned>(left) : 0u;
      if (leaves_out) without |= walk.left_out_of(buffer)[warp * kept_rows + MmaSums<A>::row(2 * half)];
      if (without != 0) {
        each([&](A& score, int place) {
          if ((without >> static_cast<unsigned>(place) & 1u) != 0) score = -infinity<A>;
        });
      }
      A top = highest[half];  // a NaN, which is no maximum here, shows in the sum
      each([&](A& score, int) { top = std::fmax(top, score); });
      for (int distance = 1; distance <= 2; distance *= 2)  // the four lanes that have the row
        top = std::fmax(top, __shfl_xor_sync(all_lanes, top, distance));
      const A base = top == -infinity<A> ? A{0} : top;
      factor[half] = std::exp(highest[half] - base);
      highest[half] = top;
      A of_tile = 0;
      each([&](A& score, int) { of_tile += score = std::exp(score - base); });
      sum[half] = sum[half] * factor[half] + of_tile;
    }
  };
  walk.walk(a.states, first, a.head.table, parts.begin(part), parts.end(part, items), column, leaves_out, copy, mark,
            weigh);
  for (int half = 0; half < 2; ++half) {
    for (int distance = 1; distance <= 2; distance *= 2) sum[half] += __shfl_xor_sync(all_lanes, sum[half], distance);
    const index_t row = first + MmaSums<A>::row(2 * half);
    if (row >= count || mma_member() != 0 || blockIdx.z != 0) continue;
    rows.highest_of_part(part, row) = highest[half];
    rows.sum_of_part(part, row) = sum[half];
  }
  if (of_part) leave_catalogue_sums<false, Width>(walk.sums, of_part, part * count + first, count - first, column);
}

/// Puts the parts together: losses, dstates, and what slopes need. One warp per row.
template <class S>
__global__ void catalogue_losses_kernel(CatalogueLoss<BasicContext<S>> a, CatalogueRows<accumulator_of<S>> rows,
                                        MatrixView<const accumulator_of<S>, DeviceSpace> of_part) {
  using A = accumulator_of<S>;
  const index_t row = row_of_warp(), count = a.states.rows(), parts = rows.highest_of_part.rows();
  if (row >= count) return;
  A highest = -infinity<A>, sum = 0;
  for_columns_of_lane(parts, [&](index_t part) { highest = Maximum{}(highest, rows.highest_of_part(part, row)); });
  highest = warp_max(highest);
  const auto weight = [&](index_t part) { return std::exp(rows.highest_of_part(part, row) - highest); };
  for_columns_of_lane(parts, [&](index_t part) { sum += rows.sum_of_part(part, row) * weight(part); });
  sum = warp_sum(sum);
  const A share = static_cast<A>(a.scale / static_cast<double>(sum));
  if (threadIdx.x == 0) {
    const A above_target = highest - rows.target_score(row);
    a.losses(row) = a.scale * (static_cast<double>(above_target) + std::log(static_cast<double>(sum)));
    rows.highest(row) = highest;
    rows.share(row) = share;
  }
  if (!a.dstates) return;
  const S* const target = a.head.table.row(static_cast<index_t>(a.targets(row, 0)));
  for_columns_of_lane(a.dstates.columns(), [&](index_t column) {
    A of_row = 0;
    for (index_t part = 0; part < parts; ++part) of_row += of_part(part * count + row, column) * weight(part);
    a.dstates(row, column) = static_cast<S>(of_row * share - static_cast<A>(a.scale) * static_cast<A>(target[column]));
  });
}

}  // namespace seqrec::cuda
