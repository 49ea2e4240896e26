// SPDX-License-Identifier: Apache-2.0
// What pairs leave for keys and queries in the backward pass of candidate attention, summed.
//
// One warp per candidate sums over the rows that it sees, one warp per row, or per eight, over the candidates that see
// each, in order; one lane for each 32nd column. No atomics. Memory: reads a pair's gradients once for its query and
// once for its key, and either's counterpart.
#pragma once

#include <cstddef>

#include "seqrec/cuda/gradient.cuh"
#include "seqrec/cuda/pair_table.cuh"
#include "seqrec/cuda/rows.cuh"
#include "seqrec/cuda/segments.cuh"
#include "seqrec/cuda/warp_product.cuh"
#include "seqrec/ops/candidate_attention.hpp"

namespace seqrec::cuda {

/// What pairs leave for keys and queries, and where sums of the former go.
template <class S>
struct PairGradients {
  MatrixView<const S, DeviceSpace> dproducts;  ///< (pairs, D) of q * k; null where only weights have gradients
  MatrixView<const S, DeviceSpace> dz;         ///< (pairs, F1) of the first layer's values
  MatrixView<S, DeviceSpace> sums;             ///< (N or C, F1) written: of dz
};

/// Columns, and units, that a lane sums at once: what is read of an entry is under way at the same time.
inline constexpr int gradient_columns_at_once = 4;
/// Entries that are under way together.
inline constexpr int entries_in_batch = 2;

/// Calls finish_column(column, sum) and finish_unit(unit, sum) for this lane's of either, with sums over some entries.
/// @param head   head(column) is asked once a column   @param entry  entry(i) says what the i-th entry adds:
/// column(column, its head) and unit(unit)
template <class Accumulator, class Head, class Entry, class FinishColumn, class FinishUnit>
__device__ void sum_entries(index_t columns, index_t units, index_t entries, Head head, Entry entry,
                            FinishColumn finish_column, FinishUnit finish_unit) {
  constexpr int at_once = gradient_columns_at_once;
  const int width = static_cast<int>(columns), height = static_cast<int>(units);
  for (int first = static_cast<int>(threadIdx.x); first < width || first < height; first += at_once * warp_size) {
    Accumulator of_columns[at_once] = {}, of_units[at_once] = {};
    int heads[at_once];
    SEQREC_CUDA_UNROLL
    for (int j = 0; j < at_once; ++j) heads[j] = head(first + j * warp_size);
    // What a batch of entries adds is read before the first of it is added.
    const auto add = [&]<int Entries>(index_t begin) {
      decltype(entry(begin)) adds[static_cast<std::size_t>(Entries)];
      SEQREC_CUDA_UNROLL
      for (int k = 0; k < Entries; ++k) adds[k] = entry(begin + k);
      SEQREC_CUDA_UNROLL
      for (int j = 0; j < at_once; ++j) {
        const int mine = first + j * warp_size;
        if (mine < width) {
          SEQREC_CUDA_UNROLL
          for (int k = 0; k < Entries; ++k) of_columns[j] += adds[k].column(mine, heads[j]);
        }
        if (mine < height) {
          SEQREC_CUDA_UNROLL
          for (int k = 0; k < Entries; ++k) of_units[j] += adds[k].unit(mine);
        }
      }
    };
    index_t begin = 0;
    for (; begin + entries_in_batch <= entries; begin += entries_in_batch)
      add.template operator()<entries_in_batch>(begin);
    for (; begin < entries; ++begin) add.template operator()<1>(begin);
    SEQREC_CUDA_UNROLL
    for (int j = 0; j < at_once; ++j) {
      if (first + j * warp_size < width) finish_column(first + j * warp_size, of_columns[j]);
      if (first + j * warp_size < height) finish_unit(first + j * warp_size, of_units[j]);
    }
  }
}

/// What a pair adds to its query, and to the query's part of the first layer.
template <class S>
struct QueryEntry {
  const S *dproduct, *key, *dz;

  __device__ accumulator_of<S> column(int column, int) const {
    return static_cast<accumulator_of<S>>(dproduct[column]) * key[column];
  }
  __device__ accumulator_of<S> unit(int unit) const { return dz[unit]; }
};

/// What a pair adds to its key, and to the key's part of the first layer.
template <class S>
struct KeyEntry {
  const S* weight;  ///< of the first head; the others' lie `seen` apart
  int seen;
  const S *dy, *dproduct, *query, *dz;

  __device__ accumulator_of<S> column(int column, int head) const {
    return static_cast<accumulator_of<S>>(weight[head * seen]) * dy[column] +
           static_cast<accumulator_of<S>>(dproduct[column]) * query[column];
  }
  __device__ accumulator_of<S> unit(int unit) const { return dz[unit]; }
};

template <class S>
__global__ void query_gradients_kernel(CandidateAttentionBackward<BasicContext<S>> a, PairTable pairs,
                                       PairGradients<S> g) {
  using Accumulator = accumulator_of<S>;
  const index_t c = row_of_warp();
  if (c >= a.queries.rows()) return;
  const index_t seen = pairs.seen(c), first_pair = pairs.first_pair(c), first_key = pairs.first_key(c);
  sum_entries<Accumulator>(
      a.dqueries.view ? a.keys.columns() : 0, g.sums.columns(), seen, [](int) { return 0; },
      [&](index_t j) {
        return QueryEntry<S>{g.dproducts.row(first_pair + j), a.keys.row(first_key + j), g.dz.row(first_pair + j)};
      },
      [&](int column, Accumulator sum) { leave(a.dqueries, c, column, static_cast<S>(sum)); },
      [&](int unit, Accumulator sum) { g.sums(c, unit) = static_cast<S>(sum); });
}

/// The first number from `low` on of which `holds(number)`; `high` where it holds of none below. It holds of all that
/// follow one of which it does.
template <class Holds>
__device__ index_t first_that(index_t low, index_t high, Holds holds) {
  while (low < high) {
    const index_t middle = (low + high) / 2;
    if (holds(middle))
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

/// Keys of a warp, whose lanes look for those that see them at the same time, where few candidates see each; else it
/// has one, or some warps would walk for long and others not at all.
inline constexpr int most_keys_of_warp = 8;
/// Few of them.
inline constexpr index_t few_pairs_of_key = 4;

template <class S>
__global__ void __launch_bounds__(warp_size* rows_per_block, 3)
    key_gradients_kernel(CandidateAttentionBackward<BasicContext<S>> a, PairTable pairs, PairGradients<S> g,
                         int keys_of_warp) {
  using Accumulator = accumulator_of<S>;
  const index_t first_key = row_of_warp() * keys_of_warp, mine = first_key + threadIdx.x;
  const int heads = static_cast<int>(a.unit.heads()), columns = static_cast<int>(a.keys.columns()) / heads;
  // Those that see a row follow one another.
  index_t first_of_mine = 0, end_of_mine = 0;
  if (static_cast<int>(threadIdx.x) < keys_of_warp && mine < a.keys.rows()) {
    const index_t user = segment_of(a.offsets, mine), row = mine - a.offsets(user);
    const index_t first = a.candidates.items.offsets(user), end = a.candidates.items.offsets(user + 1);
    // How far candidates see ascends, and so does where their windows begin.
    first_of_mine = first_that(first, end, [&](index_t c) { return a.candidates.visible(c) > row; });
    end_of_mine = first_that(first_of_mine, end, [&](index_t c) { return pairs.first_key(c) > mine; });
  }
  for (int i = 0; i < keys_of_warp; ++i) {
    const index_t key = first_key + i;
    const index_t first = __shfl_sync(all_lanes, first_of_mine, i), end = __shfl_sync(all_lanes, end_of_mine, i);
    if (key >= a.keys.rows()) return;
    sum_entries<Accumulator>(
        a.dkeys.view ? a.keys.columns() : 0, g.sums.columns(), end - first,
        [heads, columns](int column) { return heads == 1 ? 0 : column / columns; },
        [&](index_t entry) {
          const index_t c = first + entry, first_pair = pairs.first_pair(c), j = key - pairs.first_key(c);
          return KeyEntry<S>{a.weights.data + heads * first_pair + j,
                             static_cast<int>(pairs.seen(c)),
                             a.dy.row(c),
                             g.dproducts.row(first_pair + j),
                             a.queries.row(c),
                             g.dz.row(first_pair + j)};
        },
        [&](int column, Accumulator sum) { leave(a.dkeys, key, column, static_cast<S>(sum)); },
        [&](int unit, Accumulator sum) { g.sums(key, unit) = static_cast<S>(sum); });
  }
}

/// Sums for keys what pairs leave for them.
template <class S>
void key_gradients(const BasicContext<S>& context, const CandidateAttentionBackward<BasicContext<S>>& a,
                   const PairTable& pairs, const PairGradients<S>& g) {
  const index_t keys = a.keys.rows();
  const int of_warp = a.candidates.pairs <= few_pairs_of_key * keys ? most_keys_of_warp : 1;
  launch<key_gradients_kernel<S>>(context, warp_per_row((keys + of_warp - 1) / of_warp), a, pairs, g, of_warp);
}

}  // namespace seqrec::cuda
