// SPDX-License-Identifier: Apache-2.0
// Activations with what they have learned unit by unit (PReLU, Dice), dropout fused, and what their gradients and
// running statistics are summed from.
//
// One block for 64 rows of 32 units: one lane a unit, whose parameters it reads once, the warps share the rows. Sums
// over rows are taken in warp order, and over blocks by a second launch: in one order in every run. Memory: forward
// reads x and writes y once; backward reads x and dy and writes dx once.
#pragma once

#include <cmath>
#include <type_traits>

#include "seqrec/cuda/activation.cuh"
#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/dropout.cuh"
#include "seqrec/cuda/gradient.cuh"
#include "seqrec/cuda/launch.cuh"
#include "seqrec/ops/unit_activation.hpp"

namespace seqrec::cuda {

/// Rows and warps of a block: eight rows a warp, few enough for a batch of 4096 to fill the device, enough for its sums
/// to be a 64th of what it reads.
inline constexpr int rows_per_unit_block = 64;
inline constexpr int warps_per_unit_block = 8;

/// The blocks that share the work on all units of all rows.
inline LaunchShape unit_blocks(index_t rows, index_t units) {
  return {dim3(blocks_for(rows, rows_per_unit_block), blocks_across("unit_activation units", units, warp_size)),
          dim3(warp_size, warps_per_unit_block)};
}

/// PReLU of one unit.
template <class S>
struct PreluFunction {
  static constexpr bool has_statistics = false;
  S alpha;

  __device__ S value(S x) const { return x > S{0} ? x : alpha * x; }
  __device__ S slope(S x) const { return x > S{0} ? S{1} : alpha; }
  __device__ S slope_of_alpha(S x) const { return x > S{0} ? S{0} : x; }
};

/// Dice of one unit.
template <class S>
struct DiceFunction {
  static constexpr bool has_statistics = true;
  S alpha, mean, inverse_deviation;

  /// That the unit counts as active.
  __device__ S probability(S x) const { return sigmoid((x - mean) * inverse_deviation); }
  __device__ S value(S x) const {
    const S p = probability(x);
    return x * (p + alpha * (S{1} - p));
  }
  __device__ S slope(S x) const {
    const S p = probability(x);
    return p + alpha * (S{1} - p) + x * (S{1} - alpha) * p * (S{1} - p) * inverse_deviation;
  }
  __device__ S slope_of_alpha(S x) const { return x * (S{1} - probability(x)); }
  /// From the running mean.
  __device__ S deviation(S x) const { return x - mean; }
};

/// An activation without parameters.
template <class S, Activation kind>
struct PlainFunction {
  static constexpr bool has_statistics = false;

  __device__ S value(S x) const { return activated(kind, x); }
  __device__ S slope(S x) const { return slope_at(kind, activated(kind, x)); }
  __device__ S slope_of_alpha(S) const { return S{0}; }
};

/// The activation of one unit.
template <class S>
class UnitFunction {
 public:
  __device__ UnitFunction(const UnitActivation<BasicContext<S>>& f, index_t unit) : kind_(f.kind) {
    if (has_slope(kind_)) alpha_ = f.alpha(unit);
    if (kind_ != Activation::dice) return;
    mean_ = f.mean(unit);
    inverse_deviation_ = S{1} / std::sqrt(f.variance(unit) + static_cast<S>(f.epsilon));
  }

  /// Calls action with a PreluFunction, a DiceFunction or a PlainFunction: what is done for many elements then asks
  /// once which it is, and a compiler may work on several of them at a time.
  template <class Action>
  __device__ void known(Action action) const {
    switch (kind_) {
      case Activation::prelu:
        return action(PreluFunction<S>{alpha_});
      case Activation::dice:
        return action(DiceFunction<S>{alpha_, mean_, inverse_deviation_});
      case Activation::relu:
        return action(PlainFunction<S, Activation::relu>{});
      case Activation::sigmoid:
        return action(PlainFunction<S, Activation::sigmoid>{});
      case Activation::tanh:
        return action(PlainFunction<S, Activation::tanh>{});
      default:
        return action(PlainFunction<S, Activation::none>{});
    }
  }

  __device__ S value(S x) const {
    S y;
    known([&](const auto& f) { y = f.value(x); });
    return y;
  }

 private:
  Activation kind_;
  S alpha_ = 0, mean_ = 0, inverse_deviation_ = 0;
};

template <class S>
__global__ void unit_activation_kernel(UnitActivationForward<BasicContext<S>> a, DropoutFactors<S> factors) {
  const index_t unit = static_cast<index_t>(blockIdx.y) * warp_size + threadIdx.x;
  if (unit >= a.x.columns()) return;
  const UnitFunction<S> f(a.f, unit);
  const index_t first = static_cast<index_t>(blockIdx.x) * rows_per_unit_block;
  const index_t end = first + rows_per_unit_block < a.x.rows() ? first + rows_per_unit_block : a.x.rows();
  f.known([&](const auto& known) {
    for (index_t row = first + threadIdx.y; row < end; row += warps_per_unit_block)
      a.y(row, unit) = known.value(a.x(row, unit)) * factors(row, unit);
  });
}

template <class S>
void unit_activation_forward(BasicContext<S>& context, const UnitActivationForward<BasicContext<S>>& a) {
  launch<unit_activation_kernel<S>>(context, unit_blocks(a.x.rows(), a.x.columns()), a, DropoutFactors<S>(a.dropout));
}

/// What a backward pass sums of each unit over rows: of alpha's gradient, of deviations and of their squares.
inline constexpr int sums_of_activation = 3;

template <class S>
__global__ void unit_activation_backward_kernel(UnitActivationBackward<BasicContext<S>> a, DropoutFactors<S> factors,
                                                MatrixView<S, DeviceSpace> sums) {
  using Accumulator = accumulator_of<S>;
  __shared__ shared_array<Accumulator[sums_of_activation][warp_size], warps_per_unit_block> of_warp;
  const index_t unit = static_cast<index_t>(blockIdx.y) * warp_size + threadIdx.x;
  const bool is_unit = unit < a.x.columns();
  Accumulator dalpha = 0, deviations = 0, squares = 0;
  if (is_unit) {
    const UnitFunction<S> f(a.f, unit);
    const index_t first = static_cast<index_t>(blockIdx.x) * rows_per_unit_block;
    const index_t end = first + rows_per_unit_block < a.x.rows() ? first + rows_per_unit_block : a.x.rows();
    f.known([&](const auto& known) {
      for (index_t row = first + threadIdx.y; row < end; row += warps_per_unit_block) {
        const S x = a.x(row, unit), dy = a.dy(row, unit) * factors(row, unit);
        dalpha += dy * known.slope_of_alpha(x);
        if constexpr (std::decay_t<decltype(known)>::has_statistics) {
          const Accumulator deviation = known.deviation(x);
          deviations += deviation;
          squares += deviation * deviation;
        }
        leave(a.dx, row, unit, dy * known.slope(x));
      }
    });
  }
  if (!sums) return;
  Accumulator(&of_this_warp)[sums_of_activation][warp_size] = of_warp[threadIdx.y];
  of_this_warp[0][threadIdx.x] = dalpha;
  of_this_warp[1][threadIdx.x] = deviations;
  of_this_warp[2][threadIdx.x] = squares;
  __syncthreads();
  // A warp for each of the sums.
  if (threadIdx.y >= sums_of_activation || !is_unit) return;
  Accumulator sum = 0;
  for (int warp = 0; warp < warps_per_unit_block; ++warp) sum += of_warp[warp][threadIdx.y][threadIdx.x];
  sums(blockIdx.x, threadIdx.y * a.x.columns() + unit) = static_cast<S>(sum);
}

/// Adds what blocks have summed where it is wanted: a lane a sum, of which each warp takes every eighth block's.
/// @param sums (blocks, 3 F)
template <class S>
__global__ void add_unit_sums_kernel(UnitActivation<BasicContext<S>> f, MatrixView<const S, DeviceSpace> sums,
                                     index_t rows) {
  using Accumulator = accumulator_of<S>;
  using Master = typename BasicContext<S>::Master;
  __shared__ shared_array<Accumulator[warp_size], warps_per_unit_block> of_warp;
  const index_t i = static_cast<index_t>(blockIdx.x) * warp_size + threadIdx.x, units = f.alpha.size();
  Accumulator sum = 0;
  if (i < sums.columns())
    for (index_t block = threadIdx.y; block < sums.rows(); block += warps_per_unit_block) sum += sums(block, i);
  of_warp[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y != 0 || i >= sums.columns()) return;
  for (int warp = 1; warp < warps_per_unit_block; ++warp) sum += of_warp[warp][threadIdx.x];
  const VectorView<Master, DeviceSpace> target = i < units ? f.dalpha : i < 2 * units ? f.sum : f.squares;
  const bool is_statistic = i >= units;
  if (target && (!is_statistic || f.kind == Activation::dice)) target(i % units) += static_cast<Master>(sum);
  if (i == 0 && f.kind == Activation::dice && f.rows) f.rows(0) += static_cast<Master>(rows);
}

template <class S>
void unit_activation_backward(BasicContext<S>& context, const UnitActivationBackward<BasicContext<S>>& a) {
  const index_t rows = a.x.rows(), units = a.x.columns();
  if (rows == 0) return;
  const LaunchShape shape = unit_blocks(rows, units);
  const bool has_sums = has_slope(a.f.kind) && (a.f.dalpha || (a.f.kind == Activation::dice && a.f.sum));
  MatrixView<S, DeviceSpace> sums;
  if (has_sums) sums = context.matrix(shape.grid.x, sums_of_activation * units);
  launch<unit_activation_backward_kernel<S>>(context, shape, a, DropoutFactors<S>(a.dropout), sums);
  if (!has_sums) return;
  launch<add_unit_sums_kernel<S>>(
      context, {dim3(blocks_for(sums.columns(), warp_size)), dim3(warp_size, warps_per_unit_block)}, a.f, sums, rows);
}

}  // namespace seqrec::cuda
