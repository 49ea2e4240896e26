// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/score_block.hpp"
#include "seqrec/ops/score_items.hpp"

namespace seqrec::cpu {

/// Vectors of listed items are laid below one another, and are then a small catalogue.
template <class S, int W>
void score_items(BasicContext<S, W>& context, const ScoreItems<BasicContext<S, W>>& a) {
  constexpr index_t together = 64;  // so many rows stay in the first cache
  const MatrixView<S, HostSpace> vectors = context.matrix(together, a.head.width());
  const VectorView<S, HostSpace> biases = a.head.bias ? context.vector(together) : VectorView<S, HostSpace>{};
  for (index_t b = 0; b < a.candidates.segments(); ++b)
    for (index_t first = a.candidates.offsets(b); first < a.candidates.offsets(b + 1); first += together) {
      const index_t count = std::min<index_t>(together, a.candidates.offsets(b + 1) - first);
      for (index_t i = 0; i < count; ++i) {
        const item_t item = a.candidates.values(first + i);
        row_array(vectors, i) = row_array(a.head.table, item);
        if (biases) biases(i) = a.head.bias(item);
      }
      detail::score_items_in_block<BasicContext<S, W>>({vectors, biases}, a.queries.row_range(b, 1), 0, count,
                                                       {a.scores.data + first, 1, count});
    }
}

}  // namespace seqrec::cpu
