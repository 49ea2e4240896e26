// SPDX-License-Identifier: Apache-2.0
// What kernels ask of jagged rows.
#pragma once

#include "seqrec/core/tensor.hpp"
#include "seqrec/cuda/device.cuh"

namespace seqrec::cuda {

/// The segment that a row belongs to: the last one that begins at or before it and is not empty.
__device__ inline index_t segment_of(VectorView<const offset_t, DeviceSpace> offsets, index_t row) {
  index_t low = 0, high = offsets.size() - 1;  // offsets(low) <= row < offsets(high)
  while (high - low > 1) {
    const index_t middle = (low + high) / 2;
    if (offsets(middle) <= row)
      low = middle;
    else
      high = middle;
  }
  return low;
}

/// How many segments there are; offsets may be missing where there are none.
inline index_t segments_of(VectorView<const offset_t, DeviceSpace> offsets) {
  return offsets.size() > 0 ? offsets.size() - 1 : 0;
}

}  // namespace seqrec::cuda
