// SPDX-License-Identifier: Apache-2.0
// What the kernels of the loss over the catalogue share: how rows and items are dealt, the walk of a block along the
// one for some of the other, and what is left out of the scores.
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "seqrec/cuda/catalogue_product.cuh"
#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/launch.cuh"
#include "seqrec/cuda/segments.cuh"
#include "seqrec/ops/catalogue_loss.hpp"

namespace seqrec::cuda {

/// Warps of a block. Each keeps 16 rows, and all read the same 32 that they walk along: more warps would read less
/// memory, and wait longer for one another.
inline constexpr int catalogue_warps = 4;
inline constexpr int catalogue_threads = catalogue_warps * warp_size;
/// Rows, or items, that a block keeps.
inline constexpr int catalogue_kept = catalogue_warps * kept_rows;
/// Blocks that a multiprocessor is to hold at least: so few that a thread may use every register that it can name.
inline constexpr int catalogue_blocks = 2;
/// Blocks at once on the 132 multiprocessors of an H100.
inline constexpr index_t catalogue_wave = 264;
/// Waves that a launch has at most on account of parts. Sums of parts take no more than 64 rows for each of these
/// blocks, whatever the batch and the catalogue.
inline constexpr index_t catalogue_waves = 4;
/// Tiles that a part has at least, or its sums would cost more than they save.
inline constexpr index_t fewest_tiles_of_part = 4;
/// What a block's beginning and end take, in tiles.
inline constexpr index_t catalogue_overhead = 3;

/// How walks along some tiles of 32 are cut: so that the blocks of the last wave are not few.
struct CatalogueParts {
  index_t parts = 1, tiles_of_each = 1;

  /// @param from  blocks that walk   @param along  tiles that each walks along
  CatalogueParts(index_t from, index_t along) {
    from = std::max<index_t>(from, 1);
    const index_t most = std::max<index_t>(along / fewest_tiles_of_part, 1);
    const auto parts_of = [](index_t count, index_t each) { return std::max<index_t>((count + each - 1) / each, 1); };
    index_t best = 0;
    for (index_t waves = 1; waves <= catalogue_waves; ++waves) {
      const index_t wanted = std::clamp<index_t>(waves * catalogue_wave / from, 1, most);
      const index_t each = parts_of(along, wanted), cut = parts_of(along, each);
      const index_t time = parts_of(cut * from, catalogue_wave) * (each + catalogue_overhead);
      if (best != 0 && time >= best) continue;
      best = time;
      parts = cut;
      tiles_of_each = each;
    }
  }

  /// The first of the elements (rows, or items) of a part.
  SEQREC_HOST_DEVICE index_t begin(index_t part) const { return part * tiles_of_each * walked_rows; }
  /// The end of the part's elements, of `count` in all.
  SEQREC_HOST_DEVICE index_t end(index_t part, index_t count) const {
    const index_t next = begin(part + 1);
    return next < count ? next : count;
  }
};

/// Begins to copy a number to shared memory, where it need not be converted; copies it where it must.
template <class To, class From>
__device__ void copy_number(To* to, const From* from) {
  if constexpr (std::is_same_v<To, From>)
    copy_async<static_cast<int>(sizeof(To))>(to, from);
  else
    *to = static_cast<To>(*from);
}

/// What is known of the rows once all items have gone by.
template <class A>
struct CatalogueRows {
  MatrixView<A, DeviceSpace> highest_of_part, sum_of_part;  ///< (parts, N)
  VectorView<A, DeviceSpace> highest, share, target_score;  ///< (N); share: of exp(score - highest) in a slope
};

/// Leaves a warp's sums in rows from `first` on, of which there are `count`, or adds them.
template <bool Adds, int Width, class A, class Target>
__device__ void leave_catalogue_sums(const WalkedSums<A, Width>& sums, const MatrixView<Target, DeviceSpace>& target,
                                     index_t first, index_t count, index_t column) {
  for (int half = 0; half < 2; ++half) {
    const int row = MmaSums<A>::row(2 * half);
    if (row >= count) continue;
    Target* const of_row = target.row(first + row);
    for (int n = 0; n < Width / mma_columns; ++n)
      for (int i = 2 * half; i < 2 * half + 2; ++i) {
        const index_t this_column = column + walked_column(n, i);
        if (this_column >= target.columns()) continue;
        const A sum = sums[n].values[i];
        of_row[this_column] = static_cast<Target>(Adds ? static_cast<A>(of_row[this_column]) + sum : sum);
      }
  }
}

/// A block's walk along the rows of one matrix, with 16 rows of another kept by each warp.
/// @tparam Terms  of products; see mma_terms.cuh
template <class S, class Terms, int Width>
struct CatalogueWalk {
  using A = accumulator_of<S>;
  /// Of each there are two: one is in use while the next arrives.
  static constexpr std::size_t bytes = 2 * (walked_elements<Width> * sizeof(S) + walked_rows * 2 * sizeof(A) +
                                            walked_rows * sizeof(item_t) + catalogue_kept * sizeof(unsigned));

  S* tiles;            ///< walked rows
  A* numbers;          ///< two of each walked row
  item_t* targets;     ///< one of each walked row
  unsigned* left_out;  ///< a bit for each kept row and walked row that have no score
  KeptRows<Terms, Width> kept;
  WalkedSums<A, Width> sums = {};

  __device__ CatalogueWalk() : tiles(dynamic_shared<S>()) {
    numbers = reinterpret_cast<A*>(tiles + 2 * walked_elements<Width>);
    targets = reinterpret_cast<item_t*>(numbers + 2 * 2 * walked_rows);
    left_out = reinterpret_cast<unsigned*>(targets + 2 * walked_rows);
  }
  /// What belongs to the tile at hand.
  __device__ A* numbers_of(int buffer, int which) const { return numbers + (2 * buffer + which) * walked_rows; }
  __device__ item_t* targets_of(int buffer) const { return targets + buffer * walked_rows; }
  __device__ unsigned* left_out_of(int buffer) const { return left_out + buffer * catalogue_kept; }

  /// Adds to `sums` what weights made of the scores say: over rows begin .. end-1 of the walked matrix, of its columns
  /// from `column` on, or nothing where that is -1. A width that is more than the registers hold is scored in parts.
  /// @param first   row of the kept matrix that the warp keeps first; from its end on there is nothing to do
  /// @param copy    copy(row, buffer) begins to copy what belongs to 32 walked rows
  /// @param mark    mark(row, buffer) sets bits of left_out_of(buffer); called by all threads, if `marks`
  /// @param weigh   weigh(scores, row, buffer, factor) makes weights of scores, and says what earlier sums are
  ///                multiplied by
  template <class Copy, class Mark, class Weigh>
  __device__ void walk(const MatrixView<const S, DeviceSpace>& of_kept, index_t first,
                       const MatrixView<const S, DeviceSpace>& of_walked, index_t begin, index_t end, index_t column,
                       bool marks, Copy copy, Mark mark, Weigh weigh) {
    const int parts = static_cast<int>((of_kept.columns() + Width - 1) / Width);
    const int steps = parts > 1 && column >= 0 ? parts + 1 : parts;  // once more the columns that are summed
    const bool works = first < of_kept.rows();
    const auto copy_tile = [&](index_t row, int step, int buffer) {
      copy_walked_tile<Width>(tiles + buffer * walked_elements<Width>, of_walked, row,
                              step < parts ? static_cast<index_t>(step) * Width : column);
    };
    if (parts == 1) kept.read(of_kept, first, 0);
    for (int i = static_cast<int>(threadIdx.x); marks && i < 2 * catalogue_kept; i += catalogue_threads)
      left_out[i] = 0;
    copy_tile(begin, 0, 0);
    copy(begin, 0);
    commit_copies();
    int buffer = 0, step_buffer = 0;
    for (index_t row = begin; row < end; row += walked_rows, buffer ^= 1) {
      WalkedScores<A> scores = {};
      A factor[2] = {1, 1};
      for (int step = 0; step < steps; ++step, step_buffer ^= 1) {
        const S* const tile = tiles + step_buffer * walked_elements<Width>;
        wait_for_copies<0>();
        __syncthreads();  // what others have copied is there, and they no longer read what is copied to next
        if (step + 1 < steps) {
          copy_tile(row, step + 1, step_buffer ^ 1);
        } else if (row + walked_rows < end) {
          copy_tile(row + walked_rows, 0, step_buffer ^ 1);
          copy(row + walked_rows, buffer ^ 1);
        }
        commit_copies();
        if (marks && step == 0) {
          mark(row, buffer);
          for (int i = static_cast<int>(threadIdx.x); i < catalogue_kept; i += catalogue_threads)
            left_out_of(buffer ^ 1)[i] = 0;
        }
        if (works && step < parts) {
          if (parts > 1) kept.read(of_kept, first, static_cast<index_t>(step) * Width);
          score_walked<Width>(scores, kept, tile);
        }
        if (marks && step == 0) __syncthreads();
        if (works && step + 1 == parts) weigh(scores, row, buffer, factor);
        if (works && column >= 0 && step + 1 == steps) add_walked<Terms, Width>(sums, factor, scores, tile);
      }
    }
  }
};

/// Marks what the histories of `Rows` rows from `row` on have held of `Items` items from `item` on: bit place % 32 of
/// marks[row (Items / 32) + place / 32]. All threads walk through the histories together.
/// @param seen  where the history of the first row begins
template <int Rows, int Items, class S>
__device__ void mark_left_out(unsigned* marks, const CatalogueLoss<BasicContext<S>>& a, index_t row, index_t item,
                              index_t seen) {
  const auto offsets = a.left_out.offsets;
  const index_t rows = a.states.rows(), end = row + Rows < rows ? row + Rows : rows;
  for (seen += threadIdx.x; seen < end; seen += catalogue_threads) {
    const item_t value = a.left_out.values(seen);
    const index_t place = value - item;
    if (place < 0 || place >= Items) continue;
    const index_t history_end = offsets(segment_of(offsets, seen) + 1);
    for (index_t later = seen < row ? row : seen; later < end && later < history_end; ++later)
      if (a.targets(later, 0) != value)
        atomicOr(&marks[(later - row) * (Items / 32) + place / 32], 1u << static_cast<unsigned>(place % 32));
  }
}

/// Calls action.operator()<Width>() for the narrowest width that rows of this width fit into, or the widest that
/// registers hold, of which a row then has several parts.
template <class A, class Action>
void dispatch_catalogue_width(index_t width, Action&& action) {
  constexpr int widest = sizeof(A) == sizeof(double) ? 64 : 128;
  if (width <= 32)
    action.template operator()<32>();
  else if (width <= 64 || widest == 64)
    action.template operator()<64>();
  else
    action.template operator()<widest>();
}

}  // namespace seqrec::cuda
