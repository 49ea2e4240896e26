// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <type_traits>

#include "seqrec/cuda/device.cuh"
#include "seqrec/ops/activation.hpp"

namespace seqrec::cuda {

/// 1 / (1 + exp(-x)). In float by the processor's own power of two and reciprocal: four instructions, where an exact
/// quotient of an exact power takes some fifty and a branch. Off by at most 2e-7 (PTX ISA, ex2.approx and rcp.approx).
template <class A>
__device__ A sigmoid(A x) {
#ifdef __CUDACC__
  if constexpr (std::is_same_v<A, float>) {
    constexpr float log2_e = 1.44269504f;
    float power, y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(-log2_e * x));
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(1.0f + power));
    return y;
  } else
#endif
    return A{1} / (A{1} + std::exp(-x));
}

/// The activations without parameters.
template <class S>
__device__ S activated(Activation activation, S x) {
  switch (activation) {
    case Activation::relu:
      return x < S{0} ? S{0} : x;
    case Activation::sigmoid:
      return sigmoid(x);
    case Activation::tanh:
      return std::tanh(x);
    default:
      return x;
  }
}

/// d y / d x, where y is the activation's value at x.
template <class S>
__device__ S slope_at(Activation activation, S y) {
  switch (activation) {
    case Activation::relu:
      return y > S{0} ? S{1} : S{0};
    case Activation::sigmoid:
      return y * (S{1} - y);
    case Activation::tanh:
      return S{1} - y * y;
    default:
      return S{1};
  }
}

}  // namespace seqrec::cuda
