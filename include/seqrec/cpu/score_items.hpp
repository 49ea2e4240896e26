// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/score_block.hpp"
#include "seqrec/ops/score_items.hpp"

namespace seqrec::cpu {

template <class S, int W>
void score_items(BasicContext<S, W>&, const ScoreItems<BasicContext<S, W>>& a) {
  for (index_t b = 0; b < a.candidates.segments(); ++b) {
    const auto query = row_array(a.queries, b);
    for (index_t c = a.candidates.offsets(b); c < a.candidates.offsets(b + 1); ++c)
      a.scores(c) = item_score(a.head, query, a.candidates.values(c));
  }
}

}  // namespace seqrec::cpu
