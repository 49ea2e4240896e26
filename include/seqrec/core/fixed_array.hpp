// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/types.hpp"

namespace seqrec {

/// Count elements, possibly none, as std::array has them, but usable on a device as well (std::array's functions are
/// host functions to nvcc).
template <class T, int Count>
struct FixedArray {
  static_assert(Count >= 0);

  T values[static_cast<unsigned>(Count > 0 ? Count : 1)] = {};

  SEQREC_HOST_DEVICE static constexpr index_t size() { return Count; }
  SEQREC_HOST_DEVICE constexpr T& operator[](index_t i) { return values[i]; }
  SEQREC_HOST_DEVICE constexpr const T& operator[](index_t i) const { return values[i]; }
  SEQREC_HOST_DEVICE constexpr T* begin() { return values; }
  SEQREC_HOST_DEVICE constexpr T* end() { return values + Count; }
  SEQREC_HOST_DEVICE constexpr const T* begin() const { return values; }
  SEQREC_HOST_DEVICE constexpr const T* end() const { return values + Count; }
};

}  // namespace seqrec
