// SPDX-License-Identifier: Apache-2.0
// A decay of the rows of a table that a step has touched.
//
// One warp per row of the gradient, one lane a column; a vote of the lanes says whether any element is not zero.
// Memory: reads the gradient once, and of rows that are touched the table's too, and writes those.
#pragma once

#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/rows.cuh"
#include "seqrec/ops/decay_rows.hpp"

namespace seqrec::cuda {

template <class S>
__global__ void decay_rows_kernel(DecayRows<BasicContext<S>> a) {
  using Accumulator = accumulator_of<S>;
  using Master = typename BasicContext<S>::Master;
  const index_t i = row_of_warp();
  if (i >= a.gradient.rows()) return;
  if (!has_gradient(a.gradient.row(i), a.gradient.columns())) return;
  const index_t row = a.rows ? a.rows(i) : i;
  const Accumulator share = a.shares(row);
  for_columns_of_lane(a.gradient.columns(), [&](index_t column) {
    Master& gradient = a.gradient(i, column);
    gradient = static_cast<Master>(gradient + share * static_cast<Accumulator>(a.table(row, column)));
  });
}

template <class S>
void decay_rows(BasicContext<S>& context, const DecayRows<BasicContext<S>>& a) {
  launch<decay_rows_kernel<S>>(context, warp_per_row(a.gradient.rows()), a);
}

}  // namespace seqrec::cuda
