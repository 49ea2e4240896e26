// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/cuda/activation.cuh"
#include "seqrec/cuda/device.cuh"

namespace seqrec::cuda {

/// silu(x) = x / (1 + exp(-x)) and its derivative.
template <class A>
struct Silu {
  A value, slope;

  __device__ explicit Silu(A x) {
    const A open = sigmoid(x);
    value = x * open;
    slope = open * (A{1} + x * (A{1} - open));
  }
};

}  // namespace seqrec::cuda
