// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/jagged.hpp"
#include "seqrec/ops/fallback.hpp"

namespace seqrec {

/// score_c = h_b e_item(c) for every candidate c of query b.
template <class Context>
struct ScoreCandidates {
  const_matrix_of<Context> queries;                          ///< (B, D) h
  const_matrix_of<Context> table;                            ///< (V, D) e
  Jagged<const item_t, typename Context::Space> candidates;  ///< (C) items, offsets (B+1)
  vector_of<Context> scores;                                 ///< (C) written
};

namespace ops {

SEQREC_OP_FALLBACK(score_candidates)

/// @throws ShapeError when extents disagree. Cost: 2 C D operations.
template <class Context>
void score_candidates(Context& context, const ScoreCandidates<Context>& a) {
  constexpr const char* op = "score_candidates";
  check_extent(op, "columns of table", a.table.columns(), a.queries.columns());
  check_extent(op, "segments of candidates", a.candidates.segments(), a.queries.rows());
  check_extent(op, "size of scores", a.scores.size(), a.candidates.size());
  using fallback::score_candidates;
  score_candidates(context, a);
}

}  // namespace ops
}  // namespace seqrec
