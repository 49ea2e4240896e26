// SPDX-License-Identifier: Apache-2.0
// What pairs leave for keys and queries in the backward pass of candidate attention, summed.
//
// One warp per candidate sums over the rows that it sees, one warp per eight rows over the candidates that see each, in
// order; one lane for each 32nd column. No atomics. Memory: reads a pair's gradients once for its query and once for
// its key, and either's counterpart.
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

/// Columns that a lane sums at once: of keys and units together, so that an entry is looked up once and all that is
/// read of it is under way at the same time; 160 of them.
inline constexpr int gradient_columns_at_once = 5;

/// Calls finish(column, sum) for the columns of this lane, with sums over some entries.
/// @param entry  entry(i) gives a function from a column to what the i-th entry adds there
template <class Accumulator, class Entry, class Finish>
__device__ void sum_entries(index_t columns, index_t entries, Entry entry, Finish finish) {
  for (index_t first = threadIdx.x; first < columns; first += gradient_columns_at_once * warp_size) {
    Accumulator sums[static_cast<std::size_t>(gradient_columns_at_once)] = {};
    for (index_t i = 0; i < entries; ++i) {
      const auto value = entry(i);
      SEQREC_CUDA_UNROLL
      for (int j = 0; j < gradient_columns_at_once; ++j)
        if (first + j * warp_size < columns) sums[j] += value(first + j * warp_size);
    }
    SEQREC_CUDA_UNROLL
    for (int j = 0; j < gradient_columns_at_once; ++j)
      if (first + j * warp_size < columns) finish(first + j * warp_size, sums[j]);
  }
}

template <class S>
__global__ void query_gradients_kernel(CandidateAttentionBackward<BasicContext<S>> a, PairTable pairs,
                                       PairGradients<S> g) {
  using Accumulator = accumulator_of<S>;
  const index_t c = row_of_warp();
  if (c >= a.queries.rows()) return;
  const index_t seen = pairs.seen(c), first_pair = pairs.first_pair(c), first_key = pairs.first_key(c);
  const index_t width = a.dqueries.view ? a.keys.columns() : 0;  // units come behind
  sum_entries<Accumulator>(
      width + g.sums.columns(), seen,
      [&](index_t j) {
        return [width, dproduct = g.dproducts.row(first_pair + j), key = a.keys.row(first_key + j),
                dz = g.dz.row(first_pair + j)](index_t column) -> Accumulator {
          if (column >= width) return dz[column - width];
          return static_cast<Accumulator>(dproduct[column]) * key[column];
        };
      },
      [&](index_t column, Accumulator sum) {
        if (column >= width)
          g.sums(c, column - width) = static_cast<S>(sum);
        else
          leave(a.dqueries, c, column, static_cast<S>(sum));
      });
}

/// The first candidate of a user that sees beyond a row of the history, counted from its first; visible rows ascend.
template <class Space>
__device__ index_t first_to_see(const Candidates<Space>& candidates, index_t user, index_t row) {
  index_t low = candidates.items.offsets(user), high = candidates.items.offsets(user + 1);
  while (low < high) {
    const index_t middle = (low + high) / 2;
    if (candidates.visible(middle) > row)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

/// The first candidate from `first` on, before `end`, whose window begins behind a key; windows ascend.
__device__ inline index_t first_behind(const PairTable& pairs, index_t first, index_t end, index_t key) {
  while (first < end) {
    const index_t middle = (first + end) / 2;
    if (pairs.first_key(middle) > key)
      end = middle;
    else
      first = middle + 1;
  }
  return first;
}

/// Keys of a warp, whose lanes look for those that see them at the same time.
inline constexpr int keys_of_warp = 8;

template <class S>
__global__ void key_gradients_kernel(CandidateAttentionBackward<BasicContext<S>> a, PairTable pairs,
                                     PairGradients<S> g) {
  using Accumulator = accumulator_of<S>;
  const index_t first_key = row_of_warp() * keys_of_warp, mine = first_key + threadIdx.x;
  const index_t heads = a.unit.heads(), columns = a.keys.columns() / heads;
  const index_t width = a.dkeys.view ? a.keys.columns() : 0;  // units come behind
  // Those that see a row follow one another.
  index_t first_of_mine = 0, end_of_mine = 0;
  if (threadIdx.x < keys_of_warp && mine < a.keys.rows()) {
    const index_t user = segment_of(a.offsets, mine);
    first_of_mine = first_to_see(a.candidates, user, mine - a.offsets(user));
    end_of_mine = first_behind(pairs, first_of_mine, a.candidates.items.offsets(user + 1), mine);
  }
  for (int i = 0; i < keys_of_warp; ++i) {
    const index_t key = first_key + i;
    const index_t first = __shfl_sync(all_lanes, first_of_mine, i), end = __shfl_sync(all_lanes, end_of_mine, i);
    if (key >= a.keys.rows()) return;
    sum_entries<Accumulator>(
        width + g.sums.columns(), end - first,
        [&](index_t entry) {
          const index_t c = first + entry, first_pair = pairs.first_pair(c), j = key - pairs.first_key(c);
          return [=, weight = a.weights.data + heads * first_pair + j, seen = pairs.seen(c), dy = a.dy.row(c),
                  q = a.queries.row(c), dproduct = g.dproducts.row(first_pair + j),
                  dz = g.dz.row(first_pair + j)](index_t column) -> Accumulator {
            if (column >= width) return dz[column - width];
            const index_t head = heads == 1 ? 0 : column / columns;
            return static_cast<Accumulator>(weight[head * seen]) * dy[column] +
                   static_cast<Accumulator>(dproduct[column]) * q[column];
          };
        },
        [&](index_t column, Accumulator sum) {
          if (column >= width)
            g.sums(key, column - width) = static_cast<S>(sum);
          else
            leave(a.dkeys, key, column, static_cast<S>(sum));
        });
  }
}

}  // namespace seqrec::cuda
