// SPDX-License-Identifier: Apache-2.0
// Where the backward pass of candidate attention's network keeps things: in a block's shared memory, and in what each
// block has summed of the gradients of weights (network_gradients.cuh).
#pragma once

#include <algorithm>
#include <cstddef>

#include "seqrec/cuda/unit_activation.cuh"
#include "seqrec/cuda/warp_product.cuh"
#include "seqrec/ops/candidate_attention.hpp"

namespace seqrec::cuda {

/// Sums over pairs that a unit has: of its bias, of alpha, of deviations and of their squares.
inline constexpr int sums_of_unit = 4;

/// How a layer's weight gradient is dealt: a warp takes sixteen units and some tiles of eight inputs at a time. Sums of
/// a block lie in memory job by job, tile by tile, as a warp's lanes have them: four numbers a lane.
struct WeightJobs {
  static constexpr int of_tile = 4 * warp_size;

  int tiles;   ///< of a job: five, where they are never cut short, or four
  int across;  ///< jobs of the same units
  int count;

  SEQREC_HOST_DEVICE WeightJobs(int units, int inputs) {
    const int all = whole_tiles(inputs) / mma_columns;
    tiles = all % 5 == 0 ? 5 : 4;
    across = (all + tiles - 1) / tiles;
    count = (units + mma_rows - 1) / mma_rows * across;
  }
  SEQREC_HOST_DEVICE int sums() const { return count * tiles * of_tile; }
  SEQREC_HOST_DEVICE int first_unit(int job) const { return job / across * mma_rows; }
  SEQREC_HOST_DEVICE int first_input(int job) const { return job % across * tiles * mma_columns; }
  /// Where a lane's four sums of a tile lie.
  SEQREC_HOST_DEVICE int place(int job, int tile, int lane) const { return (job * tiles + tile) * of_tile + 4 * lane; }
  /// Which element of the weight's gradient a place holds; beyond the weight in tiles that are cut short.
  struct Element {
    int unit, input;
  };
  SEQREC_HOST_DEVICE Element element(int place) const {
    const int tile = place / of_tile % tiles, job = place / (of_tile * tiles), lane = place % of_tile / 4,
              i = place % 4;
    return {first_unit(job) + MmaSums<>::row_of(lane, i),
            first_input(job) + tile * mma_columns + MmaSums<>::column_of(lane, i)};
  }
};

/// Shared memory holds activations, then numbers: weights, then what warps work on, then sums of each warp.
struct GradientPlaces {
  static constexpr int most_layers = 3;

  int layers = 0, heads = 0, units = 0;  ///< units of all layers
  int widths[most_layers + 1] = {};      ///< of what goes into each layer, and into the scores
  int weights[most_layers] = {};         ///< numbers before a layer's weight, whose rows are padded
  int output = 0, of_warps = 0;          ///< before the scores' weight, and before what warps work on
  int strides[2] = {};                   ///< of what goes into layers of even, and of odd number
  int dweights[most_layers] = {};        ///< sums of a block before those of a layer's weight (WeightJobs)
  int of_units = 0, of_output = 0;       ///< before those of units, and of the scores' weight and bias
  int sums = 0;                          ///< all of a block; each warp has those from `of_units` on for itself

  /// Eight more or less than a multiple of 32: a tensor core's right operand lies in different banks.
  SEQREC_HOST_DEVICE int weight_stride(int layer) const {
    const int padded = whole_tiles(widths[layer]);
    return padded % 16 == 0 ? padded + 8 : padded;
  }
  SEQREC_HOST_DEVICE int per_warp() const { return mma_rows * (strides[0] + strides[1]) + sums - of_units; }

  /// @param width of keys
  template <class Context>
  GradientPlaces(const AttentionUnit<Context>& unit, index_t width)
      : layers(static_cast<int>(unit.layers)), heads(static_cast<int>(unit.heads())) {
    widths[0] = static_cast<int>(width);
    for (int l = 0; l < layers; ++l) {
      widths[l + 1] = static_cast<int>(unit.units(l));
      units += widths[l + 1];
      weights[l] = output;
      output += whole_tiles(widths[l + 1]) * weight_stride(l);
      dweights[l] = of_units;
      of_units += WeightJobs(widths[l + 1], widths[l]).sums();
    }
    for (int l = 0; l <= layers; ++l) strides[l % 2] = std::max(strides[l % 2], whole_tiles(widths[l]) + 4);
    of_warps = (output + heads * widths[layers] + 3) / 4 * 4;
    of_output = of_units + sums_of_unit * units;
    sums = of_output + heads * (widths[layers] + 1);
  }

  /// @tparam S of the numbers
  template <class S>
  std::size_t bytes(int warps) const {
    return static_cast<std::size_t>(units) * sizeof(UnitFunction<S>) +
           static_cast<std::size_t>(of_warps + warps * per_warp()) * sizeof(S);
  }
};

}  // namespace seqrec::cuda
