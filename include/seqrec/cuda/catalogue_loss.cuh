// SPDX-License-Identifier: Apache-2.0
// The cross-entropy of a softmax over the whole catalogue, whose scores are never stored: 32 rows and 32 items at a
// time they are made in registers and used there.
//
// One block per 32 rows walks along the items and takes their softmax while they go by, and once more, with what that
// has found, to sum dstates; one block per 32 items walks along the rows to sum the head's gradient. Each walk makes
// the scores again: 10 N V D operations in all. Memory: each walk reads what it walks from once, and what it walks
// along once for every 32 rows or items. Workspace: 3 numbers a row, 2 for each part that its items are cut into, and
// sums for at most catalogue_blocks tiles.
#pragma once

#include <cmath>

#include "seqrec/cuda/catalogue_tile.cuh"
#include "seqrec/cuda/rows.cuh"

namespace seqrec::cuda {

/// What is known of the rows once all items have gone by.
template <class A>
struct CatalogueRows {
  MatrixView<A, DeviceSpace> highest_of_part, sum_of_part;  ///< (parts, N)
  VectorView<A, DeviceSpace> highest, share, target_score;  ///< (N); share: of exp(score - highest) in a slope
};

template <class S, int Width>
__global__ void __launch_bounds__(tile_threads, tile_blocks)
    catalogue_softmax_kernel(CatalogueLoss<BasicContext<S>> a, CatalogueParts parts,
                             CatalogueRows<accumulator_of<S>> rows) {
  using A = accumulator_of<S>;
  CatalogueTiles<S, Width> tiles(-1);
  const index_t row = static_cast<index_t>(blockIdx.x) * tile_size, part = blockIdx.y, begin = parts.begin(part);
  index_t targets[tile_share];
  for (int i = 0; i < tile_share; ++i) {
    const index_t this_row = row + tile_row(i);
    targets[i] = this_row < a.states.rows() ? static_cast<index_t>(a.targets(this_row, 0)) : index_t{-1};
  }
  OnlineSoftmax<A> softmax[tile_share];
  for (index_t item = begin; item < parts.end(part, a.head.items()); item += tile_size) {
    TileScores<A> scores;
    tiles.score(a, row, item, item == begin, true, scores);
    for (int i = 0; i < tile_share; ++i) {
      for (int j = 0; j < tile_share; ++j)
        if (item + tile_column(j) == targets[i]) rows.target_score(row + tile_row(i)) = scores[i][j];
      softmax[i].take(scores[i]);
    }
  }
  for (int i = 0; i < tile_share; ++i) {
    const index_t this_row = row + tile_row(i);
    if (tile_x() != 0 || this_row >= a.states.rows()) continue;
    rows.highest_of_part(part, this_row) = softmax[i].highest;
    rows.sum_of_part(part, this_row) = softmax[i].sum;
  }
}

/// Puts the parts together: losses, and what slopes need. One thread per row.
template <class S>
__global__ void catalogue_losses_kernel(CatalogueLoss<BasicContext<S>> a, CatalogueRows<accumulator_of<S>> rows) {
  using A = accumulator_of<S>;
  const index_t row = static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (row >= a.states.rows()) return;
  A highest = -infinity<A>, sum = 0;
  for (index_t part = 0; part < rows.highest_of_part.rows(); ++part)
    highest = Maximum{}(highest, rows.highest_of_part(part, row));
  for (index_t part = 0; part < rows.highest_of_part.rows(); ++part)
    sum += rows.sum_of_part(part, row) * std::exp(rows.highest_of_part(part, row) - highest);
  const A above_target = highest - rows.target_score(row);
  a.losses(row) = a.scale * (static_cast<double>(above_target) + std::log(static_cast<double>(sum)));
  rows.highest(row) = highest;
  rows.share(row) = static_cast<A>(a.scale / static_cast<double>(sum));
}

/// Leaves a block's sums in rows first .. first+count-1 of a target, or adds them.
template <bool Adds, int Width, class A, class Target>
__device__ void leave_catalogue_sums(const TileSums<A, Width>& sums, const MatrixView<Target, DeviceSpace>& target,
                                     index_t first, index_t count, index_t column) {
  for (int i = 0; i < tile_share; ++i)
    for (int j = 0; j < Width / tile_side; ++j)
      if (tile_row(i) < count && column + tile_column(j) < target.columns()) {
        Target& element = target(first + tile_row(i), column + tile_column(j));
        element = static_cast<Target>(Adds ? static_cast<A>(element) + sums[i][j] : sums[i][j]);
      }
}

/// The sum of slope e_v over the items of a part: into dstates, or where there are several parts into
/// of_part(part N + row, .).
template <class S, int Width>
__global__ void __launch_bounds__(tile_threads, tile_blocks)
    catalogue_state_gradient_kernel(CatalogueLoss<BasicContext<S>> a, CatalogueParts parts,
                                    CatalogueRows<accumulator_of<S>> rows,
                                    MatrixView<accumulator_of<S>, DeviceSpace> of_part) {
  using A = accumulator_of<S>;
  CatalogueTiles<S, Width> tiles(static_cast<index_t>(blockIdx.z) * Width);
  const index_t row = static_cast<index_t>(blockIdx.x) * tile_size, part = blockIdx.y, begin = parts.begin(part);
  const index_t end = parts.end(part, a.head.items());
  TileSums<A, Width> sums = {};
  for (index_t item = begin; item < end; item += tile_size) {
    TileScores<A> scores;
    tiles.score(a, row, item, item == begin, true, scores);
    tiles.differentiate(a, rows.highest, rows.share, row, item, scores);
    const index_t items = end - item;
    multiply_scores<Width>(sums, tiles.slopes, tiles.items, static_cast<int>(items < tile_size ? items : tile_size));
  }
  const index_t rows_left = a.states.rows() - row;
  if (of_part)
    leave_catalogue_sums<false, Width>(sums, of_part, part * a.states.rows() + row, rows_left, tiles.column);
  else
    leave_catalogue_sums<false, Width>(sums, a.dstates, row, rows_left, tiles.column);
}

/// The sum of slope h_r over the rows of a part, and of the slopes alone: added to dhead, or where there are several
/// parts left in of_part(part V + v, .) and slopes_of_part(part V + v).
template <class S, int Width>
__global__ void __launch_bounds__(tile_threads, tile_blocks)
    catalogue_head_gradient_kernel(CatalogueLoss<BasicContext<S>> a, CatalogueParts parts,
                                   CatalogueRows<accumulator_of<S>> rows,
                                   MatrixView<accumulator_of<S>, DeviceSpace> of_part,
                                   VectorView<accumulator_of<S>, DeviceSpace> slopes_of_part) {
  using A = accumulator_of<S>;
  CatalogueTiles<S, Width> tiles(static_cast<index_t>(blockIdx.z) * Width);
  const index_t item = static_cast<index_t>(blockIdx.x) * tile_size, part = blockIdx.y, begin = parts.begin(part);
  const index_t end = parts.end(part, a.states.rows()), items = a.head.items();
  const bool sums_slopes = a.dhead.bias && tiles.column == 0 && tile_thread() < tile_size;
  A slopes = 0;
  TileSums<A, Width> sums = {};
  for (index_t row = begin; row < end; row += tile_size) {
    TileScores<A> scores;
    tiles.score(a, row, item, true, row == begin, scores);
    tiles.differentiate(a, rows.highest, rows.share, row, item, scores);
    const int count = static_cast<int>(end - row < tile_size ? end - row : tile_size);
    if (a.dhead.table) multiply_scores_transposed<Width>(sums, tiles.slopes, tiles.states, count);
    for (int i = 0; sums_slopes && i < count; ++i) slopes += tiles.slopes[i * tile_stride<tile_size> + tile_thread()];
  }
  if (of_part)
    leave_catalogue_sums<false, Width>(sums, of_part, part * items + item, items - item, tiles.column);
  else if (a.dhead.table)
    leave_catalogue_sums<true, Width>(sums, a.dhead.table, item, items - item, tiles.column);
  const index_t this_item = item + tile_thread();
  if (!sums_slopes || this_item >= items) return;
  if (slopes_of_part)
    slopes_of_part(part * items + this_item) = slopes;
  else
    a.dhead.bias(this_item) = static_cast<typename BasicContext<S>::Master>(a.dhead.bias(this_item) + slopes);
}

/// target (+)= the sum of its parts, which lie one after another: in their order. One warp per row, one lane a column.
template <bool Adds, class Target, class A>
__global__ void sum_catalogue_parts_kernel(MatrixView<const A, DeviceSpace> of_part,
                                           MatrixView<Target, DeviceSpace> target) {
  const index_t row = row_of_warp();
  if (row >= target.rows()) return;
  for_columns_of_lane(target.columns(), [&](index_t column) {
    A sum = Adds ? static_cast<A>(target(row, column)) : A{0};
    for (index_t other = row; other < of_part.rows(); other += target.rows()) sum += of_part(other, column);
    target(row, column) = static_cast<Target>(sum);
  });
}

/// Adds up what several parts have left.
template <bool Adds, class S, class Target>
void sum_catalogue_parts(BasicContext<S>& context, MatrixView<accumulator_of<S>, DeviceSpace> of_part,
                         MatrixView<Target, DeviceSpace> target) {
  if (of_part)
    launch<sum_catalogue_parts_kernel<Adds, Target, accumulator_of<S>>>(context, warp_per_row(target.rows()), of_part,
                                                                        target);
}

template <class S>
void catalogue_loss(BasicContext<S>& context, const CatalogueLoss<BasicContext<S>>& a) {
  using A = accumulator_of<S>;
  using Master = typename BasicContext<S>::Master;
  using Sums = MatrixView<A, DeviceSpace>;
  const index_t count = a.states.rows(), items = a.head.items(), width = a.head.width();
  const CatalogueParts of_items(tiles_of(count), tiles_of(items)), of_rows(tiles_of(items), tiles_of(count));
  const auto vector = [&](index_t size) { return context.template vector<A>(size); };
  const auto matrix = [&](index_t rows, index_t columns) { return Sums(vector(rows * columns).data, rows, columns); };
  const CatalogueRows<A> rows{matrix(of_items.parts, count), matrix(of_items.parts, count), vector(count),
                              vector(count), vector(count)};
  Sums of_states, of_table, of_bias;
  if (a.dstates && of_items.parts > 1) of_states = matrix(of_items.parts * count, width);
  if (a.dhead.table && of_rows.parts > 1) of_table = matrix(of_rows.parts * items, width);
  if (a.dhead.bias && of_rows.parts > 1) of_bias = matrix(of_rows.parts * items, 1);
  dispatch_tile_width<A>(width, [&]<int Width>() {
    const auto shape = [&](index_t from, const CatalogueParts& parts, bool whole_width) {
      const unsigned columns = whole_width ? blocks_across("columns of an item head", width, Width) : 1;
      return LaunchShape{dim3(blocks_for(from, tile_size), blocks_for(parts.parts, 1), columns), tile_block(),
                         CatalogueTiles<S, Width>::bytes};
    };
    launch<catalogue_softmax_kernel<S, Width>>(context, shape(count, of_items, false), a, of_items, rows);
    launch<catalogue_losses_kernel<S>>(context, {dim3(blocks_for(count, 256)), dim3(256)}, a, rows);
    if (a.dstates)
      launch<catalogue_state_gradient_kernel<S, Width>>(context, shape(count, of_items, true), a, of_items, rows,
                                                        of_states);
    if (a.dhead.table || a.dhead.bias)
      launch<catalogue_head_gradient_kernel<S, Width>>(context, shape(items, of_rows, static_cast<bool>(a.dhead.table)),
                                                       a, of_rows, rows, of_table,
                                                       VectorView<A, DeviceSpace>(of_bias.data, of_bias.size()));
  });
  sum_catalogue_parts<false, S>(context, of_states, a.dstates);
  sum_catalogue_parts<true, S>(context, of_table, a.dhead.table);
  sum_catalogue_parts<true, S>(context, of_bias, MatrixView<Master, DeviceSpace>(a.dhead.bias.data, items, 1));
}

}  // namespace seqrec::cuda
