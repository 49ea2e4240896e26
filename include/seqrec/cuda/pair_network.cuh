// SPDX-License-Identifier: Apache-2.0
// The small network of candidate attention over pairs, all of its layers in one launch.
//
// Weights lie in the block's shared memory; each warp takes sixteen pairs at a time through all layers, and what goes
// from one layer to the next lies in its own part of that memory. Products are on tensor cores, forty units at once;
// an element is summed in the same order wherever its pair stands. Memory: reads a key, a query and their parts a pair,
// writes each layer's values before the activation once, where they are kept, and the scores. Networks whose weights do
// not fit go layer by layer (attention_unit.cuh).
#pragma once

#include <algorithm>
#include <cstddef>

#include "seqrec/cuda/network_places.cuh"
#include "seqrec/cuda/pair_inputs.cuh"
#include "seqrec/cuda/product_precision.cuh"
#include "seqrec/cuda/unit_activation.cuh"
#include "seqrec/cuda/warp_product.cuh"
#include "seqrec/ops/candidate_attention.hpp"

namespace seqrec::cuda {

/// Warps of a block at most, which leaves each thread 128 registers, and blocks on a device that holds one on each of
/// its multiprocessors.
inline constexpr int most_network_warps = 16;
inline constexpr unsigned network_blocks = 132;

/// Tiles of eight units whose sums a warp holds at once.
inline constexpr int unit_tiles = 5;

/// A network, the pairs it is applied to, and what becomes of them.
template <class S>
struct PairNetwork {
  PairInputs<S> inputs;
  MatrixView<const S, DeviceSpace> of_keys, of_queries;  ///< (N, F1), (C, F1) (Wk - Wd) k, or null to make them
                                                         ///< of each pair, and (Wq + Wd) q
  AttentionUnit<BasicContext<S>> unit;
  VectorView<S, DeviceSpace> saved;   ///< each layer's values before the activation; null for none
  VectorView<S, DeviceSpace> scores;  ///< (H pairs) candidate by candidate, then head by head
  index_t total = 0;                  ///< pairs
  bool has_packed_units = false;      ///< all layers' values, and parts of the first, have rows of packed twos
};

/// The work of one warp on sixteen pairs after another.   @tparam Terms  of products; see mma_terms.cuh
template <class S, class Terms>
class NetworkWarp {
 public:
  using Accumulator = accumulator_of<S>;

  /// All threads of the block take part: they load the network.
  __device__ NetworkWarp(const PairNetwork<S>& a, const NetworkPlaces& places)
      : a_(a), places_(places), functions_(dynamic_shared<UnitFunction<S>>()) {
    S* const numbers = reinterpret_cast<S*>(functions_ + places.units);
    numbers_ = numbers;
    const int warp = static_cast<int>(threadIdx.y), warps = static_cast<int>(blockDim.y);
    of_this_warp_ = numbers + places.of_warps + warp * places.per_warp;
    for (int l = 0, first = 0; l < places.layers; first += places.widths[++l]) {
      const auto& layer = a.unit.hidden[l];
      const int stride = places.weight_stride(l), units = places.widths[l + 1];
      fill_rows(numbers + places.weights[l], whole_tiles(units), stride, [&](int unit, int column) {
        return unit >= units || column >= places.widths[l] ? S{0}
               : l == 0                                    ? first_weight(layer.weight, unit, column)
                                                           : layer.weight(unit, column);
      });
      for (int unit = warp * warp_size + static_cast<int>(threadIdx.x); unit < units; unit += warps * warp_size) {
        numbers[places.biases + first + unit] = layer.bias(unit);
        functions_[first + unit] = UnitFunction<S>(layer.activation, unit);
      }
    }
    const int last = places.widths[places.layers];
    for (int head = warp; head < a.unit.heads(); head += warps)
      for (int unit = static_cast<int>(threadIdx.x); unit < last; unit += warp_size)
        numbers[places.output + head * last + unit] = a.unit.weight(head, unit);
    if (warp == 0)  // a tile of units beyond the last reads on
      for (int i = places.biases + places.units + static_cast<int>(threadIdx.x); i < places.of_warps; i += warp_size)
        numbers[i] = S{0};
    __syncthreads();
  }

  /// Takes sixteen pairs from `first` on through the network.
  __device__ void operator()(index_t first) {
    index_t pairs[2];
    SEQREC_CUDA_UNROLL
    for (int half = 0; half < 2; ++half) {
      // A lane beyond the last pair works on it too, and keeps nothing.
      const index_t pair = first + MmaSums<Accumulator>::row(2 * half);
      pairs[half] = pair < a_.total ? pair : a_.total - 1;
      candidate_[half] = a_.inputs.pairs.candidate(pairs[half]);
      key_[half] = a_.inputs.pairs.key(pairs[half]);
    }
    S* const upper = inputs(0) + MmaSums<Accumulator>::row(0) * places_.strides[0];
    S* const to[] = {upper, upper + 8 * places_.strides[0]};
    a_.inputs.write_products(pairs, to, places_.keys_at);
    for (int l = 0, first_unit = 0; l < places_.layers; first_unit += places_.widths[++l]) {
      __syncwarp();  // what the lanes have written
      const int units = places_.widths[l + 1], tiles = whole_tiles(units) / mma_columns;
      int tile = 0;
      for (; tile + unit_tiles <= tiles; tile += unit_tiles) layer_tiles<unit_tiles>(l, first_unit, tile, first);
      for (; tile < tiles; ++tile) layer_tiles<1>(l, first_unit, tile, first);
    }
    __syncwarp();
    make_scores(first);
    __syncwarp();  // before the next pairs take the memory
  }

 private:
  /// The first layer's weight: Wp, and Wk - Wd where keys stand behind products.
  __device__ S first_weight(const MatrixView<const S, DeviceSpace>& all, int unit, int column) const {
    const int width = static_cast<int>(all.columns()) / 4, of_key = column - places_.keys_at;
    if (column < width) return all(unit, 3 * width + column);
    return of_key < 0 || of_key >= width ? S{0} : all(unit, width + of_key) - all(unit, 2 * width + of_key);
  }

  /// What goes into a layer, or into the scores: sixteen rows.
  __device__ S* inputs(int l) const { return of_this_warp_ + (l % 2 == 0 ? 0 : mma_rows * places_.strides[0]); }

  /// Adds the first layer's separate parts of both rows of the lane.   @param unit  the lane's first
  template <std::size_t Tiles>
  __device__ void add_parts(MmaSums<Accumulator> (&sums)[Tiles], const MatrixView<const S, DeviceSpace>& parts,
                            const offset_t (&rows)[2], int unit) const {
    const int units = places_.widths[1];
    const S* const from[2] = {parts.row(rows[0]) + unit, parts.row(rows[1]) + unit};
    const auto for_pairs = [&](auto action) {
      SEQREC_CUDA_UNROLL
      for (int tile = 0; tile < static_cast<int>(Tiles); ++tile) SEQREC_CUDA_UNROLL
      for (int half = 0; half < 2; ++half)
        action(tile, half, from[half] + tile * mma_columns, units - unit - tile * mma_columns);
    };
    if (a_.has_packed_units) {
      Packed<S, 2> read[Tiles][2];  // all of it before the first is added
      for_pairs([&](int tile, int half, const S* at, int left) {
        read[tile][half] = left > 0 ? *reinterpret_cast<const Packed<S, 2>*>(at) : Packed<S, 2>{};
      });
      for_pairs([&](int tile, int half, const S*, int) {
        for (int i = 0; i < 2; ++i) sums[tile].values[2 * half + i] += read[tile][half].values[i];
      });
    } else {
      for_pairs([&](int tile, int half, const S* at, int left) {
        for (int i = 0; i < 2 && i < left; ++i) sums[tile].values[2 * half + i] += at[i];
      });
    }
  }

  /// Some tiles of a layer's units: sums, values before the activation, values after it.   @param first  pair
  template <int Tiles>
  __device__ void layer_tiles(int l, int first_unit, int first_tile, index_t first) const {
    const int units = places_.widths[l + 1], stride = places_.weight_stride(l),
              to_stride = places_.strides[(l + 1) % 2];
    const int of_lane = first_tile * mma_columns + MmaSums<Accumulator>::column(0);
    S* const to = inputs(l + 1) + MmaSums<Accumulator>::row(0) * to_stride + of_lane;
    MmaSums<Accumulator> sums[static_cast<std::size_t>(Tiles)];
    if (l == 0) {
      add_parts(sums, a_.of_queries, candidate_, of_lane);
      if (a_.of_keys) add_parts(sums, a_.of_keys, key_, of_lane);
    }
    const S* const from = inputs(l);
    const S* const weight = numbers_ + places_.weights[l] + first_tile * mma_columns * stride;
    const int from_stride = places_.strides[l % 2];
    add_tiles<Terms>(
        sums, whole_tiles(places_.widths[l]), [&](int row, int term) { return from[row * from_stride + term]; },
        [&](int term, int column) { return weight[column * stride + term]; });
    SEQREC_CUDA_UNROLL
    for (int tile = 0; tile < Tiles; ++tile) {
      const int unit = of_lane + tile * mma_columns, left = units - unit;
      const S* const bias = numbers_ + places_.biases + first_unit + unit;  // zeros behind the last
      SEQREC_CUDA_UNROLL
      for (int half = 0; half < 2; ++half) {
        const Accumulator* const sum = sums[tile].values + 2 * half;
        const Packed<S, 2> z{{static_cast<S>(sum[0] + bias[0]), static_cast<S>(sum[1] + bias[1])}};
        *reinterpret_cast<Packed<S, 2>*>(to + 8 * half * to_stride + tile * mma_columns) = z;
        if (const index_t pair = first + MmaSums<Accumulator>::row(2 * half); a_.saved && pair < a_.total)
          write_two(z, a_.saved.data + a_.total * first_unit + pair * units + unit, left, a_.has_packed_units);
      }
    }
    // Each lane now takes what it has written itself, in a loop that stays one: there are many activations.
    SEQREC_CUDA_ROLL
    for (int tile = 0; tile < Tiles; ++tile) {
      using Two = Packed<S, 2>;
      S* const at[2] = {to + tile * mma_columns, to + 8 * to_stride + tile * mma_columns};
      Two two[2] = {*reinterpret_cast<const Two*>(at[0]), *reinterpret_cast<const Two*>(at[1])};
      SEQREC_CUDA_UNROLL
      for (int i = 0; i < 2; ++i) {
        const int unit = of_lane + tile * mma_columns + i;
        functions_[first_unit + (unit < units ? unit : 0)].known([&](const auto& f) {
          SEQREC_CUDA_UNROLL
          for (Two& half : two) half.values[i] = unit < units ? f.value(half.values[i]) : S{0};
        });
      }
      SEQREC_CUDA_UNROLL
      for (int half = 0; half < 2; ++half) *reinterpret_cast<Two*>(at[half]) = two[half];
    }
  }

  /// A score a head: two lanes a pair, each for every other unit.
  __device__ void make_scores(index_t first) const {
    const int lane = static_cast<int>(threadIdx.x), row = lane % mma_rows, last = places_.widths[places_.layers];
    const S* const values = inputs(places_.layers) + row * places_.strides[places_.layers % 2];
    const index_t pair = first + row;
    const bool is_pair = lane < mma_rows && pair < a_.total;
    const index_t c = is_pair ? a_.inputs.pairs.candidate(pair) : 0,
                  of_candidate = is_pair ? a_.inputs.pairs.first_pair(c) : 0;
    const index_t seen = is_pair ? a_.inputs.pairs.seen(c) : 0, heads = a_.unit.heads();
    for (index_t head = 0; head < heads; ++head) {
      const S* const weight = numbers_ + places_.output + head * last;
      Accumulator score = 0;
      for (int unit = lane / mma_rows; unit < last; unit += warp_size / mma_rows)
        score += static_cast<Accumulator>(weight[unit]) * values[unit];
      score += __shfl_xor_sync(all_lanes, score, mma_rows);
      if (is_pair)
        a_.scores(heads * of_candidate + head * seen + pair - of_candidate) =
            static_cast<S>(score + a_.unit.bias(head));
    }
  }

  const PairNetwork<S>& a_;
  const NetworkPlaces& places_;
  UnitFunction<S>* functions_;  ///< in shared memory, as all that follows
  const S* numbers_;
  S* of_this_warp_;  ///< sixteen rows of what goes into layers of even number, then the same of odd ones
  // Of this lane's two rows:
  offset_t candidate_[2], key_[2];
};

template <class S, class Terms>
__global__ void __launch_bounds__(most_network_warps* warp_size)
    pair_network_kernel(const __grid_constant__ PairNetwork<S> a, const __grid_constant__ NetworkPlaces places) {
  NetworkWarp<S, Terms> warp(a, places);
  const index_t step = static_cast<index_t>(gridDim.x) * blockDim.y * mma_rows;
  for (index_t first = (static_cast<index_t>(blockIdx.x) * blockDim.y + threadIdx.y) * mma_rows; first < a.total;
       first += step)
    warp(first);
}

/// The network on all pairs: fills scores, and what is saved.   @return whether it fits into shared memory; if not,
/// nothing has been done
template <class S>
bool pair_network(BasicContext<S>& context, PairNetwork<S> a) {
  const index_t width = a.inputs.keys.columns(), tiles = (a.total + mma_rows - 1) / mma_rows;
  const std::size_t most = most_shared_bytes();
  if (!fits_shared_memory<S>(a.unit, width, most)) return false;
  const NetworkPlaces places(a.unit, width, !a.of_keys);
  int warps = most_network_warps;
  // Few pairs are spread over the device; else a block has as many warps as fit.
  while (warps > 4 && tiles < warps * static_cast<index_t>(network_blocks)) warps /= 2;
  while (warps > 1 && places.bytes<S>(warps) > most) --warps;
  if (places.bytes<S>(warps) > most) return false;

  a.has_packed_units = (!a.of_keys || is_packed<2>(a.of_keys.data, a.of_keys.stride)) &&
                       is_packed<2>(a.of_queries.data, a.of_queries.stride) && is_packed<2>(a.saved.data, 0);
  for (index_t l = 0; l < a.unit.layers; ++l) a.has_packed_units = a.has_packed_units && a.unit.units(l) % 2 == 0;
  // A multiprocessor has a little more shared memory than a block may have, and keeps 1 KB a block for itself.
  const auto of_multiprocessor = static_cast<unsigned>(most / (places.bytes<S>(warps) + 1024));
  const unsigned resident = network_blocks * std::clamp(of_multiprocessor, 1u, 4u);
  const LaunchShape shape{dim3(std::min(blocks_for(tiles, warps), resident)),
                          dim3(warp_size, static_cast<unsigned>(warps)), places.bytes<S>(warps)};
  dispatch_terms(context, [&]<class Terms>() { launch<pair_network_kernel<S, Terms>>(context, shape, a, places); });
  return true;
}

}  // namespace seqrec::cuda
