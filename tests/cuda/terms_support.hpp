// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

#include "seqrec/cuda/mma_terms.cuh"

namespace seqrec_test {

/// What products of these terms read of a number.
template <class Terms>
double read_by(double x) {
  if constexpr (std::is_same_v<Terms, seqrec::cuda::Bf16Terms>) {
    const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(x));
    return static_cast<double>(std::bit_cast<float>((bits + 0x7FFFu + (bits >> 16 & 1u)) & 0xFFFF0000u));
  } else {
    return x;
  }
}

}  // namespace seqrec_test
