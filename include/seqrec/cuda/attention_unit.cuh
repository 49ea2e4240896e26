// SPDX-License-Identifier: Apache-2.0
// The small network of candidate attention over pairs: its hidden layers and scores, forward.
//
// Hidden layers are products of tiles, 64 pairs by 32 units a block (product_tile.cuh): what goes in (q * k, or an
// activation of the layer before) is computed where it is loaded, what comes out is finished in registers. Scores: one
// warp per eight pairs, one lane a unit. Memory: a layer reads its input once for each 32 of its units and writes its
// values once; the first reads a key, a query and their parts a pair.
#pragma once

#include "seqrec/cuda/pair_table.cuh"
#include "seqrec/cuda/product_tile.cuh"
#include "seqrec/cuda/reduce.cuh"
#include "seqrec/cuda/rows.cuh"
#include "seqrec/cuda/unit_activation.cuh"
#include "seqrec/ops/candidate_attention.hpp"

namespace seqrec::cuda {

/// weight (F1, 4 D) = [q, k, q - k, q * k]: what the first layer multiplies queries and keys by, without the pairs.
/// @param zero_keys, zero_queries (F1, D) written: zeros; null for none
template <class S>
__global__ void separate_parts_kernel(MatrixView<const S, DeviceSpace> weight, MatrixView<S, DeviceSpace> of_keys,
                                      MatrixView<S, DeviceSpace> of_queries, MatrixView<S, DeviceSpace> zero_keys,
                                      MatrixView<S, DeviceSpace> zero_queries) {
  const index_t row = row_of_warp(), width = of_keys.columns();
  if (row >= weight.rows()) return;
  for_columns_of_lane(width, [&](index_t column) {
    const S difference = weight(row, 2 * width + column);
    of_queries(row, column) = weight(row, column) + difference;
    of_keys(row, column) = weight(row, width + column) - difference;
    if (zero_keys) zero_keys(row, column) = zero_queries(row, column) = S{0};
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
  /// @param weight (F1, 4 D)   @param zeros  what is to begin with zeros
  SeparateParts(BasicContext<S>& context, MatrixView<const S, DeviceSpace> weight, const SeparateParts& zeros = {})
      : SeparateParts(context, weight.rows(), weight.columns() / 4) {
    launch<separate_parts_kernel<S>>(context, warp_per_row(weight.rows()), weight, of_keys, of_queries, zeros.of_keys,
                                     zeros.of_queries);
  }
};

/// Pairs and units of a block's tile. Networks of this kind have 16 to 80 units.
inline constexpr int tile_pairs = 64;
inline constexpr int tile_units = 32;
template <class S>
using PairTile = ProductTile<S, tile_pairs, tile_units>;

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
  const index_t first_row = static_cast<index_t>(blockIdx.x) * tile_pairs;
  const index_t first_unit = static_cast<index_t>(blockIdx.y) * tile_units;
  PairTile<S> tile;
  tile.multiply(
      weight.columns(),
      [&](index_t column) {
        return [&, input = layer.input(column)](int i) {
          const index_t row = first_row + i;
          return row < range.size() ? input(range.first + row, row) : S{0};
        };
      },
      [&](index_t column) {
        return [&, column](int j) { return first_unit + j < weight.rows() ? weight(first_unit + j, column) : S{0}; };
      });
  for (int i = 0; i < PairTile<S>::of_thread; ++i)
    for (int j = 0; j < PairTile<S>::of_thread; ++j) {
      const index_t row = first_row + tile.row(i), unit = first_unit + tile.column(j);
      if (row < range.size() && unit < weight.rows())
        z(row, unit) = static_cast<S>(tile.sum(i, j) + layer.rest(range.first + row, unit));
    }
}

template <class S, class Layer>
void layer_of_pairs(BasicContext<S>& context, const Layer& layer, MatrixView<const S, DeviceSpace> weight,
                    PairRange range, MatrixView<S, DeviceSpace> z) {
  const dim3 grid(blocks_for(range.size(), tile_pairs),
                  blocks_across("units of an attention layer", weight.rows(), tile_units));
  launch<layer_of_pairs_kernel<S, Layer>>(context, {grid, dim3(PairTile<S>::threads)}, layer, weight, range, z);
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
