// SPDX-License-Identifier: Apache-2.0
// Where the small network of candidate attention lies in a block's shared memory (pair_network.cuh).
#pragma once

#include <algorithm>
#include <cstddef>

#include "seqrec/cuda/unit_activation.cuh"
#include "seqrec/cuda/warp_product.cuh"
#include "seqrec/ops/candidate_attention.hpp"

namespace seqrec::cuda {

/// Whether shared memory holds a network's weights, to say the least: then an int holds all sizes.
/// @tparam S of the numbers   @param width of keys   @param most bytes
template <class S, class Context>
bool fits_shared_memory(const AttentionUnit<Context>& unit, index_t width, std::size_t most) {
  const auto fits = [&](index_t numbers) { return static_cast<std::size_t>(numbers) <= most / sizeof(S); };
  index_t inputs = width, weights = width;
  for (index_t l = 0; l < unit.layers; ++l) {
    if (!fits(inputs) || !fits(unit.units(l))) return false;
    weights += inputs * unit.units(l);
    inputs = unit.units(l);
  }
  return fits(unit.heads()) && fits(weights + unit.heads() * inputs);
}

/// Fills rows of `stride` elements in shared memory, value(row, column) each: all threads of the block take part, and
/// what several elements of a thread are made of is under way together.
template <class S, class Value>
__device__ void fill_rows(S* to, int rows, int stride, Value value) {
  constexpr int at_once = 8;
  const int threads = static_cast<int>(blockDim.x * blockDim.y), elements = rows * stride;
  for (int first = static_cast<int>(threadIdx.y * blockDim.x + threadIdx.x); first < elements;
       first += at_once * threads) {
    S some[at_once];
    SEQREC_CUDA_UNROLL
    for (int i = 0; i < at_once; ++i)
      if (const int element = first + i * threads; element < elements)
        some[i] = value(element / stride, element % stride);
    SEQREC_CUDA_UNROLL
    for (int i = 0; i < at_once; ++i)
      if (const int element = first + i * threads; element < elements) to[element] = some[i];
  }
}

/// Where the network's parts lie in shared memory: first the activations, then numbers.
struct NetworkPlaces {
  static constexpr int most_layers = 3;

  int layers = 0, units = 0;         ///< of all layers
  int widths[most_layers + 1] = {};  ///< of what goes into each layer, and into the scores
  int keys_at = 0;                   ///< where keys stand in the first layer's input, behind q * k; 0 for nowhere
  int weights[most_layers] = {};     ///< numbers before a layer's weight, whose rows are padded
  int output = 0, biases = 0;        ///< before the scores' weight and the layers' biases
  int of_warps = 0, per_warp = 0;    ///< before the first warp's two inputs, and how many each warp has
  int strides[2] = {};               ///< of what goes into layers of even, and of odd number

  /// Four more than a multiple of eight: a tensor core's operands lie in different banks.
  SEQREC_HOST_DEVICE static int stride_of(int width) { return whole_tiles(width) + 4; }
  SEQREC_HOST_DEVICE int weight_stride(int layer) const { return stride_of(widths[layer]); }

  /// @param width of keys   @param with_keys  whether they are a part of the first layer's input
  template <class Context>
  NetworkPlaces(const AttentionUnit<Context>& unit, index_t width, bool with_keys)
      : layers(static_cast<int>(unit.layers)) {
    widths[0] = static_cast<int>(width);
    if (with_keys) keys_at = whole_tiles(widths[0]);
    if (with_keys) widths[0] = 2 * keys_at;
    int end = 0;
    for (int l = 0; l < layers; ++l) {
      widths[l + 1] = static_cast<int>(unit.units(l));
      units += widths[l + 1];
      weights[l] = end;
      end += whole_tiles(widths[l + 1]) * weight_stride(l);
    }
    for (int l = 0; l <= layers; ++l) strides[l % 2] = std::max(strides[l % 2], stride_of(widths[l]));
    output = end;
    biases = output + static_cast<int>(unit.heads()) * widths[layers];
    of_warps = (biases + units + 3) / 4 * 4 + mma_columns;  // zeros behind them
    per_warp = mma_rows * (strides[0] + strides[1]);
  }

  /// @tparam S of the numbers
  template <class S>
  std::size_t bytes(int warps) const {
    return static_cast<std::size_t>(units) * sizeof(UnitFunction<S>) +
           static_cast<std::size_t>(of_warps + warps * per_warp) * sizeof(S);
  }
};

}  // namespace seqrec::cuda
