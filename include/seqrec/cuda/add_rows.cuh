// SPDX-License-Identifier: Apache-2.0
// The gradient of a table from an inverse index: target[row] += sum of coefficient * source over the row's entries.
//
// One warp per distinct row, one lane a column: a lane walks through the row's entries in ascending order, so the sum
// is the same in every run. Memory: reads each entry's source row once (coalesced) and each touched target row once,
// writes the latter. A row that very many entries name (a popular item) is the longest warp.
#pragma once

#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/rows.cuh"
#include "seqrec/ops/add_rows.hpp"

namespace seqrec::cuda {

template <class S>
__global__ void add_rows_kernel(AddRows<BasicContext<S>> a) {
  using Accumulator = accumulator_of<S>;
  const index_t i = row_of_warp();
  if (i >= a.index.rows.size()) return;
  const index_t first = a.index.row_offsets(i), end = a.index.row_offsets(i + 1), row = a.index.rows(i);
  for_columns_of_lane(a.target.columns(), [&](index_t column) {
    Accumulator sum = a.target(row, column);
    for (index_t e = first; e < end; ++e) {
      const index_t entry = a.index.order(e);
      const Accumulator value = a.source(entry / a.entries_per_row, column);
      sum += a.coefficients ? static_cast<Accumulator>(a.coefficients(entry)) * value : value;
    }
    a.target(row, column) = static_cast<typename BasicContext<S>::Master>(sum);
  });
}

template <class S>
void add_rows(BasicContext<S>& context, const AddRows<BasicContext<S>>& a) {
  launch<add_rows_kernel<S>>(context, warp_per_row(a.index.rows.size()), a);
}

}  // namespace seqrec::cuda
