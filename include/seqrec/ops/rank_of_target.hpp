// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/jagged.hpp"
#include "seqrec/ops/fallback.hpp"

namespace seqrec {

/// How many items of the catalogue score above, and how many exactly as high as, each query's target; excluded items
/// and the target itself do not count, and the target is never excluded. Under the average-rank policy the target's
/// rank is 1 + above + ties / 2.
template <class Context>
struct RankOfTarget {
  const_matrix_of<Context> queries;                           ///< (B, D) h
  const_matrix_of<Context> table;                             ///< (V, D) e
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
  check_extent(op, "columns of table", a.table.columns(), a.queries.columns());
  check_extent(op, "size of targets", a.targets.size(), a.queries.rows());
  check_extent(op, "size of above", a.above.size(), a.queries.rows());
  check_extent(op, "size of ties", a.ties.size(), a.queries.rows());
  if (a.exclusions) check_extent(op, "segments of exclusions", a.exclusions.segments(), a.queries.rows());
  using fallback::rank_of_target;
  rank_of_target(context, a);
}

}  // namespace ops
}  // namespace seqrec
