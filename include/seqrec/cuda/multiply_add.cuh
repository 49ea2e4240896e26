// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "seqrec/cuda/device.cuh"

namespace seqrec::cuda {

/// a b + c, rounded once where the processor can: said here, because a compiler that chooses for itself what to fuse
/// may choose differently in two kernels that must have the same bits.
template <class A>
__device__ A multiply_add(A a, A b, A c) {
#if defined(__CUDACC__) || defined(__FMA__)
  return std::fma(a, b, c);
#else
  return a * b + c;  // std::fma would be a slow call
#endif
}

}  // namespace seqrec::cuda
