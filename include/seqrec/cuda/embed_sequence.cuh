// SPDX-License-Identifier: Apache-2.0
// Gather, scale, position and dropout of item sequences, forward and backward.
//
// Forward and the element-wise part of backward: eight columns a lane, 256 of them together (row_octets.cuh). Position
// gradients: one block per position and 32 columns; its warps share the users, because a position meets each user at
// most once.
// Memory: forward reads a table row and a position row per token and writes one row; backward reads and writes dy once,
// and reads it once more for the positions.
#pragma once

#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/dropout.cuh"
#include "seqrec/cuda/row_octets.cuh"
#include "seqrec/cuda/segments.cuh"
#include "seqrec/ops/embed_sequence.hpp"

namespace seqrec::cuda {

/// Warps among which the users of a position are dealt: each walks through 16 of a batch of 128.
inline constexpr int warps_per_position = 8;
/// Users whose rows a warp reads before it adds the first.
inline constexpr int users_at_once = 4;

template <class S>
__global__ void embed_sequence_kernel(EmbedSequenceForward<BasicContext<S>> a, DropoutFactors<S> factors, int lanes,
                                      int alignment) {
  const OctetPlace at(lanes);
  const index_t row = at.first_row();
  if (row >= a.y.rows()) return;
  const index_t item = a.items(row), columns = a.y.columns();
  const auto scale = static_cast<S>(a.scale);
  index_t position = 0;
  if (a.positions) {
    const index_t user = segment_of(a.offsets, row), first = a.offsets(user);
    position = position_row(a.origin, row - first, a.offsets(user + 1) - first, a.positions.rows());
  }
  for_octets_of_lane(at, columns, [&](index_t column, int count) {
    Octet<S> y = Octet<S>::load(a.table.row(item) + column, count, alignment), positions;
    if (a.positions) positions = Octet<S>::load(a.positions.row(position) + column, count, alignment);
    const unsigned kept = factors.kept_of_eight(row, column / octet);
    for (int i = 0; i < octet; ++i) y[i] = (scale * y[i] + positions[i]) * factors.of((kept >> i & 1u) != 0);
    y.store(a.y.row(row) + column, count, alignment);
  });
}

template <class S>
void embed_sequence_forward(BasicContext<S>& context, const EmbedSequenceForward<BasicContext<S>>& a) {
  const int alignment = row_alignment(a.table, a.positions, a.y);
  launch<embed_sequence_kernel<S>>(context, octet_shape(a.y.rows(), a.y.columns()), a, DropoutFactors<S>(a.dropout),
                                   octets_of_row(a.y.columns()), alignment);
}

/// dy = dy * dropout factor * scale.
template <class S>
__global__ void scale_gradient_kernel(MatrixView<S, DeviceSpace> dy, S scale, DropoutFactors<S> factors, int lanes,
                                      int alignment) {
  const OctetPlace at(lanes);
  const index_t row = at.first_row();
  if (row >= dy.rows()) return;
  for_octets_of_lane(at, dy.columns(), [&](index_t column, int count) {
    Octet<S> gradient = Octet<S>::load(dy.row(row) + column, count, alignment);
    const unsigned kept = factors.kept_of_eight(row, column / octet);
    for (int i = 0; i < octet; ++i) gradient[i] = gradient[i] * factors.of((kept >> i & 1u) != 0) * scale;
    gradient.store(dy.row(row) + column, count, alignment);
  });
}

/// dposition[p] += the sum of dy, which is scaled, over the rows at p.
template <class S>
__global__ void position_gradient_kernel(EmbedSequenceBackward<BasicContext<S>> a, index_t first_position,
                                         accumulator_of<S> scale) {
  using Accumulator = accumulator_of<S>;
  __shared__ shared_array<Accumulator[warp_size], warps_per_position> of_warp;
  const index_t position = first_position + blockIdx.x, positions = a.dpositions.rows();
  const index_t column = static_cast<index_t>(blockIdx.y) * warp_size + threadIdx.x;
  const index_t users = a.offsets.size() - 1;
  Accumulator sum = 0;
  for (index_t user = threadIdx.y; column < a.dy.columns() && user < users;
       user += warps_per_position * users_at_once) {
    S values[users_at_once];
    for (int i = 0; i < users_at_once; ++i) {
      const index_t of = user + i * warps_per_position;
      const index_t first = of < users ? a.offsets(of) : 0, length = of < users ? a.offsets(of + 1) - first : 0;
      // The inverse of position_row, which is row plus a constant of the history.
      const index_t row_in_history = position - position_row(a.origin, 0, length, positions);
      values[i] = row_in_history >= 0 && row_in_history < length ? a.dy(first + row_in_history, column) : S{0};
    }
    for (const S value : values) sum += static_cast<Accumulator>(value);
  }
  of_warp[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y != 0 || column >= a.dy.columns()) return;
  for (int warp = 1; warp < warps_per_position; ++warp) sum += of_warp[warp][threadIdx.x];
  auto& target = a.dpositions(position, column);
  target = static_cast<typename BasicContext<S>::Master>(target + sum / scale);
}

template <class S>
void scale_gradient(BasicContext<S>& context, MatrixView<S, DeviceSpace> dy, S scale, const Dropout& dropout) {
  if (scale == S{1} && !dropout.active()) return;
  launch<scale_gradient_kernel<S>>(context, octet_shape(dy.rows(), dy.columns()), dy, scale, DropoutFactors<S>(dropout),
                                   octets_of_row(dy.columns()), row_alignment(dy));
}

template <class S>
void embed_sequence_backward(BasicContext<S>& context, const EmbedSequenceBackward<BasicContext<S>>& a) {
  // Positions divide by the scale, unless that is no number to divide by.
  const auto scale = static_cast<S>(a.scale), divisor = scale == S{0} ? S{1} : scale;
  scale_gradient(context, a.dy, divisor, a.dropout);
  if (a.dpositions) {
    // Only positions that the longest history reaches; without any history there are none.
    const index_t positions = a.dpositions.rows(), longest = a.longest;
    const index_t first_position = a.origin == PositionOrigin::end ? positions - longest : 0;
    const dim3 grid(blocks_for(longest, 1), blocks_across("embed_sequence columns", a.dy.columns(), warp_size));
    launch<position_gradient_kernel<S>>(context, {grid, dim3(warp_size, warps_per_position)}, a, first_position,
                                        static_cast<accumulator_of<S>>(divisor));
  }
  if (scale == S{0}) scale_gradient(context, a.dy, scale, Dropout{});
}

}  // namespace seqrec::cuda
