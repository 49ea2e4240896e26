// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/tensor.hpp"
#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/rows.cuh"

namespace seqrec::cuda {

/// target_i += sums_i + sums_(R+i) + sums_(2R+i) + ...: the second half of a sum whose terms were dealt among slices,
/// with R rows each. One warp per row of the target, one lane a column.
template <class S, class Master>
__global__ void add_slice_sums_kernel(MatrixView<const S, DeviceSpace> sums, MatrixView<Master, DeviceSpace> target) {
  using Accumulator = accumulator_of<S>;
  const index_t i = row_of_warp();
  if (i >= target.rows()) return;
  for_columns_of_lane(target.columns(), [&](index_t column) {
    Accumulator sum = 0;
    for (index_t row = i; row < sums.rows(); row += target.rows()) sum += static_cast<Accumulator>(sums(row, column));
    target(i, column) = static_cast<Master>(static_cast<Accumulator>(target(i, column)) + sum);
  });
}

/// @param sums (slices R, C)   @param target (R, C)
template <class S, class Master>
void add_slice_sums(const BasicContext<S>& context, MatrixView<S, DeviceSpace> sums,
                    MatrixView<Master, DeviceSpace> target) {
  const MatrixView<const S, DeviceSpace> read = sums;
  launch<add_slice_sums_kernel<S, Master>>(context, warp_per_row(target.rows()), read, target);
}

}  // namespace seqrec::cuda
