// SPDX-License-Identifier: Apache-2.0
// Which segment of a jagged array an element belongs to.
#pragma once

#include "seqrec/core/tensor.hpp"
#include "seqrec/cuda/device.cuh"

namespace seqrec::cuda {

/// The segment that an element belongs to: the last one that begins at or before it and is not empty.
__device__ inline index_t segment_of(VectorView<const offset_t, DeviceSpace> offsets, index_t element) {
  index_t low = 0, high = offsets.size() - 1;  // offsets(low) <= element < offsets(high)
  while (high - low > 1) {
    const index_t middle = (low + high) / 2;
    if (offsets(middle) <= element)
      low = middle;
    else
      high = middle;
  }
  return low;
}

}  // namespace seqrec::cuda
