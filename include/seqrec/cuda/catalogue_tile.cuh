// SPDX-License-Identifier: Apache-2.0
// What the kernels of the loss over the catalogue share: how rows and items are dealt, and the scores of 32 rows for 32
// items.
#pragma once

#include <algorithm>
#include <cstddef>

#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/online_softmax.cuh"
#include "seqrec/cuda/segments.cuh"
#include "seqrec/cuda/tile.cuh"
#include "seqrec/ops/catalogue_loss.hpp"

namespace seqrec::cuda {

/// Blocks that are enough for all multiprocessors of the GPUs of today, eight each. Where fewer tiles than that are
/// walked from, walks are cut into parts, whose sums are then added up: so the sums take no more than 32 rows for each
/// of these blocks, whatever the batch and the catalogue.
inline constexpr index_t catalogue_blocks = 1024;
/// Tiles that a part has at least, or its sums would cost more than they save.
inline constexpr index_t fewest_tiles_of_part = 4;

/// How walks along some tiles are cut.
struct CatalogueParts {
  index_t parts, tiles_of_each;

  /// @param from  tiles that a block each walks from   @param along  tiles that it walks along
  CatalogueParts(index_t from, index_t along) {
    const index_t most = std::max<index_t>(along / fewest_tiles_of_part, 1);
    const index_t wanted = std::clamp<index_t>(catalogue_blocks / std::max<index_t>(from, 1), 1, most);
    tiles_of_each = std::max<index_t>((along + wanted - 1) / wanted, 1);
    parts = std::max<index_t>((along + tiles_of_each - 1) / tiles_of_each, 1);
  }

  /// The first of the elements (rows, or items) of a part.
  SEQREC_HOST_DEVICE index_t begin(index_t part) const { return part * tiles_of_each * tile_size; }
  /// The end of the part's elements, of `count` in all.
  SEQREC_HOST_DEVICE index_t end(index_t part, index_t count) const {
    const index_t next = begin(part + 1);
    return next < count ? next : count;
  }
};

/// The scores of 32 rows for 32 items, and the tiles that they are made of, in shared memory.
template <class S, int Width>
struct CatalogueTiles {
  using A = accumulator_of<S>;
  static constexpr std::size_t bytes =
      (2 * tile_elements<Width> + tile_elements<tile_size>)*sizeof(A) + tile_size * sizeof(unsigned);

  A *states, *items;   ///< rows of states, and of the table
  A* slopes;           ///< of the loss, by score: for who wants them
  unsigned* left_out;  ///< of each row: bit j for item j
  index_t column;      ///< the first that the block makes; -1 where it makes none

  __device__ explicit CatalogueTiles(index_t column_) : states(dynamic_shared<A>()), column(column_) {
    items = states + tile_elements<Width>;
    slopes = items + tile_elements<Width>;
    left_out = reinterpret_cast<unsigned*>(slopes + tile_elements<tile_size>);
  }

  /// The scores of rows from `row` on for items from `item` on; minus infinity where an item is no part of the row's
  /// sum. The tiles then hold the block's columns. Rows behind the last have any score.
  /// @param new_rows, new_items  whether they are others than in the last call
  __device__ void score(const CatalogueLoss<BasicContext<S>>& a, index_t row, index_t item, bool new_rows,
                        bool new_items, TileScores<A>& scores) {
    const index_t width = a.head.width();
    const bool in_parts = width > Width;
    for (auto& of_row : scores)
      for (A& score : of_row) score = 0;
    for (index_t from = 0; from < width; from += Width) {
      __syncthreads();  // the products before may still be reading
      if (new_rows || in_parts) load_tile<Width>(states, a.states, row, from);
      if (new_items || in_parts) load_tile<Width>(items, a.head.table, item, from);
      __syncthreads();
      multiply_rows<Width>(scores, states, items, static_cast<int>(width - from < Width ? width - from : Width));
    }
    if (a.left_out.offsets) mark_left_out(a, row, item);
    if (in_parts && column >= 0) {
      __syncthreads();
      load_tile<Width>(states, a.states, row, column);
      load_tile<Width>(items, a.head.table, item, column);
    }
    for (int i = 0; i < tile_share; ++i)
      for (int j = 0; j < tile_share; ++j) {
        const index_t this_item = item + tile_column(j);
        const bool left = a.left_out.offsets && (left_out[tile_row(i)] >> tile_column(j) & 1u) != 0;
        A& score = scores[i][j];
        if (left || this_item >= a.head.items())
          score = -infinity<A>;
        else if (a.head.bias)
          score += static_cast<A>(a.head.bias(this_item));
      }
  }

  /// Scores become slopes of the loss, which are left in shared memory.
  __device__ void differentiate(const CatalogueLoss<BasicContext<S>>& a, VectorView<const A, DeviceSpace> highest,
                                VectorView<const A, DeviceSpace> shares, index_t row, index_t item,
                                TileScores<A>& scores) {
    for (int i = 0; i < tile_share; ++i) {
      const index_t this_row = row + tile_row(i);
      const bool exists = this_row < a.states.rows();
      const A top = exists ? highest(this_row) : A{0}, share = exists ? shares(this_row) : A{0};
      const index_t target = exists ? static_cast<index_t>(a.targets(this_row, 0)) : index_t{-1};
      for (int j = 0; j < tile_share; ++j) {
        A& slope = scores[i][j];
        slope = exists ? std::exp(slope - top) * share : A{0};
        if (item + tile_column(j) == target) slope -= static_cast<A>(a.scale);
      }
    }
    store_scores(slopes, scores);
    __syncthreads();
  }

 private:
  /// Finds what the rows' histories have held of the items: few, found again for every tile. All threads walk through
  /// the histories together, which cost as much for 32 rows as for one.
  __device__ void mark_left_out(const CatalogueLoss<BasicContext<S>>& a, index_t row, index_t item) {
    const auto offsets = a.left_out.offsets;
    const index_t rows = a.states.rows(), end = row + tile_size < rows ? row + tile_size : rows;
    if (tile_thread() < tile_size) left_out[tile_thread()] = 0;
    __syncthreads();
    for (index_t seen = offsets(segment_of(offsets, row)) + tile_thread(); seen < end; seen += tile_threads) {
      const index_t place = a.left_out.values(seen) - item;
      if (place < 0 || place >= tile_size) continue;
      const index_t history_end = offsets(segment_of(offsets, seen) + 1);
      for (index_t later = seen < row ? row : seen; later < end && later < history_end; ++later)
        if (a.targets(later, 0) != a.left_out.values(seen)) atomicOr(&left_out[later - row], 1u << place);
    }
    __syncthreads();
  }
};

}  // namespace seqrec::cuda
