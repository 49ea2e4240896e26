// SPDX-License-Identifier: Apache-2.0
// The best items of the catalogue for each state, without scores of the whole catalogue in memory.
//
// The catalogue goes by in parts. Of each, tiles write the scores of all states (item_scores.cuh), one warp per state
// strikes excluded items out, and one block per state looks for scores above the worst that it keeps: few are, and they
// gather in shared memory, to be sorted and merged into the state's list when there are enough of them, wherever the
// list ends. At first the best that each thread sees bound the K-th from below. Which of them comes first where in
// shared memory is left to chance, what is sorted is not. Memory: a part's scores are written once and read once, in
// the second-level cache; each merge reads and writes a list. Few states are cut into runs of items, a block each, and
// the best of the runs are selected from once more.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <type_traits>

#include "seqrec/cuda/best_items.cuh"
#include "seqrec/cuda/item_scores.cuh"
#include "seqrec/cuda/pack_items.cuh"
#include "seqrec/cuda/rows.cuh"
#include "seqrec/ops/top_k.hpp"

namespace seqrec::cuda {

/// Scores of a part: 8 MB of floats stay in the second-level cache until they are read.
inline constexpr index_t scores_of_part = index_t{1} << 21;
/// Or as many as these items have, where many states would have more launches than work: 32 MB of 1024 states.
inline constexpr index_t items_of_part = 8192;
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

/// Leaves four neighbours at once; where they lie at a multiple of 16 bytes.
__device__ inline void store_four(float* to, float x, float y, float z, float w) {
#ifdef __CUDACC__  // which takes a float4 apart
  asm volatile("st.global.v4.f32 [%0], {%1,%2,%3,%4};" ::"l"(to), "f"(x), "f"(y), "f"(z), "f"(w) : "memory");
#else
  to[0] = x, to[1] = y, to[2] = z, to[3] = w;
#endif
}
__device__ inline void store_four(double* to, double x, double y, double z, double w) {
  to[0] = x, to[1] = y, to[2] = z, to[3] = w;
}

template <class S>
__global__ void __launch_bounds__(scoring_threads) score_part_kernel(TopK<BasicContext<S>> a, PartScores<S> part) {
  const ScoreTile<S> tile(a.head, a.queries, part.items);
  constexpr int of_thread = ScoreTile<S>::of_thread;
  const auto row_of = [&](int i) { return part.scores.row(tile.state(i)) - part.items.first; };
  // All loops have lengths that the compiler knows, and no way out: sums stay in registers.
  if (part.scores.stride % 4 == 0 && tile.is_whole()) {
    for (int i = 0; i < of_thread; ++i)
      for (int j = 0; j < of_thread; j += 4)
        if (tile.is_state(i))
          store_four(row_of(i) + tile.item(j), tile.score(i, j), tile.score(i, j + 1), tile.score(i, j + 2),
                     tile.score(i, j + 3));
  } else {
    for (int i = 0; i < of_thread; ++i)
      for (int j = 0; j < of_thread; ++j)
        if (tile.is_state(i) && tile.is_item(j)) row_of(i)[tile.item(j)] = tile.score(i, j);
  }
}

/// Writes what other threads may write at the same time, all of them the same.
template <class S>
__device__ void store_relaxed(S* to, S value) {
#ifdef __CUDACC__
  if constexpr (sizeof(S) == sizeof(float))
    asm volatile("st.relaxed.gpu.global.f32 [%0], %1;" ::"l"(__cvta_generic_to_global(to)), "f"(value) : "memory");
  else
    asm volatile("st.relaxed.gpu.global.f64 [%0], %1;" ::"l"(__cvta_generic_to_global(to)), "d"(value) : "memory");
#else
  std::atomic_ref<S>(*to).store(value, std::memory_order_relaxed);
#endif
}

/// An item may be named twice.   @param first_row of the exclusions, where they are of more states
template <class S>
__global__ void strike_out_kernel(TopK<BasicContext<S>> a, PartScores<S> part, index_t first_row) {
  const index_t row = row_of_warp();
  if (row >= a.queries.rows()) return;
  const index_t first = a.exclusions.offsets(first_row + row);
  for_columns_of_lane(a.exclusions.length(first_row + row), [&](index_t e) {
    const index_t item = a.exclusions.values(first + e);
    if (item >= part.items.first && item < part.items.end)
      store_relaxed(&part.scores(row, item - part.items.first), -infinity<S>);
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

/// Rounds of scores that a block reads before it looks whether any is good enough: mostly none is.
inline constexpr int looks = 4;

/// The greatest number that `wanted` of the scores from `begin` to `end` are above, as far as it can be told from the
/// best that each thread sees of the first of them; minus infinity where that says nothing. All threads take part.
/// @param best_of_threads room for a score of each
template <class S>
__device__ S below_best(const Gathered<S>& best_of_threads, const S* scores, index_t begin, index_t end,
                        index_t wanted) {
  if (wanted > selecting_threads) return -infinity<S>;
  const int thread = static_cast<int>(threadIdx.x);
  S best = -infinity<S>;
  for (index_t at = begin + thread; at < end && at < begin + 8 * scores_per_round; at += selecting_threads)
    best = std::fmax(best, scores[at]);
  best_of_threads.scores[thread] = best;
  best_of_threads.items[thread] = thread;
  best_of_threads.sort();
  const S reached = best_of_threads.scores[wanted - 1];
  __syncthreads();
  return std::nextafter(reached, -infinity<S>);
}

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
  const index_t size = a.scores.columns(), begin = size * split / a.splits, end = size * (split + 1) / a.splits;
  const S* const of_row = a.scores.row(row);
  // What is not above it is not among the best of this run.
  const S bound =
      a.is_first ? below_best({scores, items, selecting_threads}, of_row, begin, end, best.wanted) : -infinity<S>;
  S worst = Maximum{}(bound, best.worst());
  const auto merge = [&] {
    const Gathered<S> gathered{scores, items, count[0]};
    gathered.sort();
    best.merge(gathered);
    if (thread == 0) count[0] = 0;
    __syncthreads();
    worst = Maximum{}(bound, best.worst());
  };
  for (index_t look = begin; look < end; look += looks * scores_per_round) {
    bool is_better = false, is_number = true;
    for (int i = 0; i < looks * scores_of_thread; ++i) {
      const index_t at = look + thread + i * selecting_threads;
      const S score = at < end ? of_row[at] : -infinity<S>;
      is_better = is_better || score > worst;
      is_number = is_number && score == score;
    }
    if (__syncthreads_or(is_better || !is_number) == 0) continue;
    if (__syncthreads_or(!is_number) != 0) return best.fill(not_a_number<S>);
    const index_t end_of_look = look + looks * scores_per_round < end ? look + looks * scores_per_round : end;
    for (index_t start = look; start < end_of_look; start += scores_per_round) {
      for (int i = 0; i < scores_of_thread; ++i) {
        const index_t at = start + thread + i * selecting_threads;
        if (at >= end || !(of_row[at] > worst)) continue;
        const int place = atomicAdd(&count[0], 1);
        scores[place] = of_row[at];
        items[place] = a.item(row, at);
      }
      __syncthreads();
      const bool is_due = count[0] > gathered_scores - scores_per_round;
      __syncthreads();  // the next round may add to what is counted
      if (is_due) merge();
    }
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
  const index_t states = std::min(rows, states_of_part),
                together = std::min(items, std::max(items_of_part, scores_of_part / states));
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
