// SPDX-License-Identifier: Apache-2.0
// Layer normalisation (Ba et al. 2016, arXiv:1607.06450) fused with the dropout and the residual addition before it.
//
// A row lies in the registers of the lanes that share it (row_octets.cuh); wider ones are those of wide_layer_norm.cuh.
// Backward: each block sums what its rows give to gamma and beta, and a second launch adds up the blocks' sums in their
// order. Memory: forward reads x and residual and writes sum and y; backward reads sum, dy and dsum and writes dx and
// dresidual.
#pragma once

#include <algorithm>
#include <cmath>

#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/dropout.cuh"
#include "seqrec/cuda/row_octets.cuh"
#include "seqrec/cuda/slice_sums.cuh"
#include "seqrec/cuda/wide_layer_norm.cuh"
#include "seqrec/ops/dropout_residual_layer_norm.hpp"

namespace seqrec::cuda {

/// How rows are shared, and how many bytes of them, and of gamma and beta, are read and written at a time.
struct LayerNormLayout {
  int lanes, rows, parameters;
};

template <class S>
__global__ void layer_norm_kernel(DropoutResidualLayerNormForward<BasicContext<S>> a, DropoutFactors<S> factors,
                                  LayerNormLayout layout) {
  using Accumulator = accumulator_of<S>;
  const OctetPlace at(layout.lanes);
  const index_t row = at.first_row(), width = a.x.columns();
  const bool exists = row < a.x.rows();
  const int column = at.column(), count = exists ? at.count(width) : 0;
  Octet<S> x;
  if (count > 0) x = Octet<S>::load(a.x.row(row) + column, count, layout.rows);
  if (a.residual && count > 0) {
    const auto residual = Octet<S>::load(a.residual.row(row) + column, count, layout.rows);
    const unsigned kept = factors.kept_of_eight(row, at.lane);
    for (int i = 0; i < octet; ++i) x[i] = residual[i] + x[i] * factors.of((kept >> i & 1u) != 0);
    x.store(a.sum.row(row) + column, count, layout.rows);
  }
  Accumulator total = 0;
  for (int i = 0; i < octet; ++i) total += i < count ? static_cast<Accumulator>(x[i]) : Accumulator{0};
  const Accumulator mean = at.sum(total) / static_cast<Accumulator>(width);
  Accumulator squares = 0;
  for (int i = 0; i < octet; ++i) {
    const Accumulator deviation = i < count ? static_cast<Accumulator>(x[i]) - mean : Accumulator{0};
    squares += deviation * deviation;
  }
  const Accumulator variance = at.sum(squares) / static_cast<Accumulator>(width);
  const Accumulator rstd = Accumulator{1} / std::sqrt(variance + static_cast<Accumulator>(a.epsilon));
  if (count == 0) return;
  const auto gamma = Octet<S>::load(a.gamma.data + column, count, layout.parameters);
  const auto beta = Octet<S>::load(a.beta.data + column, count, layout.parameters);
  Octet<S> y;
  for (int i = 0; i < octet; ++i)
    y[i] = static_cast<S>((static_cast<Accumulator>(x[i]) - mean) * rstd * static_cast<Accumulator>(gamma[i]) +
                          static_cast<Accumulator>(beta[i]));
  y.store(a.y.row(row) + column, count, layout.rows);
  if (at.lane != 0) return;
  a.mean(row) = static_cast<S>(mean);
  a.rstd(row) = static_cast<S>(rstd);
}

template <class S>
void dropout_residual_layer_norm_forward(BasicContext<S>& context,
                                         const DropoutResidualLayerNormForward<BasicContext<S>>& a) {
  if (a.x.columns() > widest_octet_row) return wide_layer_norm_forward(context, a);
  const LayerNormLayout layout{octets_of_row(a.x.columns()), row_alignment(a.x, a.residual, a.sum, a.y),
                               row_alignment(a.gamma, a.beta)};
  launch<layer_norm_kernel<S>>(context, octet_shape(a.x.rows(), a.x.columns()), a, DropoutFactors<S>(a.dropout),
                               layout);
}

/// Blocks of a backward pass on a multiprocessor, and at most on the GPUs of today: each leaves sums.
inline constexpr int norm_blocks = 2;
inline constexpr index_t most_norm_blocks = 132 * norm_blocks;

/// @param sums (blocks, 2 D) what each block's rows give to gamma, then to beta; null if nobody wants it
template <class S>
__global__ void __launch_bounds__(octet_threads, norm_blocks)
    layer_norm_backward_kernel(DropoutResidualLayerNormBackward<BasicContext<S>> a, DropoutFactors<S> factors,
                               LayerNormLayout layout, MatrixView<accumulator_of<S>, DeviceSpace> sums) {
  using Accumulator = accumulator_of<S>;
  __shared__ shared_array<Accumulator, octet_threads * octet> of_rows;
  const OctetPlace at(layout.lanes);
  const index_t rows = a.sum.rows(), width = a.sum.columns();
  const int column = at.column(), columns = at.count(width);
  const auto gamma = Octet<S>::load(a.gamma.data + column, columns, layout.parameters);
  Accumulator dgamma[octet] = {}, dbeta[octet] = {};
  const index_t first = static_cast<index_t>(blockIdx.x) * at.rows_of_block();
  for (index_t begin = first; begin < rows; begin += at.stride()) {  // all lanes of a warp together
    const index_t row = begin + at.row_in_block();
    const int count = row < rows ? columns : 0;
    Octet<S> sum, dy, dsum;
    Accumulator mean = 0, rstd = 0;
    if (count > 0) {
      mean = static_cast<Accumulator>(a.mean(row));
      rstd = static_cast<Accumulator>(a.rstd(row));
      sum = Octet<S>::load(a.sum.row(row) + column, count, layout.rows);
      if (a.dy) dy = Octet<S>::load(a.dy.row(row) + column, count, layout.rows);
      if (a.dsum) dsum = Octet<S>::load(a.dsum.row(row) + column, count, layout.rows);
    }
    Accumulator dmean = 0, slope = 0;
    for (int i = 0; i < octet; ++i) {
      const Accumulator unit = i < count ? (static_cast<Accumulator>(sum[i]) - mean) * rstd : Accumulator{0};
      const Accumulator given = static_cast<Accumulator>(dy[i]), dunit = given * static_cast<Accumulator>(gamma[i]);
      dmean += dunit;
      slope += dunit * unit;
      dgamma[i] += given * unit;
      dbeta[i] += given;
    }
    dmean = at.sum(dmean) / static_cast<Accumulator>(width);
    slope = at.sum(slope) / static_cast<Accumulator>(width);
    if (count == 0 || (!a.dx && !a.dresidual)) continue;
    const unsigned kept = factors.kept_of_eight(row, at.lane);
    Octet<S> dx, dresidual;
    for (int i = 0; i < octet; ++i) {
      const Accumulator unit = (static_cast<Accumulator>(sum[i]) - mean) * rstd;
      const Accumulator dunit = static_cast<Accumulator>(dy[i]) * static_cast<Accumulator>(gamma[i]);
      dresidual[i] = static_cast<S>((dunit - dmean - unit * slope) * rstd + static_cast<Accumulator>(dsum[i]));
      dx[i] = dresidual[i] * factors.of((kept >> i & 1u) != 0);
    }
    dresidual.leave(a.dresidual, row, column, count, layout.rows);
    dx.leave(a.dx, row, column, count, layout.rows);
  }
  if (!sums) return;
  for (const bool of_beta : {false, true}) {
    __syncthreads();
    for (int i = 0; i < octet; ++i)
      of_rows[at.row_in_block() * octet * at.lanes + column + i] = of_beta ? dbeta[i] : dgamma[i];
    __syncthreads();
    const index_t mine = static_cast<index_t>(threadIdx.x);
    if (mine >= width) continue;
    Accumulator sum = 0;
    for (int i = 0; i < at.rows_of_block(); ++i) sum += of_rows[i * octet * at.lanes + static_cast<int>(mine)];
    sums(blockIdx.x, (of_beta ? width : 0) + mine) = sum;
  }
}

/// Adds up the blocks' sums.
template <class A, class Master>
__global__ void add_layer_norm_gradients_kernel(MatrixView<const A, DeviceSpace> sums,
                                                VectorView<Master, DeviceSpace> dgamma,
                                                VectorView<Master, DeviceSpace> dbeta) {
  const index_t element = static_cast<index_t>(blockIdx.x) * warp_size + threadIdx.x, width = sums.columns() / 2;
  const A sum = sum_of_slices(sums, element);
  if (threadIdx.y != 0 || element >= sums.columns()) return;
  const auto& target = element < width ? dgamma : dbeta;
  if (!target) return;
  Master& gradient = target(element % width);
  gradient = static_cast<Master>(static_cast<A>(gradient) + sum);
}

template <class S>
void dropout_residual_layer_norm_backward(BasicContext<S>& context,
                                          const DropoutResidualLayerNormBackward<BasicContext<S>>& a) {
  using Accumulator = accumulator_of<S>;
  using Master = typename BasicContext<S>::Master;
  const index_t rows = a.sum.rows(), width = a.sum.columns();
  if (width > widest_octet_row) return wide_layer_norm_backward(context, a);
  if (rows == 0 || width == 0) return;
  const LayerNormLayout layout{octets_of_row(width), row_alignment(a.sum, a.dy, a.dsum, a.dx.view, a.dresidual.view),
                               row_alignment(a.gamma)};
  LaunchShape shape = octet_shape(rows, width);
  shape.grid.x = static_cast<unsigned>(std::min<index_t>(shape.grid.x, most_norm_blocks));
  MatrixView<Accumulator, DeviceSpace> sums;
  if (a.dy && (a.dgamma || a.dbeta))
    sums = {context.template vector<Accumulator>(shape.grid.x * 2 * width).data, shape.grid.x, 2 * width};
  launch<layer_norm_backward_kernel<S>>(context, shape, a, DropoutFactors<S>(a.dropout), layout, sums);
  if (!sums) return;
  const MatrixView<const Accumulator, DeviceSpace> read = sums;
  launch<add_layer_norm_gradients_kernel<Accumulator, Master>>(context, slice_sums_shape(2 * width), read, a.dgamma,
                                                               a.dbeta);
}

}  // namespace seqrec::cuda
