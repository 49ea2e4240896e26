// SPDX-License-Identifier: Apache-2.0
// Gradients of self-attention, from weights that are computed again (FlashAttention, Dao et al. 2022, arXiv:2205.14135,
// algorithm 4, in two passes, so that no two blocks add to the same numbers).
//
// One block per 32 rows of a history and head walks through the keys that they see and sums dq, and the gradients of
// biases; then one block per 32 keys walks through the rows that see them and sums dk and dv. Memory: in each pass q,
// k, v and dy, two of them once and two once for every 32 rows that meet them; what is left is written once.
#pragma once

#include <cstdint>

#include "seqrec/cuda/attention_bias_gradient.cuh"
#include "seqrec/cuda/attention_tile.cuh"
#include "seqrec/cuda/gradient.cuh"
#include "seqrec/cuda/rows.cuh"

namespace seqrec::cuda {

/// means(row H + head) = the sum of y dy over the head's columns, which is that of weights and their gradients (Dao et
/// al., appendix B.4). One warp per row and head.
template <class S>
__global__ void attention_means_kernel(SelfAttentionBackward<BasicContext<S>> a,
                                       VectorView<accumulator_of<S>, DeviceSpace> means) {
  using A = accumulator_of<S>;
  const index_t i = row_of_warp();
  if (i >= means.size()) return;
  const index_t row = i / a.heads, width = a.y.columns() / a.heads, first = i % a.heads * width;
  A sum = 0;
  for_columns_of_lane(width, [&](index_t column) {
    sum += static_cast<A>(a.y(row, first + column)) * static_cast<A>(a.dy(row, first + column));
  });
  sum = warp_sum(sum);
  if (threadIdx.x == 0) means(i) = sum;
}

/// The tiles of 32 rows and 32 keys in shared memory.
template <class S, int Width>
struct AttentionGradientTiles {
  using A = accumulator_of<S>;
  static constexpr int elements = 4 * tile_elements<Width> + 2 * tile_elements<tile_size>;

  A *queries, *gradients;  ///< rows of q and of dy
  A *keys, *values;        ///< rows of k and of v
  A *weights, *slopes;     ///< of the scores: weights under dropout, and gradients of logits
  std::uint8_t* buckets;   ///< of the scores; null where nobody wants them

  __device__ explicit AttentionGradientTiles(A* shared) {
    A** const tiles[] = {&queries, &gradients, &keys, &values, &weights, &slopes};
    for (int i = 0; i < 6; ++i) {
      *tiles[i] = shared;
      shared += i < 4 ? tile_elements<Width> : tile_elements<tile_size>;
    }
    buckets = nullptr;
  }

  /// Makes weights and slopes of the rows from `row` on for the keys from `key` on. The other tiles then hold the
  /// block's columns.   @param new_rows, new_keys  whether they are others than in the last call
  __device__ void make(const SelfAttentionBackward<BasicContext<S>>& a, const AttentionPlace& at,
                       const AttentionFactors<A>& factors, VectorView<const A, DeviceSpace> means, index_t row,
                       index_t key, bool new_rows, bool new_keys) {
    const bool in_parts = at.width > Width;
    TileScores<A> products = {}, dweights = {};
    for (index_t column = 0; column < at.width; column += Width) {
      __syncthreads();  // the products before may still be reading
      if (new_rows || in_parts) load_rows(a, at, row, column);
      if (new_keys || in_parts) load_keys(a, at, key, column);
      __syncthreads();
      multiply_rows<Width>(products, queries, keys, at.columns_from(column, Width));
      multiply_rows<Width>(dweights, gradients, values, at.columns_from(column, Width));
    }
    differentiate(a, at, factors, means, row, key, products, dweights);
    if (in_parts) {
      __syncthreads();
      load_rows(a, at, row, at.column);
      load_keys(a, at, key, at.column);
    }
    store_scores(weights, products);
    store_scores(slopes, dweights);
    __syncthreads();
  }

 private:
  __device__ void load_rows(const SelfAttentionBackward<BasicContext<S>>& a, const AttentionPlace& at, index_t row,
                            index_t column) {
    load_tile<Width>(queries, at.part(a.q), row, column);
    load_tile<Width>(gradients, at.part(a.dy), row, column);
  }
  __device__ void load_keys(const SelfAttentionBackward<BasicContext<S>>& a, const AttentionPlace& at, index_t key,
                            index_t column) {
    load_tile<Width>(keys, at.part(a.k), key, column);
    load_tile<Width>(values, at.part(a.v), key, column);
  }

  /// Products of queries and keys become weights, gradients of weights those of logits.
  __device__ void differentiate(const SelfAttentionBackward<BasicContext<S>>& a, const AttentionPlace& at,
                                const AttentionFactors<A>& factors, VectorView<const A, DeviceSpace> means, index_t row,
                                index_t key, TileScores<A>& products, TileScores<A>& dweights) {
    const AttentionLogits<S> logit{a.bias, factors.scale, at.first, at.head};
    const auto heads = static_cast<std::uint32_t>(a.heads);
    const unsigned kept =
        kept_scores(a.dropout, (a.dropout.first_row + static_cast<std::uint32_t>(at.first + row)) * heads + blockIdx.y,
                    heads, static_cast<std::uint32_t>(key));
    for (int i = 0; i < tile_share; ++i) {
      const index_t this_row = row + tile_row(i), in_batch = (at.first + this_row) * a.heads + at.head;
      const bool exists = this_row < at.length, softmax = exists && !factors.silu;
      const A highest = softmax ? static_cast<A>(a.saved(in_batch * saved_of_row)) : A{0};
      const A share = softmax ? static_cast<A>(a.saved(in_batch * saved_of_row + 1)) : factors.share;
      const A mean = softmax ? means(in_batch) : A{0};
      for (int j = 0; j < tile_share; ++j) {
        const index_t this_key = key + tile_column(j);
        const bool seen = exists && this_key <= this_row;
        const index_t bucket = seen ? logit.bucket(this_row, this_key) : 0;
        if (buckets != nullptr)
          buckets[tile_row(i) * tile_stride<tile_size> + tile_column(j)] = static_cast<std::uint8_t>(bucket);
        A &weight = products[i][j], &gradient = dweights[i][j];
        if (!seen) {
          weight = gradient = 0;
          continue;
        }
        const A x = logit(weight, this_row, this_key, bucket);
        const A factor = !a.dropout.active() ? A{1} : kept >> (tile_share * i + j) & 1u ? factors.kept : A{0};
        if (factors.silu) {
          const Silu<A> silu(x);
          weight = silu.value * share * factor;
          gradient *= silu.slope * share * factor;
        } else {
          const A probability = std::exp(x - highest) * share;
          weight = probability * factor;
          gradient = probability * (gradient * factor - mean);
        }
      }
    }
  }
};

/// Leaves a block's sums, times `factor`, where a gradient wants them.
template <int Width, class S, class A>
__device__ void leave_attention_gradient(const Gradient<BasicContext<S>>& gradient, const AttentionPlace& at,
                                         const TileSums<A, Width>& sums, A factor) {
  for (int i = 0; i < tile_share; ++i)
    for (int j = 0; j < Width / tile_side; ++j) {
      const index_t row = at.start + tile_row(i), column = at.column + tile_column(j);
      if (row < at.length && column < at.width)
        leave(gradient, at.first + row, at.head * at.width + column, static_cast<S>(sums[i][j] * factor));
    }
}

/// dq, and what a block's rows have of the gradients of biases.
template <class S, int Width>
__global__ void __launch_bounds__(tile_threads, tile_blocks)
    attention_query_gradient_kernel(SelfAttentionBackward<BasicContext<S>> a,
                                    AttentionFactors<accumulator_of<S>> factors,
                                    VectorView<const accumulator_of<S>, DeviceSpace> means,
                                    AttentionBiasRows<accumulator_of<S>> bias_rows) {
  using A = accumulator_of<S>;
  using Tiles = AttentionGradientTiles<S, Width>;
  const AttentionPlace at(a, TileOrder::last_first, Width);
  if (at.start >= at.length) return;
  A* const shared = dynamic_shared<A>();
  Tiles tiles(shared);
  const bool sums_biases = bias_rows && at.column == 0;  // the other parts would sum the same
  if (!sums_biases) bias_rows = {};
  AttentionBiasSums<A> bias(bias_rows, at, shared + Tiles::elements);
  if (bias_rows.of_time) tiles.buckets = reinterpret_cast<std::uint8_t*>(shared + Tiles::elements + bucket_elements);
  TileSums<A, Width> dq = {};
  for (index_t key = 0; key <= at.start; key += tile_size) {
    tiles.make(a, at, factors, means, at.start, key, key == 0, true);
    if (a.dq.view) multiply_scores<Width>(dq, tiles.slopes, tiles.keys, at.rows_from(key));
    if (sums_biases) bias.add(tiles.slopes, tiles.buckets, key);
  }
  if (sums_biases) bias.leave();
  leave_attention_gradient<Width, S>(a.dq, at, dq, factors.scale);
}

/// dk and dv.
template <class S, int Width>
__global__ void __launch_bounds__(tile_threads, tile_blocks)
    attention_key_gradient_kernel(SelfAttentionBackward<BasicContext<S>> a, AttentionFactors<accumulator_of<S>> factors,
                                  VectorView<const accumulator_of<S>, DeviceSpace> means) {
  using A = accumulator_of<S>;
  const AttentionPlace at(a, TileOrder::first_first, Width);
  if (at.start >= at.length) return;
  AttentionGradientTiles<S, Width> tiles(dynamic_shared<A>());
  TileSums<A, Width> dk = {}, dv = {};
  for (index_t row = at.start; row < at.length; row += tile_size) {
    tiles.make(a, at, factors, means, row, at.start, true, row == at.start);
    if (a.dk.view) multiply_scores_transposed<Width>(dk, tiles.slopes, tiles.queries, at.rows_from(row));
    if (a.dv.view) multiply_scores_transposed<Width>(dv, tiles.weights, tiles.gradients, at.rows_from(row));
  }
  leave_attention_gradient<Width, S>(a.dk, at, dk, factors.scale);
  leave_attention_gradient<Width, S>(a.dv, at, dv, A{1});
}

template <class S>
void self_attention_backward(BasicContext<S>& context, const SelfAttentionBackward<BasicContext<S>>& a) {
  using A = accumulator_of<S>;
  const auto factors = attention_factors<S>(a, a.dropout);
  VectorView<A, DeviceSpace> means;
  if (!factors.silu) {
    means = context.template vector<A>(a.q.rows() * a.heads);
    launch<attention_means_kernel<S>>(context, warp_per_row(means.size()), a, means);
  }
  const VectorView<const A, DeviceSpace> read_means = means;
  const AttentionBiasRows<A> bias_rows = attention_bias_rows(context, a);
  const bool biases = bias_rows.of_distance || bias_rows.of_time;
  dispatch_tile_width<A>(a.q.columns() / a.heads, [&]<int Width>() {
    const std::size_t tiles = AttentionGradientTiles<S, Width>::elements * sizeof(A);
    const std::size_t buckets = bias_rows.of_time ? bucket_elements * sizeof(A) + tile_elements<tile_size> : 0;
    if (a.dq || biases)
      launch<attention_query_gradient_kernel<S, Width>>(context, attention_shape(a, Width, tiles + buckets), a, factors,
                                                        read_means, bias_rows);
    if (a.dk || a.dv)
      launch<attention_key_gradient_kernel<S, Width>>(context, attention_shape(a, Width, tiles), a, factors,
                                                      read_means);
  });
  add_attention_bias_gradient(context, a, bias_rows);
}

}  // namespace seqrec::cuda
