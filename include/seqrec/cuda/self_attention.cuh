// SPDX-License-Identifier: Apache-2.0
// Jagged causal multi-head attention whose scores never leave the chip (FlashAttention, Dao et al. 2022,
// arXiv:2205.14135, algorithm 1, with the rows outside and the keys inside; Dao 2023, arXiv:2307.08691, for the warps).
//
// One block per 64 rows of a history and head, 16 of them a warp. Keys and values pass by, 32 at a time, while the next
// 32 arrive in shared memory. Of each a warp makes scores on tensor cores, in registers that are weights a moment later
// and a factor of the product with the values then, whose sums are scaled down whenever a higher logit comes by. Parts
// of a tile that none of a warp's rows sees are left out. Memory: q and y once, k and v once for every 64 rows that see
// them. Heads that are wider than the widest tile are made in parts, each of which makes the scores again.
#pragma once

#include "seqrec/cuda/attention_block.cuh"
#include "seqrec/cuda/multiply_add.cuh"
#include "seqrec/cuda/product_precision.cuh"
#include "seqrec/cuda/self_attention_backward.cuh"

namespace seqrec::cuda {

template <class S>
void self_attention_saved_size(BasicContext<S>&, const SelfAttentionSavedSize<BasicContext<S>>& a) {
  *a.size = saved_of_row * a.rows * a.heads;
}

/// The softmax of a warp's rows, of which 32 logits come at a time (Milakov & Gimelshein 2018, arXiv:1805.02867).
template <class A>
struct WarpSoftmax {
  A highest[2] = {-infinity<A>, -infinity<A>};  ///< logit so far, of row `mma_group` and of the one 8 below
  A sum[2] = {0, 0};                            ///< of exp(logit - highest) so far, of the lane's own logits

  /// Logits become exp(logit - highest); those of minus infinity are left out, if need be all of them.
  /// @param factors  of the two rows: what sums with earlier weights are to be multiplied by
  __device__ void take(WarpScores<A>& logits, A (&factors)[2]) {
    for (int half = 0; half < 2; ++half) {
      A top = highest[half], total = 0;
      for (MmaSums<A>& part : logits)
        for (int i = 2 * half; i < 2 * half + 2; ++i) top = Maximum{}(top, part.values[i]);
      for (int distance = 1; distance <= 2; distance *= 2)
        top = Maximum{}(top, __shfl_xor_sync(all_lanes, top, distance));
      const A base = top == -infinity<A> ? A{0} : top;
      factors[half] = weight_exp(highest[half] - base);
      highest[half] = top;
      for (MmaSums<A>& part : logits)
        for (int i = 2 * half; i < 2 * half + 2; ++i) total += part.values[i] = weight_exp(part.values[i] - base);
      sum[half] = multiply_add(sum[half], factors[half], total);
    }
  }
  /// The sum of all lanes' logits.
  __device__ A total(int half) const {
    A all = sum[half];
    for (int distance = 1; distance <= 2; distance *= 2) all += __shfl_xor_sync(all_lanes, all, distance);
    return all;
  }
};

/// The rows of one history, in one head, that a block makes.
template <class S>
struct AttentionRows {
  int start, count;                           ///< rows of the history
  int column;                                 ///< the first that the block makes, of the head's
  TiledRows<S> q;                             ///< (count, head's columns)
  TiledRows<S> k, v;                          ///< (history's rows, head's columns)
  MatrixView<S, DeviceSpace> y;               ///< (count, head's columns)
  S* saved;                                   ///< of the first row, or null
  index_t saved_apart;                        ///< from one row to the next
  std::uint32_t first_of_mask, rows_of_mask;  ///< dropout's row of the first, and from one row to the next
};

/// Bytes of shared memory of a block of so many warps: its queries, two tiles of keys and values, and biases.
template <class A, int Width>
constexpr std::size_t attention_bytes(int warps, bool biased) {
  const int rows = warps * mma_rows, biases = biased ? score_elements(rows) : 0;
  return static_cast<std::size_t>((rows + 4 * passing_rows) * Width + biases) * sizeof(A);
}

/// Makes a block's rows.
template <class Terms, int Width, int Bytes, bool InParts, int Warps, class S>
__device__ void attend(const AttentionRows<S>& at, const AttentionBiases<S>& biases,
                       const AttentionFactors<accumulator_of<S>>& factors, const Dropout& dropout) {
  using A = accumulator_of<S>;
  constexpr int rows = Warps * mma_rows, threads = Warps * warp_size;
  A* const queries = dynamic_shared<A>();
  A* const tiles = queries + rows * Width;
  const auto keys = [&](int stage) { return tiles + stage * 2 * passing_rows * Width; };
  const auto values = [&](int stage) { return keys(stage) + passing_rows * Width; };
  // The warps of a multiprocessor's quarter are not all those with the most, or the fewest, keys.
  const int held = static_cast<int>((threadIdx.x / warp_size + blockIdx.x) % Warps) * mma_rows;
  const int row = at.start + held, end = at.start + at.count,
            last = row + mma_rows < end ? row + mma_rows - 1 : end - 1;
  const auto load = [&](int stage, int key, int column) {
    copy_tile<Width, passing_rows, threads, Bytes>(keys(stage), at.k, key, column);
    copy_tile<Width, passing_rows, threads, Bytes>(values(stage), at.v, key, at.column);
  };
  A* const of_biases = keys(2);
  WarpSoftmax<A> softmax;
  WarpSums<A, Width> sums = {};
  copy_tile<Width, rows, threads, Bytes>(queries, at.q, 0, 0);
  if constexpr (!InParts) load(0, 0, 0);
  commit_copies();

  int stage = 0;
  for (int key = 0; key < end; key += passing_rows, stage ^= 1) {
    const bool seen = held < at.count && key <= last;  // by any of the warp's rows
    WarpScores<A> scores = {};
    for (int column = 0; column < at.q.columns; column += Width) {
      if constexpr (InParts) {
        __syncthreads();  // the products before may still be reading
        copy_tile<Width, rows, threads, Bytes>(queries, at.q, 0, column);
        load(stage, key, column);
        commit_copies();
      }
      wait_for_copies<0>();
      __syncthreads();  // all copies have arrived, and nobody reads the other tiles any more
      if (!InParts && key + passing_rows < end) load(stage ^ 1, key + passing_rows, 0);
      commit_copies();
      if (seen && last < key + passing_rows / 2)
        multiply_rows<Terms, Width, 0, passing_parts / 2>(scores, queries + held * Width, keys(stage));
      else if (seen)
        multiply_rows<Terms, Width>(scores, queries + held * Width, keys(stage));
    }
    if (!seen) continue;
    const auto meeting = [&](int n, int i) {
      const int this_row = row + MmaSums<A>::row(i), other = key + mma_columns * n + MmaSums<A>::column(i);
      return Meeting{this_row, other, other <= this_row && this_row < end};
    };
    make_logits(scores, factors.scale, biases, of_biases, nullptr, held, meeting);
    const A unseen = factors.silu ? A{0} : -infinity<A>;
    if (key + passing_rows > row)
      for_each_score(scores, [&](A& score, int n, int i) {
        const Meeting of = meeting(n, i);  // rows behind the end are left as they are: finite
        score = of.key <= of.row ? score : unseen;
      });
    A scaled[2] = {1, 1};
    if (factors.silu)
      for_each_score(scores,
                     [&](A& score, int, int) { score = multiply_add(factors.share, Silu<A>(score).value, A{0}); });
    else
      softmax.take(scores, scaled);
    if (dropout.active()) {
      const unsigned kept = kept_weights(dropout, at.first_of_mask + static_cast<std::uint32_t>(held) * at.rows_of_mask,
                                         at.rows_of_mask, static_cast<std::uint32_t>(key));
      for_each_score(scores, [&](A& score, int n, int i) { score *= kept >> (4 * n + i) & 1u ? factors.kept : A{0}; });
    }
    add_weighted_rows<Terms, Width>(sums, scaled[0], scaled[1], scores, values(stage), 0,
                                    (last - key) / mma_columns + 1);
  }

  if (held >= at.count) return;
  for (int half = 0; half < 2; ++half) {
    const A share = factors.silu ? A{1} : A{1} / softmax.total(half);
    const int this_row = held + MmaSums<A>::row(2 * half);
    if (this_row >= at.count) continue;
    for (int block = 0; block < Width / passing_rows; ++block)
      for (int i = 2 * half; i < 2 * half + 2; ++i) {
        Four<A> four;
        for (int e = 0; e < 4; ++e) four.of[e] = sums[4 * block + e].values[i] * share;
        leave_four<Bytes == 16>(at.y, this_row, at.column + output_column(block, i), four);
      }
    if (at.saved == nullptr || factors.silu || at.column != 0 || mma_member() != 0) continue;
    S* const saved = at.saved + this_row * at.saved_apart;
    saved[0] = static_cast<S>(softmax.highest[half]);
    saved[1] = static_cast<S>(share);
  }
}

template <class S, class Terms, int Width, int Bytes, bool InParts>
__global__ void __launch_bounds__(attention_threads, attention_blocks_at_once<Width>)
    self_attention_kernel(SelfAttentionForward<BasicContext<S>> a, AttentionFactors<accumulator_of<S>> factors) {
  const AttentionBlock at(a, TileOrder::last_first, Width);
  if (at.start >= at.length) return;
  const int left = at.length - at.start, count = left < attention_rows ? left : attention_rows;
  const index_t first = at.first + at.start;
  attend<Terms, Width, Bytes, InParts, attention_warps>(
      AttentionRows<S>{at.start, count, at.column, TiledRows<S>(at.part(a.q).row_range(at.start, count)),
                       TiledRows<S>(at.part(a.k)), TiledRows<S>(at.part(a.v)), at.part(a.y).row_range(at.start, count),
                       a.saved ? a.saved.data + (first * a.heads + at.head) * saved_of_row : nullptr,
                       a.heads * saved_of_row, at.row_of_mask(a, at.start), static_cast<std::uint32_t>(a.heads)},
      AttentionBiases<S>{a.bias, at.first, at.head}, factors, a.dropout);
}

template <class Arguments>
bool is_biased(const Arguments& a) {
  return a.bias.of_distance || a.bias.of_time;
}

/// Calls action.operator()<Terms, Width, Bytes, InParts>() for the kernel of attention's forward pass.
template <class S, class Arguments, class Action>
void dispatch_attention(const BasicContext<S>& context, const Arguments& a, Action&& action) {
  const index_t width = a.q.columns() / a.heads;
  constexpr int widest = 512 / static_cast<int>(sizeof(accumulator_of<S>));  // its sums fill a thread's registers
  const bool in_fours =
      lies_in_fours(a.q, width) && lies_in_fours(a.k, width) && lies_in_fours(a.v, width) && lies_in_fours(a.y, width);
  dispatch_terms(context, [&]<class Terms>() {
    dispatch_attention_width<S, widest>(width, in_fours, [&]<int Width, int Bytes, bool InParts>() {
      action.template operator()<Terms, Width, Bytes, InParts>();
    });
  });
}

template <class S>
void self_attention_forward(BasicContext<S>& context, const SelfAttentionForward<BasicContext<S>>& a) {
  dispatch_attention(context, a, [&]<class Terms, int Width, int Bytes, bool InParts>() {
    const std::size_t shared = attention_bytes<accumulator_of<S>, Width>(attention_warps, is_biased(a));
    launch<self_attention_kernel<S, Terms, Width, Bytes, InParts>>(context, attention_blocks(a, Width, shared), a,
                                                                   attention_factors<S>(a, a.dropout));
  });
}

}  // namespace seqrec::cuda
