// SPDX-License-Identifier: Apache-2.0
// Which history rows candidates see, laid out pair by pair: made on the device from what only the device knows.
//
// One block adds up how many rows each candidate sees; then one warp per candidate writes its pairs. Memory: reads
// `visible` once, writes 16 bytes a candidate and 8 a pair. A hundred thousand candidates take the block 50 rounds.
#pragma once

#include "seqrec/core/candidates.hpp"
#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/rows.cuh"
#include "seqrec/cuda/segments.cuh"

namespace seqrec::cuda {

/// The pairs of a batch, candidate by candidate, oldest row first.
struct PairTable {
  VectorView<index_t, DeviceSpace> first_pair;  ///< (C+1) of each candidate
  VectorView<offset_t, DeviceSpace> first_key;  ///< (C) the oldest row that a candidate sees
  VectorView<offset_t, DeviceSpace> candidate;  ///< (pairs)
  VectorView<offset_t, DeviceSpace> key;        ///< (pairs) the row

  /// How many rows a candidate sees.
  __device__ index_t seen(index_t c) const { return first_pair(c + 1) - first_pair(c); }
};

/// Threads of the block that counts pairs, and candidates of each in a round.
inline constexpr int counting_threads = 256;
inline constexpr int candidates_per_thread = 8;

/// The sum of the values of all threads before this one, in a block of counting_threads.
/// @param total written: the sum of all
__device__ inline index_t sum_of_earlier_threads(index_t value, index_t& total) {
  constexpr int warps = counting_threads / warp_size;
  __shared__ shared_array<index_t, warps> of_warp;
  const int lane = static_cast<int>(threadIdx.x) % warp_size, warp = static_cast<int>(threadIdx.x) / warp_size;
  index_t up_to_here = value;
  for (int distance = 1; distance < warp_size; distance *= 2) {
    const index_t before = __shfl_up_sync(all_lanes, up_to_here, static_cast<unsigned>(distance));
    if (lane >= distance) up_to_here += before;
  }
  __syncthreads();  // a sum before this one may still be reading
  if (lane == warp_size - 1) of_warp[warp] = up_to_here;
  __syncthreads();
  index_t earlier = up_to_here - value;
  total = 0;
  for (int w = 0; w < warps; ++w) {
    if (w < warp) earlier += of_warp[w];
    total += of_warp[w];
  }
  return earlier;
}

/// @param offsets (B+1) of the histories' rows
template <class Space>
__global__ void count_pairs_kernel(VectorView<const offset_t, Space> offsets, Candidates<Space> candidates,
                                   PairTable pairs) {
  const index_t count = candidates.items.size();
  index_t so_far = 0;
  for (index_t start = 0; start < count; start += counting_threads * candidates_per_thread) {
    const index_t first = start + static_cast<index_t>(threadIdx.x) * candidates_per_thread;
    index_t seen[candidates_per_thread], sum = 0;
    for (int i = 0; i < candidates_per_thread; ++i) {
      const index_t c = first + i;
      seen[i] = 0;
      if (c >= count) continue;
      const index_t visible = candidates.visible(c);
      seen[i] = visible < candidates.window ? visible : candidates.window;
      sum += seen[i];
      pairs.first_key(c) = static_cast<offset_t>(offsets(segment_of(candidates.items.offsets, c)) + visible - seen[i]);
    }
    index_t of_round;
    index_t pair = so_far + sum_of_earlier_threads(sum, of_round);
    for (int i = 0; i < candidates_per_thread; ++i) {
      if (first + i < count) pairs.first_pair(first + i) = pair;
      pair += seen[i];
    }
    so_far += of_round;
  }
  if (threadIdx.x == 0) pairs.first_pair(count) = so_far;
}

/// A template only because kernels of headers must be.
template <class Offset>
__global__ void list_pairs_kernel(PairTable pairs, index_t candidates) {
  const index_t c = row_of_warp();
  if (c >= candidates) return;
  const index_t first = pairs.first_pair(c), key = pairs.first_key(c);
  for_columns_of_lane(pairs.seen(c), [&](index_t j) {
    pairs.candidate(first + j) = static_cast<Offset>(c);
    pairs.key(first + j) = static_cast<Offset>(key + j);
  });
}

/// Makes the table in the context's memory.   @param offsets (B+1) of the histories' rows
template <class S>
PairTable pair_table(BasicContext<S>& context, VectorView<const offset_t, DeviceSpace> offsets,
                     const Candidates<DeviceSpace>& candidates) {
  const index_t count = candidates.size();
  const PairTable pairs{context.template vector<index_t>(count + 1), context.template vector<offset_t>(count),
                        context.template vector<offset_t>(candidates.pairs),
                        context.template vector<offset_t>(candidates.pairs)};
  launch<count_pairs_kernel<DeviceSpace>>(context, {dim3(1), dim3(counting_threads)}, offsets, candidates, pairs);
  launch<list_pairs_kernel<offset_t>>(context, warp_per_row(count), pairs, count);
  return pairs;
}

}  // namespace seqrec::cuda
