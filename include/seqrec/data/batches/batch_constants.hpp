// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/features.hpp"
#include "seqrec/core/tensor.hpp"

namespace seqrec {

/// What the batches of a run refer to and do not own, because it is the same for all of them.
struct BatchConstants {
  Features<HostSpace> features{};                      ///< of the users and items of the data set
  VectorView<const float, HostSpace> log_probability;  ///< (V) with which negatives are drawn; null for uniform draws

  /// Whether the same memory is meant.
  friend bool same_memory(const BatchConstants& a, const BatchConstants& b) {
    return a.features.of_users.offsets.data == b.features.of_users.offsets.data &&
           a.features.of_items.offsets.data == b.features.of_items.offsets.data &&
           a.log_probability.data == b.log_probability.data;
  }
};

}  // namespace seqrec
