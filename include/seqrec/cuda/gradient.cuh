// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/cuda/context.cuh"
#include "seqrec/ops/gradient.hpp"

namespace seqrec::cuda {

/// Leaves a value where a gradient wants it.
template <class S>
__device__ void leave(const Gradient<BasicContext<S>>& gradient, index_t row, index_t column, S value) {
  if (!gradient.view) return;
  S& target = gradient.view(row, column);
  target = gradient.mode == GradientMode::add ? target + value : value;
}

}  // namespace seqrec::cuda
