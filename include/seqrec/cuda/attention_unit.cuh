// SPDX-License-Identifier: Apache-2.0
// The small network of candidate attention over pairs: its hidden layers and scores, forward.
//
// Hidden layers are products of tiles, 64 pairs by 32 units a block, four by four of them a thread, through shared
// memory; what goes in (q * k, or an activation of the layer before) is computed where it is loaded, what comes out is
// finished in registers. Scores: one warp per eight pairs, one lane a unit. Memory: a layer reads its input once for
// each 32 of its units and writes its values once; the first reads a key, a query and their parts a pair.
#pragma once

#include "seqrec/cuda/pair_table.cuh"
#include "seqrec/cuda/reduce.cuh"
#include "seqrec/cuda/unit_activation.cuh"
#include "seqrec/ops/candidate_attention.hpp"

namespace seqrec::cuda {

/// weight (F1, 4 D) = [q, k, q - k, q * k]: what the first layer multiplies queries and keys by, without the pairs.
template <class S>
__global__ void separate_parts_kernel(MatrixView<const S, DeviceSpace> weight, MatrixView<S, DeviceSpace> of_keys,
                                      MatrixView<S, DeviceSpace> of_queries) {
  const index_t row = row_of_warp(), width = of_keys.columns();
  if (row >= weight.rows()) return;
  for_columns_of_lane(width, [&](index_t column) {
    const S difference = weight(row, 2 * width + column);
    of_queries(row, column) = weight(row, column) + difference;
    of_keys(row, column) = weight(row, width + column) - difference;
  });
}

/// Wk - Wd and Wq + Wd of the first layer, or gradients of them.
template <class S>
struct SeparateParts {
  MatrixView<S, DeviceSpace> of_keys, of_queries;  ///< (F1, D)

  SeparateParts() = default;
  /// To be written.
  SeparateParts(BasicContext<S>& context, index_t units, index_t width)
      : of_keys(context.matrix(units, width)), of_queries(context.matrix(units, width)) {}
  /// @param weight (F1, 4 D)
  SeparateParts(BasicContext<S>& context, MatrixView<const S, DeviceSpace> weight)
      : SeparateParts(context, weight.rows(), weight.columns() / 4) {
    launch<separate_parts_kernel<S>>(context, warp_per_row(weight.rows()), weight, of_keys, of_queries);
  }
};

/// A block's tile: pairs, units, and how many inputs of both lie in shared memory at once (9 KB of floats, so that it
/// does not limit how many blocks a multiprocessor holds). Networks of this kind have 16 to 80 units.
inline constexpr int tile_pairs = 64;
inline constexpr int tile_units = 32;
inline constexpr int tile_inputs = 16;
/// Pairs and units of a thread: four of each, so that eight loads from shared memory feed sixteen products.
inline constexpr int pairs_of_thread = 4;
inline constexpr int units_of_thread = 4;
inline constexpr int pair_tile_threads = tile_pairs / pairs_of_thread * (tile_units / units_of_thread);

/// A run of pairs that are worked on together.
struct PairRange {
  index_t first, end;

  SEQREC_HOST_DEVICE index_t size() const { return end - first; }
};

/// The first layer's input, q * k, and what its values are made of beside the product.
template <class S>
struct FirstLayerOfPairs {
  PairTable pairs;
  MatrixView<const S, DeviceSpace> keys, queries;        ///< (N, D), (C, D)
  MatrixView<const S, DeviceSpace> of_keys, of_queries;  ///< (N, F1), (C, F1) (Wk - Wd) k and (Wq + Wd) q
  VectorView<const S, DeviceSpace> bias;                 ///< (F1)

  __device__ auto input(index_t column) const {
    return [this, column](index_t pair, index_t) {
      return queries(pairs.candidate(pair), column) * keys(pairs.key(pair), column);
    };
  }
  __device__ S rest(index_t pair, index_t unit) const {
    return of_queries(pairs.candidate(pair), unit) + of_keys(pairs.key(pair), unit) + bias(unit);
  }
};

/// The input of a layer after the first, an activation, and the layer's bias.
template <class S>
struct LaterLayerOfPairs {
  MatrixView<const S, DeviceSpace> before;  ///< (pairs of the range, F) values before the activation
  UnitActivation<BasicContext<S>> activation;
  VectorView<const S, DeviceSpace> bias;

  __device__ auto input(index_t column) const {
    return [this, column, f = UnitFunction<S>(activation, column)](index_t, index_t row) {
      return f.value(before(row, column));
    };
  }
  __device__ S rest(index_t, index_t unit) const { return bias(unit); }
};

/// z = input weight' + rest, for the pairs of a range.   @param z (pairs of the range, F)
template <class S, class Layer>
__global__ void layer_of_pairs_kernel(Layer layer, MatrixView<const S, DeviceSpace> weight, PairRange range,
                                      MatrixView<S, DeviceSpace> z) {
  using Accumulator = accumulator_of<S>;
  constexpr int rows_of_threads = pair_tile_threads / tile_inputs;
  constexpr int unit_lanes = tile_units / units_of_thread, pair_lanes = tile_pairs / pairs_of_thread;
  __shared__ shared_array<S[tile_pairs + 1], tile_inputs> inputs;  // one more: columns in different banks
  __shared__ shared_array<S[tile_units + 1], tile_inputs> weights;
  const int thread = static_cast<int>(threadIdx.x);
  const int unit_lane = thread % unit_lanes, pair_lane = thread / unit_lanes;
  const int loaded_column = thread % tile_inputs, first_loaded_row = thread / tile_inputs;
  const index_t first_row = static_cast<index_t>(blockIdx.x) * tile_pairs;
  const index_t first_unit = static_cast<index_t>(blockIdx.y) * tile_units;
  Accumulator sums[pairs_of_thread][units_of_thread] = {};
  for (index_t first_column = 0; first_column < weight.columns(); first_column += tile_inputs) {
    const index_t column = first_column + loaded_column;
    const bool is_column = column < weight.columns();
    const auto input = layer.input(is_column ? column : 0);
    for (int i = first_loaded_row; i < tile_pairs; i += rows_of_threads) {
      const index_t row = first_row + i;
      inputs[loaded_column][i] = is_column && row < range.size() ? input(range.first + row, row) : S{0};
    }
    for (int i = first_loaded_row; i < tile_units; i += rows_of_threads) {
      const index_t unit = first_unit + i;
      weights[loaded_column][i] = is_column && unit < weight.rows() ? weight(unit, column) : S{0};
    }
    __syncthreads();
    for (int d = 0; d < tile_inputs; ++d) {
      Accumulator of_units[units_of_thread];
      for (int u = 0; u < units_of_thread; ++u) of_units[u] = weights[d][unit_lane + u * unit_lanes];
      for (int p = 0; p < pairs_of_thread; ++p) {
        const Accumulator of_pair = inputs[d][pair_lane + p * pair_lanes];
        for (int u = 0; u < units_of_thread; ++u) sums[p][u] += of_pair * of_units[u];
      }
    }
    __syncthreads();
  }
  for (int p = 0; p < pairs_of_thread; ++p)
    for (int u = 0; u < units_of_thread; ++u) {
      const index_t row = first_row + pair_lane + p * pair_lanes, unit = first_unit + unit_lane + u * unit_lanes;
      if (row < range.size() && unit < weight.rows())
        z(row, unit) = static_cast<S>(sums[p][u] + layer.rest(range.first + row, unit));
    }
}

template <class S, class Layer>
void layer_of_pairs(BasicContext<S>& context, const Layer& layer, MatrixView<const S, DeviceSpace> weight,
                    PairRange range, MatrixView<S, DeviceSpace> z) {
  const dim3 grid(blocks_for(range.size(), tile_pairs), blocks_for(weight.rows(), tile_units));
  launch<layer_of_pairs_kernel<S, Layer>>(context, {grid, dim3(pair_tile_threads)}, layer, weight, range, z);
}

/// Pairs of a warp of scores: it reads a unit's weight and parameters once for all of them.
inline constexpr int scored_pairs = 8;
inline constexpr int lanes_of_pair = warp_size / scored_pairs;

/// The last layer, which makes of each pair a score a head.
template <class S>
struct ScoresOfPairs {
  MatrixView<const S, DeviceSpace> before;  ///< (pairs of the range, F) values before the last activation
  UnitActivation<BasicContext<S>> activation;
  MatrixView<const S, DeviceSpace> weight;  ///< (H, F)
  VectorView<const S, DeviceSpace> bias;    ///< (H)
  VectorView<S, DeviceSpace> scores;        ///< (H pairs) candidate by candidate, then head by head
};

template <class S>
__global__ void scores_of_pairs_kernel(ScoresOfPairs<S> a, PairTable pairs, PairRange range) {
  using Accumulator = accumulator_of<S>;
  const index_t first = row_of_warp() * scored_pairs;
  if (first >= range.size()) return;
  const index_t left = range.size() - first;
  const int count = left < scored_pairs ? static_cast<int>(left) : scored_pairs;
  for (index_t head = 0; head < a.weight.rows(); ++head) {
    Accumulator sums[scored_pairs] = {};
    for_columns_of_lane(a.weight.columns(), [&](index_t unit) {
      const UnitFunction<S> f(a.activation, unit);
      const Accumulator weight = a.weight(head, unit);
      for (int i = 0; i < scored_pairs; ++i)  // to a constant: sums stay in registers
        if (i < count) sums[i] += weight * f.value(a.before(first + i, unit));
    });
    const Accumulator score = warp_sums(sums) + a.bias(head);
    const int i = static_cast<int>(threadIdx.x) / lanes_of_pair;
    if (threadIdx.x % lanes_of_pair != 0 || i >= count) continue;
    const index_t pair = range.first + first + i, c = pairs.candidate(pair), of_candidate = pairs.first_pair(c);
    a.scores(a.weight.rows() * of_candidate + head * pairs.seen(c) + pair - of_candidate) = static_cast<S>(score);
  }
}

}  // namespace seqrec::cuda
