// SPDX-License-Identifier: Apache-2.0
// The best items of the catalogue for each state, without scores of the whole catalogue in memory.
//
// The catalogue goes by in parts. Of each, tiles write the scores of all states (item_scores.cuh), one warp per state
// strikes excluded items out, and one block per state looks for scores above the worst that it keeps: few are, and they
// gather in shared memory, to be sorted and merged into the state's list when there are enough of them, wherever the
// list ends. Which of them comes first where in shared memory is left to chance, what is sorted is not. Memory: a
// part's scores are written once and read once, in the second-level cache; each merge reads and writes a list. Few
// states are cut into runs of items, a block each, and the best of the runs are selected from once more.
#pragma once

#include <algorithm>

#include "seqrec/cuda/best_items.cuh"
#include "seqrec/cuda/item_scores.cuh"
#include "seqrec/cuda/pack_items.cuh"
#include "seqrec/cuda/rows.cuh"
#include "seqrec/ops/top_k.hpp"

namespace seqrec::cuda {

/// Scores of a part: 8 MB of floats stay in the second-level cache until they are read.
inline constexpr index_t scores_of_part = index_t{1} << 21;
/// States of a part: more of them would have parts of fewer tiles than fill the device.
inline constexpr index_t states_of_part = 1024;

/// Blocks that select at the same time where there are fewer states: four for each multiprocessor of the GPUs of today.
inline constexpr index_t selecting_blocks = 512;

/// The fewest scores of a state that are worth a block of their own: eight rounds, and more than it will leave.
inline index_t shortest_split(index_t wanted) { return std::max<index_t>(8 * scores_per_round, 4 * wanted); }

/// Scores of some states for some items.
template <class S>
struct PartScores {
  MatrixView<S, DeviceSpace> scores;  ///< (states, items)
  ItemRange items;
};

template <class S>
__global__ void score_part_kernel(TopK<BasicContext<S>> a, PartScores<S> part) {
  const ScoreTile<S> tile(a.head, a.queries, part.items);
  for (int i = 0; i < ScoreTile<S>::of_thread; ++i)
    for (int j = 0; j < ScoreTile<S>::of_thread; ++j)
      if (tile.is_state(i) && tile.is_item(j))
        part.scores(tile.state(i), tile.item(j) - part.items.first) = tile.score(i, j);
}

/// @param first_row of the exclusions, where they are of more states
template <class S>
__global__ void strike_out_kernel(TopK<BasicContext<S>> a, PartScores<S> part, index_t first_row) {
  const index_t row = row_of_warp();
  if (row >= a.queries.rows()) return;
  const index_t first = a.exclusions.offsets(first_row + row);
  for_columns_of_lane(a.exclusions.length(first_row + row), [&](index_t e) {
    const index_t item = a.exclusions.values(first + e);
    if (item >= part.items.first && item < part.items.end) part.scores(row, item - part.items.first) = -infinity<S>;
  });
}

/// What is to be selected from, and where the best of it go.
template <class S>
struct Selection {
  MatrixView<const S, DeviceSpace> scores;      ///< (states, n)
  MatrixView<const item_t, DeviceSpace> items;  ///< (states, n) equal scores in ascending order of item; or null
  index_t first_item;                           ///< of the scores, which are those of items in order, if items is null
  MatrixView<S, DeviceSpace> best_scores;       ///< (states splits, K)
  MatrixView<item_t, DeviceSpace> best_items;   ///< (states splits, K)
  index_t splits;                               ///< runs of scores of a state, a block and a list each
  bool is_first;                                ///< lists are to be begun

  __device__ item_t item(index_t row, index_t at) const {
    return items ? items(row, at) : static_cast<item_t>(first_item + at);
  }
};

template <class S>
__global__ void select_kernel(Selection<S> a) {
  __shared__ shared_array<S, gathered_scores> scores;
  __shared__ shared_array<item_t, gathered_scores> items;
  __shared__ shared_array<int, 1> count;
  const index_t list = blockIdx.x, row = list / a.splits, split = list % a.splits;
  const BestItems<S> best{a.best_scores.row(list), a.best_items.row(list), a.best_items.columns()};
  const int thread = static_cast<int>(threadIdx.x);
  if (a.is_first)
    best.fill(-infinity<S>);
  else if (best.scores[0] != best.scores[0])
    return;  // a score of an earlier part was not a number
  if (thread == 0) count[0] = 0;
  __syncthreads();
  S worst = best.worst();
  const auto merge = [&] {
    const Gathered<S> gathered{scores, items, count[0]};
    gathered.sort();
    best.merge(gathered);
    if (thread == 0) count[0] = 0;
    __syncthreads();
    worst = best.worst();
  };
  const index_t size = a.scores.columns(), begin = size * split / a.splits, end = size * (split + 1) / a.splits;
  for (index_t start = begin; start < end; start += scores_per_round) {
    S looked_at[scores_of_thread];
    bool is_better = false, is_number = true;
    for (int i = 0; i < scores_of_thread; ++i) {
      const index_t at = start + thread + i * selecting_threads;
      looked_at[i] = at < end ? a.scores(row, at) : -infinity<S>;
      is_better = is_better || looked_at[i] > worst;
      is_number = is_number && looked_at[i] == looked_at[i];
    }
    if (__syncthreads_or(is_better || !is_number) == 0) continue;
    if (__syncthreads_or(!is_number) != 0) return best.fill(not_a_number<S>);
    for (int i = 0; i < scores_of_thread; ++i)
      if (looked_at[i] > worst) {
        const int place = atomicAdd(&count[0], 1);
        scores[place] = looked_at[i];
        items[place] = a.item(row, start + thread + i * selecting_threads);
      }
    __syncthreads();
    if (count[0] > gathered_scores - scores_per_round) merge();
  }
  if (count[0] > 0) merge();
}

/// The lists that runs of scores leave, for all states of a part.
template <class S>
struct SelectedFromSplits {
  MatrixView<S, DeviceSpace> scores;      ///< (lists, K)
  VectorView<item_t, DeviceSpace> items;  ///< (lists K)
};

/// Selects from a part, and, where several blocks share a state's scores, once more from what they selected.
/// @param to scores and items of as many states, (states, K)
template <class S>
void select_from_part(BasicContext<S>& context, const PartScores<S>& part, const TopK<BasicContext<S>>& to,
                      const SelectedFromSplits<S>& memory) {
  const index_t states = to.queries.rows(), wanted = to.items.columns();
  const index_t most = std::min(selecting_blocks / states, part.items.size() / shortest_split(wanted));
  const index_t splits = std::max<index_t>(1, most);
  const bool is_first = part.items.first == 0;
  const auto run = [&](const Selection<S>& selection) {
    launch<select_kernel<S>>(context, {dim3(blocks_for(states * selection.splits, 1)), dim3(selecting_threads)},
                             selection);
  };
  const MatrixView<const S, DeviceSpace> scores = part.scores;
  if (splits == 1) return run({scores, {}, part.items.first, to.scores, to.items, 1, is_first});
  S* const best_scores = memory.scores.data;
  item_t* const best_items = memory.items.data;
  const index_t lists = states * splits, of_state = splits * wanted;
  run({scores, {}, part.items.first, {best_scores, lists, wanted}, {best_items, lists, wanted}, splits, true});
  run({{best_scores, states, of_state}, {best_items, states, of_state}, 0, to.scores, to.items, 1, is_first});
}

template <class S>
void top_k(BasicContext<S>& context, const TopK<BasicContext<S>>& a) {
  const index_t rows = a.queries.rows(), items = a.head.items(), wanted = a.items.columns();
  if (rows == 0) return;
  const index_t states = std::min(rows, states_of_part), together = std::min(items, scores_of_part / states);
  const MatrixView<S, DeviceSpace> memory = context.matrix(states, together);
  const index_t lists = std::min(selecting_blocks, states * (together / shortest_split(wanted)));
  const SelectedFromSplits<S> selected{context.matrix(lists, wanted), context.template vector<item_t>(lists * wanted)};
  for (index_t first_row = 0; first_row < rows; first_row += states) {
    const index_t count = std::min(states, rows - first_row);
    TopK<BasicContext<S>> some = a;
    some.queries = a.queries.row_range(first_row, count);
    some.items = a.items.row_range(first_row, count);
    some.scores = a.scores.row_range(first_row, count);
    for (index_t first = 0; first < items; first += together) {
      const ItemRange range{first, std::min(items, first + together)};
      const PartScores<S> part{MatrixView<S, DeviceSpace>(memory.data, count, range.size()), range};
      launch<score_part_kernel<S>>(context, score_tiles(count, range.size()), some, part);
      if (a.exclusions) launch<strike_out_kernel<S>>(context, warp_per_row(count), some, part, first_row);
      select_from_part(context, part, some, selected);
    }
  }
}

}  // namespace seqrec::cuda
