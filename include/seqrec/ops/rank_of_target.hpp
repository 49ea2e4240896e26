// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/check_offsets.hpp"
#include "seqrec/core/check_shape.hpp"
#include "seqrec/core/jagged.hpp"
#include "seqrec/ops/fallback.hpp"
#include "seqrec/ops/item_head.hpp"
#include "seqrec/ops/pack_items.hpp"

namespace seqrec {

/// How many items of the catalogue score above, and how many exactly as high as, each query's target; excluded items
/// and the target itself do not count, and the target is never excluded. Under the average-rank policy the target's
/// rank is 1 + above + ties / 2. Items of equal vectors and biases tie, wherever they stand. Where a score of the row
/// is not a number, be it that of an excluded item, `above` is -1: such a row has no order, and no rank.
template <class Context>
struct RankOfTarget {
  const_matrix_of<Context> queries;                           ///< (B, D) h
  ItemHead<Context> head;                                     ///< V items
  VectorView<const item_t, typename Context::Space> targets;  ///< (B)
  Jagged<const item_t, typename Context::Space> exclusions;   ///< distinct items per segment, (B) segments; or null
  VectorView<item_t, typename Context::Space> above;          ///< (B) written
  VectorView<item_t, typename Context::Space> ties;           ///< (B) written
};

namespace ops {

SEQREC_OP_FALLBACK(rank_of_target)

/// @throws ShapeError when extents disagree. Cost: 2 B V D operations.
template <class Context>
void rank_of_target(Context& context, const RankOfTarget<Context>& a) {
  constexpr const char* op = "rank_of_target";
  const index_t queries = a.queries.rows();
  check_head(op, a.head, a.queries.columns());
  check_packed_items(op, context, a.head);
  check_shape(op, "targets", a.targets, queries);
  check_shape(op, "above", a.above, queries);
  check_shape(op, "ties", a.ties, queries);
  if (a.exclusions) {
    check_extent(op, "segments of exclusions", a.exclusions.segments(), queries);
    check_offsets(op, "offsets of exclusions", a.exclusions.offsets, a.exclusions.size());
  }
  using fallback::rank_of_target;
  rank_of_target(context, a);
}

}  // namespace ops
}  // namespace seqrec
