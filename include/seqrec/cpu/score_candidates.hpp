// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/ops/score_candidates.hpp"

namespace seqrec::cpu {

template <class S, int W>
void score_candidates(BasicContext<S, W>&, const ScoreCandidates<BasicContext<S, W>>& a) {
  for (index_t b = 0; b < a.candidates.segments(); ++b) {
    const auto query = row_array(a.queries, b);
    for (index_t c = a.candidates.offsets(b); c < a.candidates.offsets(b + 1); ++c)
      a.scores(c) = (query * row_array(a.table, a.candidates.values(c))).sum();
  }
}

}  // namespace seqrec::cpu
