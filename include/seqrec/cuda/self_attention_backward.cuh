// SPDX-License-Identifier: Apache-2.0
// Gradients of self-attention, from weights that are computed again (FlashAttention, Dao et al. 2022, arXiv:2205.14135,
// algorithm 4, in two passes, so that no two blocks add to the same numbers).
//
// One block per 64 rows of a history and head, 16 of them a warp, meets the keys that they see, 32 at a time, and sums
// dq, the means that the second pass needs, and the gradients of biases; then one block per 64 keys meets the rows that
// see them and sums dk and dv. All products are made on tensor cores, as in the forward pass. Memory: in each pass q,
// k, v and dy, two of them once and two once for every 64 rows that meet them, and y once; what is left is written
// once.
#pragma once

#include <cstdint>

#include "seqrec/cuda/attention_bias_gradient.cuh"
#include "seqrec/cuda/attention_gradient.cuh"
#include "seqrec/cuda/gradient.cuh"
#include "seqrec/cuda/product_precision.cuh"

namespace seqrec::cuda {

/// The sum of y dy over a head's columns, which is that of weights and their gradients (Dao et al., appendix B.4): the
/// four lanes that call for one row have a quarter each, and all of them the sum. Others of the warp may have none.
template <bool InFours, class S>
__device__ accumulator_of<S> gradient_mean(const MatrixView<const S, DeviceSpace>& y,
                                           const MatrixView<const S, DeviceSpace>& dy, int row, bool exists) {
  using A = accumulator_of<S>;
  A sum = 0;
  if constexpr (InFours && sizeof(Four<S>) == 16) {  // the width is a multiple of 4
    for (index_t column = 4 * mma_member(); exists && column < y.columns(); column += 16) {
      const Four<S> a = read_four(y.row(row) + column), b = read_four(dy.row(row) + column);
      for (int e = 0; e < 4; ++e) sum = multiply_add(static_cast<A>(a.of[e]), static_cast<A>(b.of[e]), sum);
    }
  } else {
    for (index_t column = mma_member(); exists && column < y.columns(); column += 4)
      sum = multiply_add(static_cast<A>(y(row, column)), static_cast<A>(dy(row, column)), sum);
  }
  for (int distance = 1; distance <= 2; distance *= 2) sum += __shfl_xor_sync(all_lanes, sum, distance);
  return sum;
}

/// dq, what a block's rows have of the gradients of biases, and means(row H + head), which softmax needs.
template <class S, class Terms, int Width, int Bytes, bool InParts>
__global__ void __launch_bounds__(attention_threads, attention_gradient_blocks<Bytes, InParts>)
    attention_query_gradient_kernel(SelfAttentionBackward<BasicContext<S>> a,
                                    AttentionFactors<accumulator_of<S>> factors,
                                    VectorView<accumulator_of<S>, DeviceSpace> means,
                                    const AttentionBiasRows<accumulator_of<S>> bias_rows) {
  using A = accumulator_of<S>;
  using Rows = TiledRows<S>;
  using Tiles = AttentionGradientTiles<Terms, Width, Bytes, InParts, 0, passing_parts / 2, S>;
  const AttentionBlock at(a, TileOrder::last_first, Width);
  if (at.start >= at.length) return;
  A* const shared = dynamic_shared<A>();
  Tiles tiles(shared, {Rows(at.part(a.q)), Rows(at.part(a.dy))}, {Rows(at.part(a.k)), Rows(at.part(a.v))}, at.start,
              at.column);
  const auto nothing = [](int) {};
  tiles.begin(0, nothing);
  AttentionBiasSums<A> bias(bias_rows, at, shared + Tiles::elements, at.column == 0);  // other parts sum the same
  const int in_block = at.row_of_warp(), row = at.start + in_block;
  const int end = at.start + attention_rows < at.length ? at.start + attention_rows : at.length;
  const int last = row + mma_rows < end ? row + mma_rows - 1 : end - 1;
  AttentionRow<A> of_row[2] = {};
  for (int half = 0; half < 2 && !factors.silu; ++half) {
    const int this_row = row + MmaSums<A>::row(2 * half);
    const bool exists = this_row < end;
    const index_t in_batch = exists ? (at.first + this_row) * a.heads + at.head : 0;
    const A mean = gradient_mean<Bytes == 16>(at.part(a.y), at.part(a.dy), this_row, exists);
    of_row[half] = {a.saved(in_batch * saved_of_row), a.saved(in_batch * saved_of_row + 1), mean};
    if (exists && at.column == 0 && mma_member() == 0) means(in_batch) = mean;
  }
  const AttentionBiases<S> biases{a.bias, at.first, at.head};
  WarpSums<A, Width> dq = {};
  for (int key = 0; key < end; key += passing_rows) {
    const bool seen = row < end && key <= last;  // by any of the warp's rows
    WarpScores<A> scores = {}, slopes = {};
    tiles.multiply(scores, slopes, in_block, key, key + passing_rows < end ? key + passing_rows : -1, seen,
                   last >= key + passing_rows / 2, nothing);
    const unsigned kept = seen ? kept_weights(a.dropout, at.row_of_mask(a, row), static_cast<std::uint32_t>(a.heads),
                                              static_cast<std::uint32_t>(key))
                               : 0;
    if (seen) {
      const auto meeting = [&](int n, int i) {
        const int this_row = row + MmaSums<A>::row(i), other = key + mma_columns * n + MmaSums<A>::column(i);
        return Meeting{this_row, other, other <= this_row && this_row < end};
      };
      make_logits(scores, factors.scale, biases, bias.slopes(), bias.buckets(), in_block, meeting);
      differentiate(
          scores, slopes, factors, kept, [&](int, int i) { return of_row[i / 2]; }, meeting);
    }
    if (bias)
      for_each_score(slopes, [&](A& slope, int n, int i) {
        bias.slopes()[score_place(in_block, n, i)] = slope;
        if (!seen && bias.buckets() != nullptr) bias.buckets()[score_place(in_block, n, i)] = 0;
      });
    if (seen && a.dq)
      add_weighted_rows<Terms, Width>(dq, A{1}, A{1}, slopes, tiles.passing(0), 0, (last - key) / mma_columns + 1);
    if (bias) bias.add(key);
  }
  if (bias) bias.leave();
  leave_attention_gradient<Width, Bytes == 16>(a.dq, at, row, dq, factors.scale);
}

/// dk and dv.
template <class S, class Terms, int Width, int Bytes, bool InParts>
__global__ void __launch_bounds__(attention_threads, attention_gradient_blocks<Bytes, InParts>)
    attention_key_gradient_kernel(SelfAttentionBackward<BasicContext<S>> a, AttentionFactors<accumulator_of<S>> factors,
                                  VectorView<const accumulator_of<S>, DeviceSpace> means) {
  using A = accumulator_of<S>;
  using Rows = TiledRows<S>;
  using Tiles = AttentionGradientTiles<Terms, Width, Bytes, InParts, passing_parts / 2, passing_parts, S>;
  const AttentionBlock at(a, TileOrder::first_first, Width);
  if (at.start >= at.length) return;
  A* const shared = dynamic_shared<A>();
  Tiles tiles(shared, {Rows(at.part(a.k)), Rows(at.part(a.v))}, {Rows(at.part(a.q)), Rows(at.part(a.dy))}, at.start,
              at.column);
  // Two times, as the tiles: the highest logits, shares and means of the passing rows.
  const auto rows = [&](int row) { return shared + Tiles::elements + row / passing_rows % 2 * (3 * passing_rows); };
  const auto load_rows = [&](int row) {
    const int thread = static_cast<int>(threadIdx.x);
    if (thread >= passing_rows || factors.silu) return;
    const int valid = row + thread < at.length ? static_cast<int>(sizeof(A)) : 0;
    const index_t in_batch = valid > 0 ? (at.first + row + thread) * a.heads + at.head : 0;
    const A* const from[] = {a.saved.data + in_batch * saved_of_row, a.saved.data + in_batch * saved_of_row + 1,
                             means.data + in_batch};
    for (int i = 0; i < 3; ++i) copy_async<sizeof(A)>(rows(row) + i * passing_rows + thread, from[i], valid);
  };
  tiles.begin(at.start, load_rows);
  const int in_block = at.row_of_warp(), key = at.start + in_block;
  const AttentionBiases<S> biases{a.bias, at.first, at.head};
  A* const of_biases = shared + Tiles::elements + 6 * passing_rows;
  WarpSums<A, Width> dk = {}, dv = {};
  for (int row = at.start; row < at.length; row += passing_rows) {
    const bool seen = key < at.length && key < row + passing_rows;  // by any of the rows
    WarpScores<A> weights = {}, slopes = {};
    tiles.multiply(weights, slopes, in_block, row, row + passing_rows < at.length ? row + passing_rows : -1, seen,
                   key < row + passing_rows / 2, load_rows);
    if (!seen) continue;
    const unsigned kept = kept_weights_of_keys(a.dropout, at.row_of_mask(a, row), static_cast<std::uint32_t>(a.heads),
                                               static_cast<std::uint32_t>(key));
    const auto meeting = [&](int n, int i) {
      const int this_row = row + mma_columns * n + MmaSums<A>::column(i), other = key + MmaSums<A>::row(i);
      return Meeting{this_row, other, other <= this_row && this_row < at.length};
    };
    make_logits(weights, factors.scale, biases, of_biases, nullptr, in_block, meeting);
    const A* const of_rows = rows(row);
    const auto row_of = [&](int n, int i) {
      const A* const of_row = of_rows + mma_columns * n + MmaSums<A>::column(i);
      return AttentionRow<A>{of_row[0], of_row[passing_rows], of_row[2 * passing_rows]};
    };
    differentiate(weights, slopes, factors, kept, row_of, meeting);
    const int begin = key > row ? (key - row) / mma_columns : 0,
              parts = (at.length - row + mma_columns - 1) / mma_columns;
    if (a.dv) add_weighted_rows<Terms, Width, 32>(dv, A{1}, A{1}, weights, tiles.passing(1), begin, parts);
    if (a.dk) add_weighted_rows<Terms, Width, 32>(dk, A{1}, A{1}, slopes, tiles.passing(0), begin, parts);
  }
  leave_attention_gradient<Width, Bytes == 16>(a.dk, at, key, dk, factors.scale);
  leave_attention_gradient<Width, Bytes == 16>(a.dv, at, key, dv, A{1});
}

template <class S>
void self_attention_backward(BasicContext<S>& context, const SelfAttentionBackward<BasicContext<S>>& a) {
  using A = accumulator_of<S>;
  const auto factors = attention_factors<S>(a, a.dropout);
  const bool softmax = !factors.silu, keys = a.dk || a.dv;
  const AttentionBiasRows<A> bias_rows = attention_bias_rows(context, a);
  const bool biases = bias_rows.of_distance || bias_rows.of_time;
  VectorView<A, DeviceSpace> means;
  if (softmax) means = context.template vector<A>(a.q.rows() * a.heads);
  const VectorView<const A, DeviceSpace> read_means = means;
  const index_t width = a.q.columns() / a.heads;
  const auto in_fours = [&](auto... matrices) {
    return ((matrices.data == nullptr || lies_in_fours(matrices, width)) && ...);
  };
  const bool fours = in_fours(a.q, a.k, a.v, a.y, a.dy, a.dq.view, a.dk.view, a.dv.view);
  constexpr int widest = 256 / static_cast<int>(sizeof(A));  // its sums, of two matrices, fill a thread's registers
  const auto launch_for = [&]<class Terms, int Width, int Bytes, bool InParts>() {
    const std::size_t tiles = (2 * attention_rows + 4 * passing_rows) * Width * sizeof(A);
    const std::size_t scores = a.bias.of_distance || a.bias.of_time ? slope_elements * sizeof(A) : 0;
    const std::size_t with_biases = biases ? attention_bias_bytes<A>(static_cast<bool>(bias_rows.of_time)) : scores;
    if (a.dq || biases || (softmax && keys))
      launch<attention_query_gradient_kernel<S, Terms, Width, Bytes, InParts>>(
          context, attention_blocks(a, Width, tiles + with_biases), a, factors, means, bias_rows);
    if (keys)
      launch<attention_key_gradient_kernel<S, Terms, Width, Bytes, InParts>>(
          context, attention_blocks(a, Width, tiles + scores + 6 * passing_rows * sizeof(A)), a, factors, read_means);
  };
  dispatch_terms(context, [&]<class Terms>() {
    dispatch_attention_width<S, widest>(width, fours, [&]<int Width, int Bytes, bool InParts>() {
      launch_for.template operator()<Terms, Width, Bytes, InParts>();
    });
  });
  add_attention_bias_gradient(context, a, bias_rows);
}

}  // namespace seqrec::cuda
