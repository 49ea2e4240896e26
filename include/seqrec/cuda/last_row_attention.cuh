// SPDX-License-Identifier: Apache-2.0
// Self-attention of the last row of each history alone, with the bits of self_attention.cuh: the same sums in the same
// order, of one row instead of 32.
//
// One warp per history and head. 32 keys at a time go through shared memory, to be read whole from there by a lane
// each; values are read a lane a column. Memory: k and v once. Limits: the sums of a head's columns lie in shared
// memory too, which holds some thousand of them.
#pragma once

#include "seqrec/cuda/attention_tile.cuh"
#include "seqrec/cuda/rows.cuh"
#include "seqrec/ops/last_row_attention.hpp"

namespace seqrec::cuda {

/// Warps of a block, a history and head each: few, because each has a tile of keys.
inline constexpr int last_rows_of_block = 4;

/// Elements of a warp's shared memory: a tile of keys, its weights, and the sums of all columns.
SEQREC_HOST_DEVICE inline index_t last_row_elements(index_t width) {
  return tile_elements<tile_size> + tile_size + width;
}

template <class S>
__global__ void last_row_attention_kernel(LastRowAttention<BasicContext<S>> a,
                                          AttentionFactors<accumulator_of<S>> factors) {
  using A = accumulator_of<S>;
  const int lane = static_cast<int>(threadIdx.x);
  const index_t i = static_cast<index_t>(blockIdx.x) * last_rows_of_block + threadIdx.y;
  if (i >= a.q.rows() * a.heads) return;
  const index_t user = i / a.heads, head = i % a.heads, width = a.q.columns() / a.heads;
  A* const keys = dynamic_shared<A>() + threadIdx.y * last_row_elements(width);
  A* const weights = keys + tile_elements<tile_size>;
  A* const sums = weights + tile_size;
  const index_t first = a.offsets(user), length = a.offsets(user + 1) - first, row = length - 1;
  const auto q = a.q.row_range(user, 1).column_range(head * width, width);
  const auto y = a.y.row_range(user, 1).column_range(head * width, width);
  const auto k = a.k.row_range(first, length).column_range(head * width, width);
  const auto v = a.v.row_range(first, length).column_range(head * width, width);
  const AttentionLogits<S> logit{a.bias, factors.scale, first, head};
  OnlineSoftmax<A> softmax;
  for_columns_of_lane(width, [&](index_t column) { sums[column] = 0; });

  for (index_t key = 0; key < length; key += tile_size) {
    const int seen = static_cast<int>(length - key < tile_size ? length - key : tile_size);
    A score = 0;
    for (index_t column = 0; column < width; column += tile_size) {
      const int columns = static_cast<int>(width - column < tile_size ? width - column : tile_size);
      __syncwarp();  // lanes may still be reading
      for (int j = 0; lane < columns && j < seen; ++j)
        keys[j * tile_stride<tile_size> + lane] = static_cast<A>(k(key + j, column + lane));
      __syncwarp();
      for (int d = 0; lane < seen && d < columns; ++d)
        score = multiply_add(static_cast<A>(q(0, column + d)), keys[lane * tile_stride<tile_size> + d], score);
    }
    const A unseen = factors.silu ? A{0} : -infinity<A>;
    const A x = lane < seen ? logit(score, row, key + lane) : unseen;
    // Eight lanes hold the row as the threads of a tile do, and four such groups the same.
    A of_lane[tile_share];
    for (int j = 0; j < tile_share; ++j) of_lane[j] = __shfl_sync(all_lanes, x, lane % tile_side + tile_side * j);
    A factor = 1;
    if (factors.silu)
      for (A& weight : of_lane) weight = factors.share * Silu<A>(weight).value;
    else
      factor = softmax.take(of_lane);
    for (int j = 0; lane < tile_side && j < tile_share; ++j) weights[lane + tile_side * j] = of_lane[j];
    __syncwarp();
    for_columns_of_lane(width, [&](index_t column) {
      A sum = sums[column] * factor;
      for (int j = 0; j < seen; ++j) sum = multiply_add(weights[j], static_cast<A>(v(key + j, column)), sum);
      sums[column] = sum;
    });
  }
  const A share = factors.silu || length == 0 ? A{1} : A{1} / softmax.sum;
  for_columns_of_lane(width, [&](index_t column) { y(0, column) = static_cast<S>(sums[column] * share); });
}

template <class S>
void last_row_attention(BasicContext<S>& context, const LastRowAttention<BasicContext<S>>& a) {
  using A = accumulator_of<S>;
  const index_t width = a.q.columns() / a.heads;
  const auto bytes = static_cast<std::size_t>(last_rows_of_block * last_row_elements(width)) * sizeof(A);
  if (bytes > default_shared_bytes) {
    const index_t elements = static_cast<index_t>(most_shared_bytes() / sizeof(A)) / last_rows_of_block;
    const index_t widest = elements - last_row_elements(0);
    if (width > widest)
      throw ArgumentError(concatenate("last_row_attention columns of a head is ", width, ", expected at most ", widest,
                                      ", whose sums fit into the device's shared memory"));
  }
  const LaunchShape shape{dim3(blocks_for(a.q.rows() * a.heads, last_rows_of_block)),
                          dim3(warp_size, last_rows_of_block), bytes};
  launch<last_row_attention_kernel<S>>(context, shape, a, attention_factors<S>(a));
}

}  // namespace seqrec::cuda
