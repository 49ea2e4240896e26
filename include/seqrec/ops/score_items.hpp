// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/check_offsets.hpp"
#include "seqrec/core/check_shape.hpp"
#include "seqrec/core/jagged.hpp"
#include "seqrec/ops/fallback.hpp"
#include "seqrec/ops/item_head.hpp"

namespace seqrec {

/// score_c = h_b e_item(c) + b_item(c) for every candidate c of query b.
template <class Context>
struct ScoreItems {
  const_matrix_of<Context> queries;                          ///< (B, D) h
  ItemHead<Context> head;                                    ///< V items
  Jagged<const item_t, typename Context::Space> candidates;  ///< (C) items, offsets (B+1)
  vector_of<Context> scores;                                 ///< (C) written
};

namespace ops {

SEQREC_OP_FALLBACK(score_items)

/// @throws ShapeError when extents disagree. Cost: 2 C D operations.
template <class Context>
void score_items(Context& context, const ScoreItems<Context>& a) {
  constexpr const char* op = "score_items";
  check_head(op, a.head, a.queries.columns());
  check_extent(op, "segments of candidates", a.candidates.segments(), a.queries.rows());
  check_offsets(op, "offsets of candidates", a.candidates.offsets, a.candidates.size());
  check_shape(op, "scores", a.scores, a.candidates.size());
  using fallback::score_items;
  score_items(context, a);
}

}  // namespace ops
}  // namespace seqrec
