// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "seqrec/core/dropout.hpp"
#include "seqrec/cuda/device.cuh"

namespace seqrec::cuda {

/// What elements are multiplied by under dropout, for kernels: the same bits as on any backend, drawn where they are
/// needed. A Philox block has the lanes of eight columns: who needs one element draws eight, so a thread should have
/// eight neighbouring ones, or share what it has drawn.
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
  /// Which of columns 8 block .. 8 block + 7 are kept: bit by column.
  __device__ unsigned kept_of_eight(index_t row, index_t block) const {
    if (!active_) return ~0u;
    const PhiloxBlock drawn =
        mask_.lanes(mask_.first_row + static_cast<std::uint32_t>(row), static_cast<std::uint32_t>(block));
    unsigned kept = 0;
    for (unsigned column = 0; column < 8; ++column) kept |= (mask_.keeps(drawn, column) ? 1u : 0u) << column;
    return kept;
  }
  /// The same of columns 32 part .. 32 part + 31. Four lanes, of which the first is a multiple of four, ask together.
  /// @param member  which of the four this is
  __device__ unsigned kept_of_32(index_t row, index_t part, unsigned member) const {
    if (!active_) return ~0u;
    unsigned kept = kept_of_eight(row, 4 * part + member) << (8 * member);
    for (int distance = 1; distance <= 2; distance *= 2) kept |= __shfl_xor_sync(all_lanes, kept, distance);
    return kept;
  }
  /// What an element is multiplied by.
  __device__ Scalar of(bool is_kept) const { return is_kept ? kept_ : Scalar{0}; }
  /// What a kept element is multiplied by; 1 without dropout.
  __device__ Scalar kept() const { return kept_; }

 private:
  Dropout mask_;
  Scalar kept_;
  bool active_;
};

}  // namespace seqrec::cuda
