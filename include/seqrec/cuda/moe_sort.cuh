// SPDX-License-Identifier: Apache-2.0
// The assignments of a mixture of experts, sorted by expert and by row within; moe_route.cuh calls it.
//
// Counts, then places: one warp per expert and slice of rows, whose lanes look through 32 rows at a time, so that an
// assignment's place is a count, and no order depends on scheduling. One block adds the counts up in between.
// Memory: the chosen experts of all rows once per expert and pass, mostly from the caches.
#pragma once

#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/rows.cuh"
#include "seqrec/ops/moe_route.hpp"

namespace seqrec::cuda {

/// Rows of a slice: few enough to fill a GPU, many enough for the counts of all slices to be few.
inline constexpr index_t moe_slice_rows = 1024;
/// Threads of the block that adds counts up.
inline constexpr int moe_scan_threads = 256;

/// Calls visit(row, k, how many of the slice's rows before it have the expert) for the rows of a slice that go to the
/// warp's expert, a lane a row. @return how many they are
template <class S, class Visit>
__device__ index_t for_rows_of_expert(const MoeRouting<BasicContext<S>>& routing, index_t slice, index_t expert,
                                      Visit visit) {
  const index_t rows = routing.experts.rows(), chosen = routing.experts.columns(), begin = slice * moe_slice_rows;
  const index_t end = begin + moe_slice_rows < rows ? begin + moe_slice_rows : rows;
  index_t count = 0;
  for (index_t first = begin; first < end; first += warp_size) {
    const index_t row = first + threadIdx.x;
    index_t place = chosen;
    for (index_t k = 0; row < end && k < chosen; ++k)
      if (routing.experts(row, k) == expert) place = k;
    const unsigned all = __ballot_sync(all_lanes, place < chosen ? 1 : 0);
    if (place < chosen) visit(row, place, count + __popc(all & ((1u << threadIdx.x) - 1u)));
    count += __popc(all);
  }
  return count;
}

/// The expert and the slice of a warp: blocks are counted by slice, then by eight experts.
__device__ inline index_t moe_expert_of_warp() {
  return static_cast<index_t>(blockIdx.y) * rows_per_block + threadIdx.y;
}

template <class S>
__global__ void moe_count_kernel(MoeRouting<BasicContext<S>> routing, MatrixView<offset_t, DeviceSpace> counts) {
  const index_t expert = moe_expert_of_warp(), slice = blockIdx.x;
  if (expert >= counts.columns()) return;
  const index_t count = for_rows_of_expert<S>(routing, slice, expert, [](index_t, index_t, index_t) {});
  if (threadIdx.x == 0) counts(slice, expert) = static_cast<offset_t>(count);
}

/// counts(slice, expert) becomes how many assignments the expert has in the slices before; starts are summed up.
template <class S>
__global__ void moe_scan_kernel(MatrixView<offset_t, DeviceSpace> counts, VectorView<offset_t, DeviceSpace> starts) {
  const index_t experts = counts.columns();
  for (index_t e = threadIdx.x; e < experts; e += moe_scan_threads) {
    offset_t sum = 0;
    for (index_t slice = 0; slice < counts.rows(); ++slice) {
      const offset_t count = counts(slice, e);
      counts(slice, e) = sum;
      sum += count;
    }
    starts(e + 1) = sum;
  }
  __syncthreads();
  if (threadIdx.x >= warp_size) return;
  if (threadIdx.x == 0) starts(0) = 0;
  offset_t before = 0;
  for (index_t first = 0; first < experts; first += warp_size) {
    const index_t e = first + threadIdx.x;
    offset_t sum = e < experts ? starts(e + 1) : 0;
    for (unsigned distance = 1; distance < warp_size; distance *= 2) {
      const offset_t other = __shfl_up_sync(all_lanes, sum, distance);
      if (threadIdx.x >= distance) sum += other;
    }
    if (e < experts) starts(e + 1) = before + sum;
    before += __shfl_sync(all_lanes, sum, warp_size - 1);
  }
}

template <class S>
__global__ void moe_scatter_kernel(MoeRouting<BasicContext<S>> routing,
                                   MatrixView<const offset_t, DeviceSpace> counts_before) {
  const index_t expert = moe_expert_of_warp(), slice = blockIdx.x;
  if (expert >= counts_before.columns()) return;
  const index_t first = index_t{routing.starts(expert)} + counts_before(slice, expert);
  for_rows_of_expert<S>(routing, slice, expert, [&](index_t row, index_t k, index_t before) {
    routing.places(row, k) = static_cast<offset_t>(first + before);
    routing.rows(first + before) = static_cast<offset_t>(row);
  });
}

/// Writes places, rows and starts of a routing from its experts.
template <class S>
void moe_sort(BasicContext<S>& context, const MoeRouting<BasicContext<S>>& routing) {
  const index_t rows = routing.experts.rows(), experts = routing.num_experts();
  const index_t slices = (rows + moe_slice_rows - 1) / moe_slice_rows;
  const MatrixView<offset_t, DeviceSpace> counts(context.template vector<offset_t>(slices * experts).data, slices,
                                                 experts);
  const LaunchShape by_expert{dim3(blocks_for(slices, 1), blocks_across("experts", experts, rows_per_block)),
                              dim3(warp_size, rows_per_block)};
  launch<moe_count_kernel<S>>(context, by_expert, routing, counts);
  launch<moe_scan_kernel<S>>(context, {1, moe_scan_threads}, counts, routing.starts);
  const MatrixView<const offset_t, DeviceSpace> counts_before = counts;
  launch<moe_scatter_kernel<S>>(context, by_expert, routing, counts_before);
}

}  // namespace seqrec::cuda
