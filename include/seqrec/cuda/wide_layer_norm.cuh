// SPDX-License-Identifier: Apache-2.0
// Layer normalisation of rows that are too wide for a thread to keep eight columns of them: see
// dropout_residual_layer_norm.cuh.
//
// One warp per row, one lane a column; the variance is taken about the mean in a second pass, while the row is still in
// the first-level cache. Memory: as for narrow rows, but the gradients of gamma and beta read sum once and dy twice
// more.
#pragma once

#include <cmath>

#include "seqrec/cuda/column_sums.cuh"
#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/dropout.cuh"
#include "seqrec/cuda/gradient.cuh"
#include "seqrec/cuda/reduce.cuh"
#include "seqrec/cuda/rows.cuh"
#include "seqrec/ops/dropout_residual_layer_norm.hpp"

namespace seqrec::cuda {

template <class S>
__global__ void wide_layer_norm_kernel(DropoutResidualLayerNormForward<BasicContext<S>> a, DropoutFactors<S> factors) {
  using Accumulator = accumulator_of<S>;
  const index_t row = row_of_warp(), width = a.x.columns();
  if (row >= a.x.rows()) return;
  // A lane reads again only what it has written itself, so sum may lie where x or residual does.
  const S* normalised = a.residual ? a.sum.row(row) : a.x.row(row);
  Accumulator total = 0;
  for_columns_of_lane(width, [&](index_t column) {
    if (a.residual) a.sum(row, column) = a.residual(row, column) + a.x(row, column) * factors(row, column);
    total += normalised[column];
  });
  const Accumulator mean = warp_sum(total) / static_cast<Accumulator>(width);
  Accumulator squares = 0;
  for_columns_of_lane(width, [&](index_t column) {
    const Accumulator deviation = normalised[column] - mean;
    squares += deviation * deviation;
  });
  const Accumulator variance = warp_sum(squares) / static_cast<Accumulator>(width);
  const Accumulator rstd = Accumulator{1} / std::sqrt(variance + static_cast<Accumulator>(a.epsilon));
  for_columns_of_lane(width, [&](index_t column) {
    const Accumulator unit = (normalised[column] - mean) * rstd;
    a.y(row, column) = static_cast<S>(unit * a.gamma(column) + a.beta(column));
  });
  if (threadIdx.x != 0) return;
  a.mean(row) = static_cast<S>(mean);
  a.rstd(row) = static_cast<S>(rstd);
}

template <class S>
void wide_layer_norm_forward(BasicContext<S>& context, const DropoutResidualLayerNormForward<BasicContext<S>>& a) {
  launch<wide_layer_norm_kernel<S>>(context, warp_per_row(a.x.rows()), a, DropoutFactors<S>(a.dropout));
}

template <class S>
__global__ void wide_layer_norm_backward_kernel(DropoutResidualLayerNormBackward<BasicContext<S>> a,
                                                DropoutFactors<S> factors) {
  using Accumulator = accumulator_of<S>;
  const index_t row = row_of_warp(), width = a.sum.columns();
  if (row >= a.sum.rows()) return;
  const Accumulator mean = a.mean(row), rstd = a.rstd(row);
  const auto unit = [&](index_t column) { return (a.sum(row, column) - mean) * rstd; };
  const auto dunit = [&](index_t column) { return static_cast<Accumulator>(a.dy(row, column)) * a.gamma(column); };
  Accumulator dmean = 0, slope = 0;
  if (a.dy) {
    for_columns_of_lane(width, [&](index_t column) {
      dmean += dunit(column);
      slope += dunit(column) * unit(column);
    });
    dmean = warp_sum(dmean) / static_cast<Accumulator>(width);
    slope = warp_sum(slope) / static_cast<Accumulator>(width);
  }
  for_columns_of_lane(width, [&](index_t column) {
    Accumulator dsum = a.dy ? (dunit(column) - dmean - unit(column) * slope) * rstd : Accumulator{0};
    if (a.dsum) dsum += a.dsum(row, column);
    leave(a.dresidual, row, column, static_cast<S>(dsum));
    leave(a.dx, row, column, static_cast<S>(dsum) * factors(row, column));
  });
}

/// The terms whose sum over rows is the gradient of gamma.
template <class S>
struct GammaGradientValues {
  MatrixView<const S, DeviceSpace> sum, dy;
  VectorView<const S, DeviceSpace> mean, rstd;
  __device__ accumulator_of<S> operator()(index_t row, index_t column) const {
    const accumulator_of<S> deviation = sum(row, column) - mean(row);
    return dy(row, column) * deviation * rstd(row);
  }
};

template <class S>
void wide_layer_norm_backward(BasicContext<S>& context, const DropoutResidualLayerNormBackward<BasicContext<S>>& a) {
  // Before dx and dresidual: they may lie where dy does.
  if (a.dy && a.dgamma)
    add_column_sums(context, a.dy.rows(), GammaGradientValues<S>{a.sum, a.dy, a.mean, a.rstd}, a.dgamma);
  if (a.dy && a.dbeta) add_column_sums(context, a.dy.rows(), MatrixValues<S>{a.dy}, a.dbeta);
  if (!a.dx && !a.dresidual) return;
  launch<wide_layer_norm_backward_kernel<S>>(context, warp_per_row(a.sum.rows()), a, DropoutFactors<S>(a.dropout));
}

}  // namespace seqrec::cuda
