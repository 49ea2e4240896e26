// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "seqrec/cuda/device.cuh"

namespace seqrec::cuda {

/// silu(x) = x / (1 + exp(-x)) and its derivative. Not by sigmoid(), with which attention's gradients spill registers.
template <class A>
struct Silu {
  A value, slope;

  __device__ explicit Silu(A x) {
    const A open = A{1} / (A{1} + std::exp(-x));
    value = x * open;
    slope = open * (A{1} + x * (A{1} - open));
  }
};

}  // namespace seqrec::cuda
