// SPDX-License-Identifier: Apache-2.0
// How many items score above a target, and how many as high, without scores in memory.
//
// Targets' scores first, one thread each; then a block per tile of 64 states by 128 items counts what it scores; one
// warp per state takes the target and the excluded items out again, one lane an item. Counts are integers, so atomics
// change nothing from run to run. Memory: each tile reads its states and items once; exclusions read an item's vector
// each.
#pragma once

#include "seqrec/cuda/item_scores.cuh"
#include "seqrec/cuda/pack_items.cuh"
#include "seqrec/cuda/reduce.cuh"
#include "seqrec/cuda/rows.cuh"
#include "seqrec/ops/rank_of_target.hpp"

namespace seqrec::cuda {

/// Threads of a block where each works on one state.
inline constexpr int states_per_block = 128;

/// What is counted of a state's row. `not_numbers` decides that it has no rank.
template <class S>
struct RowCounts {
  VectorView<S, DeviceSpace> of_target;      ///< (B) its score
  VectorView<int, DeviceSpace> not_numbers;  ///< (B)
};

template <class S>
__global__ void begin_ranks_kernel(RankOfTarget<BasicContext<S>> a, RowCounts<S> counts) {
  const index_t row = static_cast<index_t>(blockIdx.x) * states_per_block + threadIdx.x;
  if (row >= a.queries.rows()) return;
  counts.of_target(row) = score_of_item(a.head, a.queries.row(row), a.targets(row));
  counts.not_numbers(row) = 0;
  a.above(row) = a.ties(row) = 0;
}

template <class S>
__global__ void count_scores_kernel(RankOfTarget<BasicContext<S>> a, RowCounts<S> counts) {
  // Above, equal and not numbers, of the tile's states.
  __shared__ shared_array<int[scored_states], 3> of_tile;
  for (int i = static_cast<int>(threadIdx.x); i < 3 * scored_states; i += static_cast<int>(blockDim.x))
    of_tile[i / scored_states][i % scored_states] = 0;
  const ItemRange items{0, a.head.items()};
  const ScoreTile<S> tile(a.head, a.queries, items);
  __syncthreads();
  for (int i = 0; i < ScoreTile<S>::of_thread; ++i) {
    if (!tile.is_state(i)) continue;
    const S given = counts.of_target(tile.state(i));
    int above = 0, equal = 0, not_numbers = 0;
    for (int j = 0; j < ScoreTile<S>::of_thread; ++j) {
      if (!tile.is_item(j)) continue;
      const S score = tile.score(i, j);
      above += score > given ? 1 : 0;
      equal += score == given ? 1 : 0;
      not_numbers += score != score ? 1 : 0;
    }
    const int row = ScoreTile<S>::state_in_tile(i);
    if (above != 0) atomicAdd(&of_tile[0][row], above);
    if (equal != 0) atomicAdd(&of_tile[1][row], equal);
    if (not_numbers != 0) atomicAdd(&of_tile[2][row], not_numbers);
  }
  __syncthreads();
  const int row = static_cast<int>(threadIdx.x);
  const index_t state = static_cast<index_t>(blockIdx.y) * scored_states + row;
  if (row >= scored_states || state >= a.queries.rows()) return;
  if (of_tile[0][row] != 0) atomicAdd(&a.above(state), of_tile[0][row]);
  if (of_tile[1][row] != 0) atomicAdd(&a.ties(state), of_tile[1][row]);
  if (of_tile[2][row] != 0) atomicAdd(&counts.not_numbers(state), of_tile[2][row]);
}

template <class S>
__global__ void finish_ranks_kernel(RankOfTarget<BasicContext<S>> a, RowCounts<S> counts) {
  const index_t row = row_of_warp();
  if (row >= a.queries.rows()) return;
  if (counts.not_numbers(row) != 0) {  // if the target's score is not one, it is among them
    if (threadIdx.x != 0) return;
    a.above(row) = -1;
    a.ties(row) = 0;
    return;
  }
  const S given = counts.of_target(row);
  int above = 0, ties = 0;
  if (a.exclusions)
    for_columns_of_lane(a.exclusions.length(row), [&](index_t e) {
      const item_t item = a.exclusions.values(a.exclusions.offsets(row) + e);
      if (item == a.targets(row)) return;
      const S score = score_of_item(a.head, a.queries.row(row), item);
      above += score > given ? 1 : 0;
      ties += score == given ? 1 : 0;
    });
  above = warp_sum(above);
  ties = warp_sum(ties);
  if (threadIdx.x != 0) return;
  a.above(row) -= above;
  a.ties(row) -= ties + 1;  // it ties with itself
}

template <class S>
void rank_of_target(BasicContext<S>& context, const RankOfTarget<BasicContext<S>>& a) {
  const index_t rows = a.queries.rows();
  const RowCounts<S> counts{context.vector(rows), context.template vector<int>(rows)};
  const LaunchShape by_state{dim3(blocks_for(rows, states_per_block)), dim3(states_per_block)};
  launch<begin_ranks_kernel<S>>(context, by_state, a, counts);
  launch<count_scores_kernel<S>>(context, score_tiles(rows, a.head.items()), a, counts);
  launch<finish_ranks_kernel<S>>(context, warp_per_row(rows), a, counts);
}

}  // namespace seqrec::cuda
