// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "seqrec/cuda/device.cuh"
#include "seqrec/ops/activation.hpp"

namespace seqrec::cuda {

/// The activations without parameters.
template <class S>
__device__ S activated(Activation activation, S x) {
  switch (activation) {
    case Activation::relu:
      return x < S{0} ? S{0} : x;
    case Activation::sigmoid:
      return S{1} / (S{1} + std::exp(-x));
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
