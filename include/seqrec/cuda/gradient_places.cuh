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

/// Shared memory holds activations, then numbers: weights, then what warps work on, then sums of each warp.
struct GradientPlaces {
  static constexpr int most_layers = 3;

  int layers = 0, heads = 0, units = 0;  ///< units of all layers
  int widths[most_layers + 1] = {};      ///< of what goes into each layer, and into the scores
  int weights[most_layers] = {};         ///< numbers before a layer's weight, whose rows are padded
  int output = 0, of_warps = 0;          ///< before the scores' weight, and before what warps work on
  int strides[2] = {};                   ///< of what goes into layers of even, and of odd number
  int dweights[most_layers] = {};        ///< sums of a block before those of a layer's weight, which are dense
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
      of_units += widths[l + 1] * widths[l];
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
