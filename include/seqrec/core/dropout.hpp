// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/random.hpp"

namespace seqrec {

/// One drawing of a dropout mask: which elements of a matrix are kept. The mask is never stored: forward and backward,
/// every shard, thread and backend compute the same bits from (seed, step, site, row, column).
///
/// A Philox block gives eight 16-bit lanes, one a column; an element is kept if its lane >= threshold. Kept elements
/// are multiplied by `scale`, the inverse of the exact kept fraction (Srivastava et al. 2014, inverted).
struct Dropout {
  PhiloxKey key{};
  std::uint32_t step = 0;
  std::uint32_t site = 0;       ///< which drawing call of the forward pass
  std::uint32_t first_row = 0;  ///< of the shard in its batch: masks do not depend on how a batch is cut
  std::uint32_t threshold = 0;  ///< round(65536 probability); 0 keeps everything

  /// @throws ArgumentError unless 0 <= probability < 1 (to 16 bits)
  static std::uint32_t threshold_of(double probability) {
    const double lanes = std::round(probability * 65536.0);
    check_argument(probability >= 0 && lanes < 65536.0, "dropout probability", probability, "a value in [0, 1)");
    return static_cast<std::uint32_t>(lanes);
  }

  bool operator==(const Dropout&) const = default;

  SEQREC_HOST_DEVICE bool active() const { return threshold != 0; }
  SEQREC_HOST_DEVICE double scale() const { return 65536.0 / (65536.0 - threshold); }

  /// The lanes of columns 8 block .. 8 block + 7; `row` counts in the batch.
  SEQREC_HOST_DEVICE PhiloxBlock lanes(std::uint32_t row, std::uint32_t block) const {
    return philox({{block, row, site, step}}, key);
  }

  /// Whether the block of a column keeps it.
  SEQREC_HOST_DEVICE bool keeps(const PhiloxBlock& block, std::uint32_t column) const {
    return (block.word[column % 8 / 2] >> (16 * (column % 2)) & 0xFFFFu) >= threshold;
  }

  /// Whether the element at (row, column) is kept; `row` counts in the batch, not in the shard.
  SEQREC_HOST_DEVICE bool keeps(std::uint32_t row, std::uint32_t column) const {
    return keeps(lanes(row, column / 8), column);
  }
};

}  // namespace seqrec
