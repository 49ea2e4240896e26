// SPDX-License-Identifier: Apache-2.0
// Self-attention of the last row of each history alone, with the bits of self_attention.cuh: the same code, whose
// products are the same whatever the other rows of a warp are, here none.
//
// One warp per history and head. Memory: k and v once.
#pragma once

#include "seqrec/cuda/self_attention.cuh"
#include "seqrec/ops/last_row_attention.hpp"

namespace seqrec::cuda {

/// Blocks that a multiprocessor is to hold at least: few, so that a thread may have as many registers as it needs.
inline constexpr int last_rows_at_once = 4;

template <class S, class Terms, int Width, int Bytes, bool InParts>
__global__ void __launch_bounds__(warp_size, last_rows_at_once)
    last_row_attention_kernel(LastRowAttention<BasicContext<S>> a, AttentionFactors<accumulator_of<S>> factors) {
  const index_t user = blockIdx.x, head = blockIdx.y, column = static_cast<index_t>(blockIdx.z) * Width;
  const index_t width = a.q.columns() / a.heads, first = a.offsets(user), length = a.offsets(user + 1) - first;
  const auto of_user = [&](auto matrix) { return matrix.row_range(user, 1).column_range(head * width, width); };
  const auto of_history = [&](auto matrix) {
    return matrix.row_range(first, length).column_range(head * width, width);
  };
  const auto y = of_user(a.y);
  if (length == 0) {
    for (index_t d = column + threadIdx.x; d < width && d < column + Width; d += warp_size) y(0, d) = S{0};
    return;
  }
  attend<Terms, Width, Bytes, InParts, 1>(
      AttentionRows<S>{static_cast<int>(length) - 1, 1, static_cast<int>(column), TiledRows<S>(of_user(a.q)),
                       TiledRows<S>(of_history(a.k)), TiledRows<S>(of_history(a.v)), y, nullptr, 0, 0, 0},
      AttentionBiases<S>{a.bias, first, head}, factors, {});
}

template <class S>
void last_row_attention(BasicContext<S>& context, const LastRowAttention<BasicContext<S>>& a) {
  dispatch_attention(context, a, [&]<class Terms, int Width, int Bytes, bool InParts>() {
    const LaunchShape shape{dim3(blocks_for(a.q.rows(), 1), blocks_across("attention heads", a.heads, 1),
                                 blocks_across("columns of an attention head", a.q.columns() / a.heads, Width)),
                            dim3(warp_size), attention_bytes<accumulator_of<S>, Width>(1, is_biased(a))};
    launch<last_row_attention_kernel<S, Terms, Width, Bytes, InParts>>(context, shape, a, attention_factors<S>(a));
  });
}

}  // namespace seqrec::cuda
