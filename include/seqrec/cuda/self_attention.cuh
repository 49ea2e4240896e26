// SPDX-License-Identifier: Apache-2.0
// Jagged causal multi-head attention whose scores never leave the chip (FlashAttention, Dao et al. 2022,
// arXiv:2205.14135, algorithm 1, with the rows outside and the keys inside).
//
// One block per 32 rows of a history and head. It walks through their keys, 32 at a time: products of queries and keys
// in registers, weights from there to shared memory, and the products of those with values in registers again, scaled
// down whenever a higher logit comes by. Memory: q and y once, k and v once for every 32 rows that see them. Heads that
// are wider than the widest tile are made in parts, each of which makes the scores again.
#pragma once

#include "seqrec/cuda/attention_tile.cuh"
#include "seqrec/cuda/self_attention_backward.cuh"

namespace seqrec::cuda {

template <class S>
void self_attention_saved_size(BasicContext<S>&, const SelfAttentionSavedSize<BasicContext<S>>& a) {
  *a.size = saved_of_row * a.rows * a.heads;
}

template <class S, int Width>
__global__ void __launch_bounds__(tile_threads, tile_blocks)
    self_attention_kernel(SelfAttentionForward<BasicContext<S>> a, AttentionFactors<accumulator_of<S>> factors) {
  using A = accumulator_of<S>;
  const AttentionPlace at(a, TileOrder::last_first, Width);
  if (at.start >= at.length) return;
  A* const queries = dynamic_shared<A>();
  A* const keys = queries + tile_elements<Width>;
  A* const values = keys + tile_elements<Width>;
  A* const weights = values + tile_elements<Width>;
  const auto q = at.part(a.q), k = at.part(a.k), v = at.part(a.v);
  const AttentionLogits<S> logit{a.bias, factors.scale, at.first, at.head};
  OnlineSoftmax<A> softmax[tile_share];
  TileSums<A, Width> sums = {};

  for (index_t key = 0; key <= at.start; key += tile_size) {
    TileScores<A> scores = {};
    for (index_t column = 0; column < at.width; column += Width) {
      __syncthreads();  // the products before may still be reading
      if (key == 0 || at.width > Width) load_tile<Width>(queries, q, at.start, column);
      load_tile<Width>(keys, k, key, column);
      if (column == at.column) load_tile<Width>(values, v, key, column);
      __syncthreads();
      multiply_rows<Width>(scores, queries, keys, at.columns_from(column, Width));
    }
    const auto heads = static_cast<std::uint32_t>(a.heads);
    const unsigned kept = kept_scores(
        a.dropout, (a.dropout.first_row + static_cast<std::uint32_t>(at.first + at.start)) * heads + blockIdx.y, heads,
        static_cast<std::uint32_t>(key));
    for (int i = 0; i < tile_share; ++i) {
      const index_t row = at.start + tile_row(i);
      for (int j = 0; j < tile_share; ++j) {
        const index_t other = key + tile_column(j);
        const A unseen = factors.silu ? A{0} : -infinity<A>;
        // Rows behind the history's end may hold any numbers: nobody reads them.
        const A x = row >= at.length ? A{0} : other <= row ? logit(scores[i][j], row, other) : unseen;
        scores[i][j] = factors.silu ? factors.share * Silu<A>(x).value : x;
      }
      if (!factors.silu) {
        const A factor = softmax[i].take(scores[i]);
        for (A& sum : sums[i]) sum *= factor;
      }
      if (!a.dropout.active()) continue;
      for (int j = 0; j < tile_share; ++j) scores[i][j] *= kept >> (tile_share * i + j) & 1u ? factors.kept : A{0};
    }
    store_scores(weights, scores);
    __syncthreads();
    multiply_scores<Width>(sums, weights, values, at.rows_from(key));
  }

  const auto y = at.part(a.y);
  for (int i = 0; i < tile_share; ++i) {
    const index_t row = at.start + tile_row(i);
    if (row >= at.length) continue;
    const A share = factors.silu ? A{1} : A{1} / softmax[i].sum;
    for (int j = 0; j < Width / tile_side; ++j) {
      const index_t column = at.column + tile_column(j);
      if (column < at.width) y(row, column) = static_cast<S>(sums[i][j] * share);
    }
    if (!a.saved || factors.silu || at.column != 0 || tile_x() != 0) continue;
    S* const saved = a.saved.data + ((at.first + row) * a.heads + at.head) * saved_of_row;
    saved[0] = static_cast<S>(softmax[i].highest);
    saved[1] = static_cast<S>(share);
  }
}

template <class S>
void self_attention_forward(BasicContext<S>& context, const SelfAttentionForward<BasicContext<S>>& a) {
  using A = accumulator_of<S>;
  dispatch_tile_width<A>(a.q.columns() / a.heads, [&]<int Width>() {
    const std::size_t shared = (3 * tile_elements<Width> + tile_elements<tile_size>)*sizeof(A);
    launch<self_attention_kernel<S, Width>>(context, attention_shape(a, Width, shared), a,
                                            attention_factors<S>(a, a.dropout));
  });
}

}  // namespace seqrec::cuda
