// SPDX-License-Identifier: Apache-2.0
// Where a kernel leaves an element of an input's gradient.
#pragma once

#include "seqrec/cuda/device.cuh"
#include "seqrec/ops/gradient.hpp"

namespace seqrec::cuda {

/// Leaves an element under the gradient's rule; nothing where nobody wants it.
template <class Context, class Value>
__device__ void leave(const Gradient<Context>& gradient, index_t row, index_t column, Value value) {
  if (!gradient) return;
  auto& element = gradient.view(row, column);
  element = static_cast<typename Context::Scalar>(gradient.adds() ? static_cast<Value>(element) + value : value);
}

}  // namespace seqrec::cuda
