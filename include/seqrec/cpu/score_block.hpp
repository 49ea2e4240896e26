// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "seqrec/core/types.hpp"

namespace seqrec::cpu::detail {

/// How many rows to score against the whole catalogue at once: about a megabyte of floats, so that a block is still in
/// cache when it is read again, but enough rows to make the product of the item table worth packing.
constexpr index_t score_block_rows(index_t rows, index_t items) {
  constexpr index_t elements = index_t{1} << 18;
  return std::min(rows, std::clamp<index_t>(elements / std::max<index_t>(items, 1), 8, 128));
}

}  // namespace seqrec::cpu::detail
