// SPDX-License-Identifier: Apache-2.0
// [u, q, u * q, f] of each candidate, and its gradients.
//
// One warp per row, one lane a column. Memory: each matrix is read or written once.
#pragma once

#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/gradient.cuh"
#include "seqrec/cuda/rows.cuh"
#include "seqrec/ops/interaction.hpp"

namespace seqrec::cuda {

template <class S>
__global__ void interaction_kernel(InteractionForward<BasicContext<S>> a) {
  const index_t row = row_of_warp(), width = a.u.columns();
  if (row >= a.u.rows()) return;
  S* const y = a.y.row(row);
  for_columns_of_lane(width, [&](index_t column) {
    const S u = a.u(row, column), q = a.q(row, column);
    y[column] = u;
    y[width + column] = q;
    y[2 * width + column] = u * q;
  });
  if (a.f) for_columns_of_lane(a.f.columns(), [&](index_t column) { y[3 * width + column] = a.f(row, column); });
}

template <class S>
void interaction_forward(BasicContext<S>& context, const InteractionForward<BasicContext<S>>& a) {
  launch<interaction_kernel<S>>(context, warp_per_row(a.u.rows()), a);
}

template <class S>
__global__ void interaction_backward_kernel(InteractionBackward<BasicContext<S>> a) {
  const index_t row = row_of_warp(), width = a.u.columns();
  if (row >= a.u.rows()) return;
  const S* const dy = a.dy.row(row);
  for_columns_of_lane(width, [&](index_t column) {
    const S product = dy[2 * width + column];
    leave(a.du, row, column, dy[column] + product * a.q(row, column));
    leave(a.dq, row, column, dy[width + column] + product * a.u(row, column));
  });
  for_columns_of_lane(a.df.view.columns(), [&](index_t column) { leave(a.df, row, column, dy[3 * width + column]); });
}

template <class S>
void interaction_backward(BasicContext<S>& context, const InteractionBackward<BasicContext<S>>& a) {
  launch<interaction_backward_kernel<S>>(context, warp_per_row(a.u.rows()), a);
}

}  // namespace seqrec::cuda
