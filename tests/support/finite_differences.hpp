// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/tensors.hpp"

namespace seqrec_test {

/// How far an exact gradient may be from central differences of the default step, for values of the order of 1: half
/// of it is the step's square times a third derivative, half is rounding divided by the step.
inline constexpr double central_difference_tolerance = 1e-7;

/// d loss() / d values by central differences. `loss` must read `values`, which are left as they were.
template <class Loss>
Matrix central_differences(Matrix& values, Loss loss, double step = 1e-5) {
  Matrix gradient(values.rows, values.columns);
  for (index_t i = 0; i < values.size(); ++i) {
    const double middle = values(i);
    values(i) = middle + step;
    const double above = loss();
    values(i) = middle - step;
    const double below = loss();
    values(i) = middle;
    gradient(i) = (above - below) / (2 * step);
  }
  return gradient;
}

}  // namespace seqrec_test
