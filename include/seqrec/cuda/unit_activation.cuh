// SPDX-License-Identifier: Apache-2.0
// Activations with what they have learned unit by unit (PReLU, Dice), dropout fused, and what their gradients and
// running statistics are summed from.
//
// One block for 64 rows of 32 units: one lane a unit, whose parameters it reads once, the warps share the rows. Sums
// over rows are taken in warp order, and over blocks by column_sums.cuh: in one order in every run. Memory: forward
// reads x and writes y once; backward reads x and dy and writes dx once.
#pragma once

#include <cmath>

#include "seqrec/cuda/activation.cuh"
#include "seqrec/cuda/column_sums.cuh"
#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/dropout.cuh"
#include "seqrec/cuda/gradient.cuh"
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

  __device__ S value(S x) const {
    if (kind_ == Activation::prelu) return x > S{0} ? x : alpha_ * x;
    if (kind_ != Activation::dice) return activated(kind_, x);
    const S p = probability(x);
    return x * (p + alpha_ * (S{1} - p));
  }
  /// d value / d x.
  __device__ S slope(S x) const {
    if (kind_ == Activation::prelu) return x > S{0} ? S{1} : alpha_;
    if (kind_ != Activation::dice) return slope_at(kind_, activated(kind_, x));
    const S p = probability(x);
    return p + alpha_ * (S{1} - p) + x * (S{1} - alpha_) * p * (S{1} - p) * inverse_deviation_;
  }
  /// d value / d alpha.
  __device__ S slope_of_alpha(S x) const {
    if (kind_ == Activation::prelu) return x > S{0} ? S{0} : x;
    return kind_ == Activation::dice ? x * (S{1} - probability(x)) : S{0};
  }
  /// From the running mean.
  __device__ S deviation(S x) const { return x - mean_; }

 private:
  /// Of Dice, that the unit counts as active.
  __device__ S probability(S x) const { return activated(Activation::sigmoid, (x - mean_) * inverse_deviation_); }

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
  for (index_t row = first + threadIdx.y; row < end; row += warps_per_unit_block)
    a.y(row, unit) = f.value(a.x(row, unit)) * factors(row, unit);
}

template <class S>
void unit_activation_forward(BasicContext<S>& context, const UnitActivationForward<BasicContext<S>>& a) {
  launch<unit_activation_kernel<S>>(context, unit_blocks(a.x.rows(), a.x.columns()), a, DropoutFactors<S>(a.dropout));
}

/// What the blocks of a backward pass sum, each (blocks, F); null for what nobody wants.
template <class S>
struct UnitSums {
  MatrixView<S, DeviceSpace> dalpha, deviations, squares;
};

template <class S>
__global__ void unit_activation_backward_kernel(UnitActivationBackward<BasicContext<S>> a, DropoutFactors<S> factors,
                                                UnitSums<S> sums) {
  using Accumulator = accumulator_of<S>;
  constexpr int sums_of_unit = 3;
  __shared__ shared_array<Accumulator[sums_of_unit][warp_size], warps_per_unit_block> of_warp;
  const index_t unit = static_cast<index_t>(blockIdx.y) * warp_size + threadIdx.x;
  const bool is_unit = unit < a.x.columns();
  Accumulator dalpha = 0, deviations = 0, squares = 0;
  if (is_unit) {
    const UnitFunction<S> f(a.f, unit);
    const index_t first = static_cast<index_t>(blockIdx.x) * rows_per_unit_block;
    const index_t end = first + rows_per_unit_block < a.x.rows() ? first + rows_per_unit_block : a.x.rows();
    for (index_t row = first + threadIdx.y; row < end; row += warps_per_unit_block) {
      const S x = a.x(row, unit), dy = a.dy(row, unit) * factors(row, unit);
      dalpha += dy * f.slope_of_alpha(x);
      const Accumulator deviation = f.deviation(x);
      deviations += deviation;
      squares += deviation * deviation;
      leave(a.dx, row, unit, dy * f.slope(x));
    }
  }
  if (!sums.dalpha && !sums.deviations) return;
  Accumulator(&of_this_warp)[sums_of_unit][warp_size] = of_warp[threadIdx.y];
  of_this_warp[0][threadIdx.x] = dalpha;
  of_this_warp[1][threadIdx.x] = deviations;
  of_this_warp[2][threadIdx.x] = squares;
  __syncthreads();
  // A warp for each of the sums.
  if (threadIdx.y >= sums_of_unit || !is_unit) return;
  const MatrixView<S, DeviceSpace> target = threadIdx.y == 0   ? sums.dalpha
                                            : threadIdx.y == 1 ? sums.deviations
                                                               : sums.squares;
  if (!target) return;
  Accumulator sum = 0;
  for (int warp = 0; warp < warps_per_unit_block; ++warp) sum += of_warp[warp][threadIdx.y][threadIdx.x];
  target(blockIdx.x, unit) = static_cast<S>(sum);
}

template <class Master>
__global__ void count_rows_kernel(VectorView<Master, DeviceSpace> target, index_t rows) {
  target(0) += static_cast<Master>(rows);
}

template <class S>
void unit_activation_backward(BasicContext<S>& context, const UnitActivationBackward<BasicContext<S>>& a) {
  const index_t rows = a.x.rows(), units = a.x.columns();
  if (rows == 0) return;
  const LaunchShape shape = unit_blocks(rows, units);
  const auto blocks = static_cast<index_t>(shape.grid.x);
  const bool with_statistics = a.f.kind == Activation::dice && a.f.sum;
  UnitSums<S> sums;
  if (has_slope(a.f.kind) && a.f.dalpha) sums.dalpha = context.matrix(blocks, units);
  if (with_statistics) {
    sums.deviations = context.matrix(blocks, units);
    sums.squares = context.matrix(blocks, units);
  }
  launch<unit_activation_backward_kernel<S>>(context, shape, a, DropoutFactors<S>(a.dropout), sums);
  if (sums.dalpha) add_column_sums(context, blocks, MatrixValues<S>{sums.dalpha}, a.f.dalpha);
  if (!with_statistics) return;
  add_column_sums(context, blocks, MatrixValues<S>{sums.deviations}, a.f.sum);
  add_column_sums(context, blocks, MatrixValues<S>{sums.squares}, a.f.squares);
  launch<count_rows_kernel<typename BasicContext<S>::Master>>(context, {dim3(1), dim3(1)}, a.f.rows, rows);
}

}  // namespace seqrec::cuda
