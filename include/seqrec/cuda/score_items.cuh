// SPDX-License-Identifier: Apache-2.0
// Scores of listed items, those that the catalogue's tiles would give them.
//
// One thread per listed item, which adds up a row; blocks of 128 bring the rows through shared memory, 32 columns at a
// time, a warp a row. Memory: reads each listed row once (coalesced), and the states from cache.
#pragma once

#include <cmath>

#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/launch.cuh"
#include "seqrec/cuda/segments.cuh"
#include "seqrec/ops/score_items.hpp"

namespace seqrec::cuda {

/// Listed items of a block, a thread each: 17 KB of floats in shared memory.
inline constexpr int listed_items = 128;

template <class S>
__global__ void score_items_kernel(ScoreItems<BasicContext<S>> a) {
  using Accumulator = accumulator_of<S>;
  // One more than lanes: a column's elements lie in different banks.
  __shared__ shared_array<S[warp_size + 1], listed_items> vectors;
  const index_t first = static_cast<index_t>(blockIdx.x) * listed_items, width = a.head.width();
  const int thread = static_cast<int>(threadIdx.x), lane = thread % warp_size;
  const index_t c = first + thread;
  const bool is_listed = c < a.candidates.size();
  const S* const state = is_listed ? a.queries.row(segment_of(a.candidates.offsets, c)) : nullptr;
  Accumulator sum = 0;
  for (index_t column = 0; column < width; column += warp_size) {
    for (int i = thread / warp_size; i < listed_items; i += listed_items / warp_size)
      if (first + i < a.candidates.size() && column + lane < width)
        vectors[i][lane] = a.head.table(a.candidates.values(first + i), column + lane);
    __syncthreads();
    for (int d = 0; is_listed && d < warp_size && column + d < width; ++d)
      sum = std::fma(static_cast<Accumulator>(state[column + d]), static_cast<Accumulator>(vectors[thread][d]), sum);
    __syncthreads();
  }
  if (!is_listed) return;
  const S product = static_cast<S>(sum);
  a.scores(c) = a.head.bias ? product + a.head.bias(a.candidates.values(c)) : product;
}

template <class S>
void score_items(BasicContext<S>& context, const ScoreItems<BasicContext<S>>& a) {
  const LaunchShape shape{dim3(blocks_for(a.candidates.size(), listed_items)), dim3(listed_items)};
  launch<score_items_kernel<S>>(context, shape, a);
}

}  // namespace seqrec::cuda
