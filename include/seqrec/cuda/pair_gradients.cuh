// SPDX-License-Identifier: Apache-2.0
// What pairs leave for keys and queries in the backward pass of candidate attention, summed.
//
// A warp per candidate sums over the rows that it sees: as many lanes as a row needs, of which each has eight columns
// and eight units, and groups of them that share the rows. A group per row, or, where many candidates see each, a warp,
// sums over the candidates, in order. No atomics. Memory: reads a pair's gradients once for its query and once for its
// key, and either's counterpart.
#pragma once

#include <algorithm>
#include <cstddef>

#include "seqrec/cuda/gradient.cuh"
#include "seqrec/cuda/pair_table.cuh"
#include "seqrec/cuda/row_octets.cuh"
#include "seqrec/cuda/rows.cuh"
#include "seqrec/cuda/segments.cuh"
#include "seqrec/ops/candidate_attention.hpp"

namespace seqrec::cuda {

/// What pairs leave for keys and queries, and where sums of the former go.
template <class S>
struct PairGradients {
  MatrixView<const S, DeviceSpace> dproducts;  ///< (pairs, D) of q * k; null where only weights have gradients
  MatrixView<const S, DeviceSpace> dz;         ///< (pairs, F1) of the first layer's values
  MatrixView<S, DeviceSpace> sums;             ///< (N or C, F1) written: of dz
};

/// How the lanes of a warp share columns, units and entries.
struct EntryLanes {
  int lanes;      ///< of a group, a power of two: as many as have all columns and units between them, if a warp can
  int alignment;  ///< of all rows

  __device__ int group() const { return static_cast<int>(threadIdx.x) / lanes; }
  SEQREC_HOST_DEVICE int groups() const { return warp_size / lanes; }
};
/// @param a  a pass of candidate attention   @param g  what its pairs leave
template <class Pass, class S>
EntryLanes entry_lanes(const Pass& a, const PairGradients<S>& g) {
  return {octets_of_row(std::max(a.keys.columns(), g.sums.columns())),
          row_alignment(a.keys, a.queries, a.dy, a.dkeys.view, a.dqueries.view, g.dproducts, g.dz, g.sums)};
}

/// Calls finish_columns(first, count, sum) and finish_units(first, count, sum) for this lane's eights of either, with
/// sums over entries. All lanes of the warp take part.
/// @param entry   entry(i) says what the i-th entry adds: it has load(first, columns, units), whose result has
/// add_to(column sums, unit sums); so many of them as `together` says are under way at once   @param is_shared  whether
/// the warp's groups share the entries, and the first of them finishes; else each has entries of its own
template <class Accumulator, class Entry, class FinishColumns, class FinishUnits>
__device__ void sum_entries(const EntryLanes& lanes, index_t columns, index_t units, index_t entries, bool is_shared,
                            Entry entry, FinishColumns finish_columns, FinishUnits finish_units) {
  const int width = static_cast<int>(columns), height = static_cast<int>(units);
  const int begin = is_shared ? lanes.group() : 0, step = is_shared ? lanes.groups() : 1;
  constexpr int together = decltype(entry(begin))::together;
  const OctetPlace at(lanes.lanes);
  for (int base = 0; base < width || base < height; base += octet * lanes.lanes) {
    const int first = base + at.column(), of_width = at.count(width - base), of_height = at.count(height - base);
    Octet<Accumulator> of_columns, of_units;
    // What a batch of entries adds is read before the first of it is added.
    const auto add = [&]<int Entries>(index_t from) {
      decltype(entry(from).load(first, of_width, of_height)) read[static_cast<std::size_t>(Entries)];
      SEQREC_CUDA_UNROLL
      for (int k = 0; k < Entries; ++k) read[k] = entry(from + k * step).load(first, of_width, of_height);
      SEQREC_CUDA_UNROLL
      for (int k = 0; k < Entries; ++k) read[k].add_to(of_columns, of_units);
    };
    index_t from = begin;
    for (; from + (together - 1) * step < entries; from += together * step) add.template operator()<together>(from);
    for (; from < entries; from += step) add.template operator()<1>(from);
    for (int distance = lanes.lanes; is_shared && distance < warp_size; distance *= 2)
      for (int i = 0; i < octet; ++i) {
        of_columns[i] += __shfl_xor_sync(all_lanes, of_columns[i], distance);
        of_units[i] += __shfl_xor_sync(all_lanes, of_units[i], distance);
      }
    if (is_shared && lanes.group() != 0) continue;
    if (of_width > 0) finish_columns(first, of_width, of_columns);
    if (of_height > 0) finish_units(first, of_height, of_units);
  }
}

/// The same numbers in the scalar of a row.
template <class S, class Accumulator>
__device__ Octet<S> in_scalar(const Octet<Accumulator>& sum) {
  Octet<S> result;
  for (int i = 0; i < octet; ++i) result[i] = static_cast<S>(sum[i]);
  return result;
}

/// What a pair adds to its query, and to the query's part of the first layer.
template <class S>
struct QueryEntry {
  static constexpr int together = 2;
  /// A lane's eights of it.
  struct Read {
    Octet<S> dproduct, key, dz;

    template <class Accumulator>
    __device__ void add_to(Octet<Accumulator>& columns, Octet<Accumulator>& units) const {
      for (int i = 0; i < octet; ++i) {
        columns[i] += static_cast<Accumulator>(dproduct[i]) * key[i];
        units[i] += dz[i];
      }
    }
  };
  const S *dproduct, *key, *dz;
  int alignment;

  __device__ Read load(int first, int columns, int units) const {
    return {Octet<S>::load(dproduct + first, columns, alignment), Octet<S>::load(key + first, columns, alignment),
            Octet<S>::load(dz + first, units, alignment)};
  }
};

/// What a pair adds to its key, and to the key's part of the first layer.
template <class S>
struct KeyEntry {
  static constexpr int together = 1;
  /// A lane's eights of it.
  struct Read {
    Octet<S> weight, dy, dproduct, query, dz;

    template <class Accumulator>
    __device__ void add_to(Octet<Accumulator>& columns, Octet<Accumulator>& units) const {
      for (int i = 0; i < octet; ++i) {
        columns[i] += static_cast<Accumulator>(weight[i]) * dy[i] + static_cast<Accumulator>(dproduct[i]) * query[i];
        units[i] += dz[i];
      }
    }
  };
  const S* weight;  ///< of the first head; the others' lie `seen` apart
  int seen;
  int columns_of_head;
  const S *dy, *dproduct, *query, *dz;
  int alignment;

  __device__ Read load(int first, int columns, int units) const {
    Read read;
    int head = first / columns_of_head, end = (head + 1) * columns_of_head;
    for (int i = 0; i < columns; ++i) {
      if (first + i == end) ++head, end += columns_of_head;
      read.weight[i] = weight[head * seen];
    }
    read.dy = Octet<S>::load(dy + first, columns, alignment);
    read.dproduct = Octet<S>::load(dproduct + first, columns, alignment);
    read.query = Octet<S>::load(query + first, columns, alignment);
    read.dz = Octet<S>::load(dz + first, units, alignment);
    return read;
  }
};

template <class S>
__global__ void query_gradients_kernel(CandidateAttentionBackward<BasicContext<S>> a, PairTable pairs,
                                       PairGradients<S> g, EntryLanes lanes) {
  using Accumulator = accumulator_of<S>;
  const index_t c = row_of_warp();
  if (c >= a.queries.rows()) return;
  const index_t seen = pairs.seen(c), first_pair = pairs.first_pair(c), first_key = pairs.first_key(c);
  sum_entries<Accumulator>(
      lanes, a.dqueries.view ? a.keys.columns() : 0, g.sums.columns(), seen, /*is_shared=*/true,
      [&](index_t j) {
        return QueryEntry<S>{g.dproducts.row(first_pair + j), a.keys.row(first_key + j), g.dz.row(first_pair + j),
                             lanes.alignment};
      },
      [&](int first, int count, const auto& sum) {
        in_scalar<S>(sum).leave(a.dqueries, c, first, count, lanes.alignment);
      },
      [&](int first, int count, const auto& sum) {
        in_scalar<S>(sum).store(g.sums.row(c) + first, count, lanes.alignment);
      });
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

/// Keys of a warp, whose lanes look for those that see them at the same time, where few candidates see each: then a
/// group of lanes has a key after another. Else a warp has one, or some would walk for long and others not at all.
inline constexpr int most_keys_of_warp = 8;
/// Few of them.
inline constexpr index_t few_pairs_of_key = 4;

template <class S>
__global__ void __launch_bounds__(warp_size* rows_per_block, 2)
    key_gradients_kernel(CandidateAttentionBackward<BasicContext<S>> a, PairTable pairs, PairGradients<S> g,
                         int keys_of_warp, EntryLanes lanes) {
  using Accumulator = accumulator_of<S>;
  const index_t first_key = row_of_warp() * keys_of_warp, mine = first_key + threadIdx.x;
  const int heads = static_cast<int>(a.unit.heads()), columns = static_cast<int>(a.keys.columns()) / heads;
  // Those that see a row follow one another. Of the first of them, all that its key needs to know.
  index_t first_of_mine = 0, pairs_of_mine = 0;
  int entries_of_mine = 0, place_of_mine = 0, seen_of_mine = 0;
  if (static_cast<int>(threadIdx.x) < keys_of_warp && mine < a.keys.rows()) {
    const index_t user = segment_of(a.offsets, mine), row = mine - a.offsets(user);
    const index_t first = a.candidates.items.offsets(user), end = a.candidates.items.offsets(user + 1);
    // How far candidates see ascends, and so does where their windows begin.
    first_of_mine = first_that(first, end, [&](index_t c) { return a.candidates.visible(c) > row; });
    entries_of_mine = static_cast<int>(
        first_that(first_of_mine, end, [&](index_t c) { return pairs.first_key(c) > mine; }) - first_of_mine);
    if (entries_of_mine > 0) {
      pairs_of_mine = pairs.first_pair(first_of_mine);
      place_of_mine = static_cast<int>(mine - pairs.first_key(first_of_mine));
      seen_of_mine = static_cast<int>(pairs.seen(first_of_mine));
    }
  }
  const bool is_shared = keys_of_warp == 1;
  for (int i = is_shared ? 0 : lanes.group(); i < keys_of_warp; i += lanes.groups()) {
    const index_t key = first_key + i;
    const auto of_key = [&](auto value) { return __shfl_sync(all_lanes, value, i); };
    const index_t first = of_key(first_of_mine), first_pairs = of_key(pairs_of_mine);
    const int entries = of_key(entries_of_mine), first_place = of_key(place_of_mine), first_seen = of_key(seen_of_mine);
    const bool exists = key < a.keys.rows();
    sum_entries<Accumulator>(
        lanes, exists && a.dkeys.view ? a.keys.columns() : 0, exists ? g.sums.columns() : 0, entries, is_shared,
        [&](index_t entry) {
          const index_t c = first + entry, first_pair = entry == 0 ? first_pairs : pairs.first_pair(c);
          const int j = entry == 0 ? first_place : static_cast<int>(key - pairs.first_key(c));
          return KeyEntry<S>{a.weights.data + heads * first_pair + j,
                             entry == 0 ? first_seen : static_cast<int>(pairs.seen(c)),
                             columns,
                             a.dy.row(c),
                             g.dproducts.row(first_pair + j),
                             a.queries.row(c),
                             g.dz.row(first_pair + j),
                             lanes.alignment};
        },
        [&](int at, int count, const auto& sum) { in_scalar<S>(sum).leave(a.dkeys, key, at, count, lanes.alignment); },
        [&](int at, int count, const auto& sum) {
          in_scalar<S>(sum).store(g.sums.row(key) + at, count, lanes.alignment);
        });
  }
}

/// Sums for keys what pairs leave for them.
template <class S>
void key_gradients(const BasicContext<S>& context, const CandidateAttentionBackward<BasicContext<S>>& a,
                   const PairTable& pairs, const PairGradients<S>& g) {
  const index_t keys = a.keys.rows();
  const EntryLanes lanes = entry_lanes(a, g);
  const int of_warp = a.candidates.pairs <= few_pairs_of_key * keys ? std::max(most_keys_of_warp, lanes.groups()) : 1;
  launch<key_gradients_kernel<S>>(context, warp_per_row((keys + of_warp - 1) / of_warp), a, pairs, g, of_warp, lanes);
}

}  // namespace seqrec::cuda
