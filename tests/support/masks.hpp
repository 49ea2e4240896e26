// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/dropout.hpp"
#include "support/tensors.hpp"

namespace seqrec_test {

/// The dropout mask of every test; of probability 0 an inactive one.
inline seqrec::Dropout mask_of(double probability, index_t first_row = 0) {
  return {seqrec::philox_key(42, seqrec::Purpose::dropout), 3, 2, static_cast<std::uint32_t>(first_row),
          seqrec::Dropout::threshold_of(probability)};
}

/// What dropout multiplies an element by; `row` counts in the shard.
inline double factor(const seqrec::Dropout& mask, index_t row, index_t column) {
  if (!mask.active()) return 1;
  return mask.keeps(mask.first_row + static_cast<std::uint32_t>(row), static_cast<std::uint32_t>(column)) ? mask.scale()
                                                                                                          : 0;
}

}  // namespace seqrec_test
