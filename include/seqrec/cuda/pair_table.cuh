// SPDX-License-Identifier: Apache-2.0
// Which history rows candidates see, laid out pair by pair: made on the device from what only the device knows.
//
// One block for 512 candidates, a thread each: it adds up how many rows all candidates before them see, then its own,
// and its warps write the pairs of 32 candidates each. Memory: a block reads `visible` from its beginning, out of the
// second-level cache; 16 bytes a candidate and 8 a pair are written once.
#pragma once

#include "seqrec/core/candidates.hpp"
#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/launch.cuh"
#include "seqrec/cuda/reduce.cuh"
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

/// Threads of a block, and its candidates.
inline constexpr int counting_threads = 512;

/// The sum of the values of all threads before this one, in a block of counting_threads.
__device__ inline index_t sum_of_earlier_threads(index_t value) {
  constexpr int warps = counting_threads / warp_size;
  __shared__ shared_array<index_t, warps> of_warp;
  const int lane = static_cast<int>(threadIdx.x) % warp_size, warp = static_cast<int>(threadIdx.x) / warp_size;
  index_t up_to_here = value;
  for (int distance = 1; distance < warp_size; distance *= 2) {
    const index_t before = __shfl_up_sync(all_lanes, up_to_here, static_cast<unsigned>(distance));
    if (lane >= distance) up_to_here += before;
  }
  if (lane == warp_size - 1) of_warp[warp] = up_to_here;
  __syncthreads();
  return up_to_here - value + warp_sum(lane < warp ? of_warp[lane] : index_t{0});
}

/// @param offsets (B+1) of the histories' rows
template <class Space>
__global__ void list_pairs_kernel(VectorView<const offset_t, Space> offsets, Candidates<Space> candidates,
                                  PairTable pairs) {
  static_assert(counting_threads <= warp_size * warp_size, "a lane for the sum of each warp");
  const index_t first = static_cast<index_t>(blockIdx.x) * counting_threads, c = first + threadIdx.x;
  const auto seen_by = [&](index_t candidate) -> index_t {
    const index_t visible = candidates.visible(candidate);
    return visible < candidates.window ? visible : candidates.window;
  };
  index_t earlier = 0;
  for (index_t other = threadIdx.x; other < first; other += counting_threads) earlier += seen_by(other);
  earlier = block_sum(earlier);

  const bool is_one = c < candidates.items.size();
  const int seen = is_one ? static_cast<int>(seen_by(c)) : 0;
  const index_t of_block = sum_of_earlier_threads(seen);
  offset_t key = 0;
  if (is_one) {
    key = static_cast<offset_t>(offsets(segment_of(candidates.items.offsets, c)) + candidates.visible(c) - seen);
    pairs.first_key(c) = key;
  }
  if (c <= candidates.items.size()) pairs.first_pair(c) = earlier + of_block;
  // From here on counted from the warp's first pair, which an int can do.
  const int lane = static_cast<int>(threadIdx.x) % warp_size;
  const index_t of_warp = __shfl_sync(all_lanes, of_block, 0);
  const int pair = static_cast<int>(of_block - of_warp);
  for (int of_lane = 0; of_lane < warp_size; ++of_lane) {
    const int its_seen = __shfl_sync(all_lanes, seen, of_lane), its_pair = __shfl_sync(all_lanes, pair, of_lane);
    const offset_t its_key = __shfl_sync(all_lanes, key, of_lane);
    for (int j = lane; j < its_seen; j += warp_size) {
      pairs.candidate(earlier + of_warp + its_pair + j) = static_cast<offset_t>(c - lane + of_lane);
      pairs.key(earlier + of_warp + its_pair + j) = its_key + j;
    }
  }
}

/// Makes the table in the context's memory.   @param offsets (B+1) of the histories' rows
template <class S>
PairTable pair_table(BasicContext<S>& context, VectorView<const offset_t, DeviceSpace> offsets,
                     const Candidates<DeviceSpace>& candidates) {
  const index_t count = candidates.size();
  const PairTable pairs{context.template vector<index_t>(count + 1), context.template vector<offset_t>(count),
                        context.template vector<offset_t>(candidates.pairs),
                        context.template vector<offset_t>(candidates.pairs)};
  const LaunchShape shape{dim3(blocks_for(count + 1, counting_threads)), dim3(counting_threads)};  // and where all end
  launch<list_pairs_kernel<DeviceSpace>>(context, shape, offsets, candidates, pairs);
  return pairs;
}

}  // namespace seqrec::cuda
