// SPDX-License-Identifier: Apache-2.0
// The memory of a block that takes candidate attention's network backward (gradient_block.cuh), and what its warps do
// in it by themselves: activations, and back through them, one unit a lane.
#pragma once

#include <cstddef>

#include "seqrec/cuda/gradient_places.cuh"
#include "seqrec/cuda/pair_inputs.cuh"
#include "seqrec/cuda/reduce.cuh"
#include "seqrec/cuda/unit_activation.cuh"
#include "seqrec/cuda/warp_product.cuh"
#include "seqrec/ops/candidate_attention.hpp"

namespace seqrec::cuda {

/// Gradients of a network's scores, and what becomes of them.
template <class S>
struct NetworkGradients {
  PairInputs<S> inputs;
  AttentionUnit<BasicContext<S>> unit;
  VectorView<const S, DeviceSpace> saved;    ///< each layer's values before the activation
  MatrixView<const S, DeviceSpace> dscores;  ///< (pairs, H)
  MatrixView<S, DeviceSpace> dz;             ///< (pairs, F1) written: of the first layer's values
  MatrixView<S, DeviceSpace> dproducts;      ///< (pairs, D) written: of q * k
  MatrixView<S, DeviceSpace> sums = {};      ///< (blocks, of a block) written
  index_t total = 0;                         ///< pairs
  bool has_packed_products = false;          ///< rows of dproducts are packed twos
};

/// Sixteen pairs a warp.
template <class S>
class GradientRows {
 public:
  using Accumulator = accumulator_of<S>;

  /// Loads the network; all threads of the block take part.
  __device__ GradientRows(const NetworkGradients<S>& a, const GradientPlaces& places)
      : a_(a), places_(places), functions_(dynamic_shared<UnitFunction<S>>()) {
    numbers_ = reinterpret_cast<S*>(functions_ + places.units);
    for (int l = 0, first = 0; l < places.layers; first += places.widths[++l]) {
      const auto& layer = a.unit.hidden[l];
      const int stride = places.weight_stride(l), units = places.widths[l + 1], inputs = places.widths[l];
      const auto weight = l == 0 ? layer.weight.column_range(3 * inputs, inputs) : layer.weight;
      fill_rows(numbers_ + places.weights[l], whole_tiles(units), stride,
                [&](int unit, int column) { return unit < units && column < inputs ? weight(unit, column) : S{0}; });
      for (int unit = warp() * warp_size + lane(); unit < units; unit += warps() * warp_size)
        functions_[first + unit] = UnitFunction<S>(layer.activation, unit);
    }
    const int last = places.widths[places.layers];
    for (int head = warp(); head < places.heads; head += warps())
      for (int unit = lane(); unit < last; unit += warp_size)
        numbers_[places.output + head * last + unit] = a.unit.weight(head, unit);
    for (int i = places.of_units + lane(); i < places.sums; i += warp_size) of_warp(i) = 0;
    __syncthreads();
  }

  /// Adds what the warps have summed of units to the block's sums.
  __device__ void finish() {
    __syncthreads();
    for (int i = places_.of_units + warp() * warp_size + lane(); i < places_.sums; i += warps() * warp_size) {
      Accumulator sum = 0;
      for (int w = 0; w < warps(); ++w) sum += of_warp(i, w);
      a_.sums(blockIdx.x, i) = static_cast<S>(sum);
    }
  }

 protected:
  __device__ static int lane() { return static_cast<int>(threadIdx.x); }
  __device__ static int warp() { return static_cast<int>(threadIdx.y); }
  __device__ static int warps() { return static_cast<int>(blockDim.y); }

  /// What goes into a layer, or into the scores, or the gradient of it: a row for each pair of the block.
  __device__ S* of_block(int l) const {
    return numbers_ + places_.of_warps + (l % 2 == 0 ? 0 : warps() * mma_rows * places_.strides[0]);
  }
  /// The row of a pair of this warp.
  __device__ S* of_pair(int l, int row) const {
    return of_block(l) + (warp() * mma_rows + row) * places_.strides[l % 2];
  }
  /// A sum of units that a warp has for itself.
  __device__ S& of_warp(int i, int of = static_cast<int>(threadIdx.y)) const {
    const int count = places_.sums - places_.of_units;
    return numbers_[places_.of_warps + warps() * (places_.per_warp() - count) + of * count + i - places_.of_units];
  }
  __device__ int first_unit(int l) const {
    int first = 0;
    for (int before = 0; before < l; ++before) first += places_.widths[before + 1];
    return first;
  }
  /// A layer's values before the activation, of this warp's first pair.
  __device__ const S* before(int l) const {
    return a_.saved.data + a_.total * first_unit(l) + pair_ * places_.widths[l + 1];
  }

  /// Pairs of a lane that are loaded before the first of them is worked on.
  static constexpr int at_once = 4;

  /// Calls action(first, values) for `at_once` of this warp's pairs after others, one unit a lane; values beyond the
  /// last pair are zeros.
  template <class Action>
  __device__ void for_values(const S* values, int units, Action action) const {
    S some[static_cast<std::size_t>(at_once)], next[static_cast<std::size_t>(at_once)];
    const auto load = [&](int first) {
      SEQREC_CUDA_UNROLL
      for (int i = 0; i < at_once; ++i) next[i] = first + i < count_ ? values[(first + i) * units] : S{0};
    };
    load(0);
    // Rolled: code that is run once a tile is fetched as slowly as what it works on.
    SEQREC_CUDA_ROLL
    for (int first = 0; first < mma_rows; first += at_once) {
      SEQREC_CUDA_UNROLL
      for (int i = 0; i < at_once; ++i) some[i] = next[i];
      load(first + at_once);  // arrives while these are worked on
      action(first, some);
    }
  }

  /// What goes into a layer behind the first.
  __device__ void write_activations(int l) const {
    const int units = places_.widths[l], stride = places_.strides[l % 2];
    for (int unit = lane(); unit < whole_tiles(units); unit += warp_size) {
      S* const to = of_pair(l, 0) + unit;
      const bool is_unit = unit < units;
      functions_[first_unit(l - 1) + (is_unit ? unit : 0)].known([&](const auto& f) {
        for_values(before(l - 1) + (is_unit ? unit : 0), units, [&](int first, const auto& z) {
          S y[static_cast<std::size_t>(at_once)];
          SEQREC_CUDA_UNROLL
          for (int i = 0; i < at_once; ++i) y[i] = is_unit ? f.value(z[i]) : S{0};
          SEQREC_CUDA_UNROLL
          for (int i = 0; i < at_once; ++i) to[(first + i) * stride] = y[i];
        });
      });
    }
  }

  /// Gradients of a layer's values, in place of those of what goes into the next layer; or, for the last one, from
  /// those of scores.
  template <bool IsLast>
  __device__ void through_activation(int l) const {
    const int units = places_.widths[l + 1], stride = places_.strides[(l + 1) % 2];
    for (int unit = lane(); unit < whole_tiles(units); unit += warp_size) {
      S* const at = of_pair(l + 1, 0) + unit;
      if (unit >= units) {
        for (int row = 0; row < mma_rows; ++row) at[row * stride] = 0;
        continue;
      }
      functions_[first_unit(l) + unit].known([&](const auto& f) { unit_through_activation<IsLast>(l, unit, f, at); });
    }
    if constexpr (IsLast)
      for (int head = 0; head < places_.heads; ++head) {
        const Accumulator sum = warp_sum<Accumulator>(lane() < mma_rows ? dscore(lane(), head) : S{0});
        if (lane() == 0) of_warp(places_.of_output + head * (units + 1) + units) += static_cast<S>(sum);
      }
  }
  template <bool IsLast, class Function>
  __device__ void unit_through_activation(int l, int unit, const Function& f, S* at) const {
    const int units = places_.widths[l + 1], stride = places_.strides[(l + 1) % 2];
    const S* const values = before(l) + unit;
    if constexpr (IsLast) {
      SEQREC_CUDA_ROLL
      for (int head = 0; head < places_.heads; ++head) {
        Accumulator sum = 0;
        for_values(values, units, [&](int first, const auto& z) {
          SEQREC_CUDA_UNROLL
          for (int i = 0; i < at_once; ++i) sum += dscore(first + i, head) * f.value(z[i]);
        });
        of_warp(places_.of_output + head * (units + 1) + unit) += static_cast<S>(sum);
      }
    }
    Accumulator of_bias = 0, of_alpha = 0, deviations = 0, squares = 0;
    for_values(values, units, [&](int first, const auto& z) {
      S dy[static_cast<std::size_t>(at_once)];
      SEQREC_CUDA_UNROLL
      for (int i = 0; i < at_once; ++i) dy[i] = IsLast ? S{0} : at[(first + i) * stride];
      if constexpr (IsLast) {
        SEQREC_CUDA_ROLL
        for (int head = 0; head < places_.heads; ++head) {
          const S weight = numbers_[places_.output + head * units + unit];
          SEQREC_CUDA_UNROLL
          for (int i = 0; i < at_once; ++i) dy[i] += dscore(first + i, head) * weight;
        }
      }
      SEQREC_CUDA_UNROLL
      for (int i = 0; i < at_once; ++i) {
        of_alpha += dy[i] * f.slope_of_alpha(z[i]);
        dy[i] *= f.slope(z[i]);
        of_bias += dy[i];
        if constexpr (Function::has_statistics) {
          const Accumulator deviation = first + i < count_ ? f.deviation(z[i]) : S{0};
          deviations += deviation;
          squares += deviation * deviation;
        }
      }
      SEQREC_CUDA_UNROLL
      for (int i = 0; i < at_once; ++i) {
        at[(first + i) * stride] = dy[i];
        if (l == 0 && first + i < count_) a_.dz(pair_ + first + i, unit) = dy[i];
      }
    });
    const int first = places_.of_units + sums_of_unit * (first_unit(l) + unit);
    of_warp(first) += static_cast<S>(of_bias);
    of_warp(first + 1) += static_cast<S>(of_alpha);
    of_warp(first + 2) += static_cast<S>(deviations);
    of_warp(first + 3) += static_cast<S>(squares);
  }
  __device__ S dscore(int row, int head) const { return row < count_ ? a_.dscores(pair_ + row, head) : S{0}; }

  /// Begins with other pairs.
  __device__ void set_pairs(index_t first) {
    pair_ = first + warp() * mma_rows;
    const index_t left = a_.total - pair_;
    count_ = left < 0 ? 0 : left < mma_rows ? static_cast<int>(left) : mma_rows;
  }

  const NetworkGradients<S>& a_;
  const GradientPlaces& places_;
  UnitFunction<S>* functions_;  ///< in shared memory, as the numbers
  S* numbers_;
  index_t pair_ = 0;  ///< this warp's first
  int count_ = 0;     ///< of its pairs
};

}  // namespace seqrec::cuda
