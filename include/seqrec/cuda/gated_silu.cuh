// SPDX-License-Identifier: Apache-2.0
// y = dropout(silu(gate) x), element by element (SwiGLU, Shazeer 2020, arXiv:2002.05202, eq. 6).
//
// One warp per row, one lane a column. Memory: forward reads gate and x and writes y; backward reads gate, x and dy and
// writes dgate and dx.
#pragma once

#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/dropout.cuh"
#include "seqrec/cuda/gradient.cuh"
#include "seqrec/cuda/rows.cuh"
#include "seqrec/cuda/silu.cuh"
#include "seqrec/ops/gated_silu.hpp"

namespace seqrec::cuda {

template <class S>
__global__ void gated_silu_kernel(GatedSiluForward<BasicContext<S>> a, DropoutFactors<S> factors) {
  using Accumulator = accumulator_of<S>;
  const index_t row = row_of_warp();
  if (row >= a.gate.rows()) return;
  for_columns_of_lane(a.gate.columns(), [&](index_t column) {
    Accumulator value = Silu<Accumulator>(a.gate(row, column)).value;
    if (a.x) value *= a.x(row, column);
    a.y(row, column) = static_cast<S>(value * factors(row, column));
  });
}

template <class S>
void gated_silu_forward(BasicContext<S>& context, const GatedSiluForward<BasicContext<S>>& a) {
  launch<gated_silu_kernel<S>>(context, warp_per_row(a.gate.rows()), a, DropoutFactors<S>(a.dropout));
}

template <class S>
__global__ void gated_silu_backward_kernel(GatedSiluBackward<BasicContext<S>> a, DropoutFactors<S> factors) {
  using Accumulator = accumulator_of<S>;
  const index_t row = row_of_warp();
  if (row >= a.gate.rows()) return;
  for_columns_of_lane(a.gate.columns(), [&](index_t column) {
    const Silu<Accumulator> silu(a.gate(row, column));
    // Read whole before anything is written: a gradient may lie where dy does.
    const Accumulator dy = static_cast<Accumulator>(a.dy(row, column)) * factors(row, column);
    const Accumulator x = a.x ? static_cast<Accumulator>(a.x(row, column)) : Accumulator{1};
    leave(a.dgate, row, column, static_cast<S>(dy * x * silu.slope));
    leave(a.dx, row, column, static_cast<S>(dy * silu.value));
  });
}

template <class S>
void gated_silu_backward(BasicContext<S>& context, const GatedSiluBackward<BasicContext<S>>& a) {
  launch<gated_silu_backward_kernel<S>>(context, warp_per_row(a.gate.rows()), a, DropoutFactors<S>(a.dropout));
}

}  // namespace seqrec::cuda
