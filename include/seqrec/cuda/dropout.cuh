// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "seqrec/core/dropout.hpp"
#include "seqrec/cuda/device.cuh"

namespace seqrec::cuda {

/// What elements are multiplied by under dropout, for kernels: the same bits as on any backend, drawn where they are
/// needed. Each element draws its Philox block alone: eight times the arithmetic of sharing it among eight columns, but
/// no exchange between lanes, and coalesced access stays possible.
template <class Scalar>
class DropoutFactors {
 public:
  explicit DropoutFactors(const Dropout& mask)
      : mask_(mask), kept_(static_cast<Scalar>(mask.scale())), active_(mask.active()) {}

  /// 0 if the element is dropped, else the inverse of the kept fraction. `row` counts in the shard.
  __device__ Scalar operator()(index_t row, index_t column) const {
    if (!active_) return Scalar{1};
    const std::uint32_t batch_row = mask_.first_row + static_cast<std::uint32_t>(row);
    return mask_.keeps(batch_row, static_cast<std::uint32_t>(column)) ? kept_ : Scalar{0};
  }
  /// What a kept element is multiplied by; 1 without dropout.
  __device__ Scalar kept() const { return kept_; }

 private:
  Dropout mask_;
  Scalar kept_;
  bool active_;
};

}  // namespace seqrec::cuda
