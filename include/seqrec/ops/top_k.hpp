// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/jagged.hpp"
#include "seqrec/ops/fallback.hpp"

namespace seqrec {

/// The K items of the catalogue with the highest scores h_b e_v, without the excluded ones; best first, equal scores
/// in ascending order of item. Where fewer than K items remain, the rest is item -1 with score -infinity.
template <class Context>
struct TopK {
  const_matrix_of<Context> queries;                          ///< (B, D) h
  const_matrix_of<Context> table;                            ///< (V, D) e
  Jagged<const item_t, typename Context::Space> exclusions;  ///< items not to return, (B) segments; or null
  MatrixView<item_t, typename Context::Space> items;         ///< (B, K) written
  matrix_of<Context> scores;                                 ///< (B, K) written
};

namespace ops {

SEQREC_OP_FALLBACK(top_k)

/// @throws ShapeError when extents disagree or K is not in 1 .. V. Cost: 2 B V D operations.
template <class Context>
void top_k(Context& context, const TopK<Context>& a) {
  constexpr const char* op = "top_k";
  check_extent(op, "columns of table", a.table.columns(), a.queries.columns());
  check_extent(op, "rows of items", a.items.rows(), a.queries.rows());
  check_extent(op, "rows of scores", a.scores.rows(), a.queries.rows());
  check_extent(op, "columns of scores", a.scores.columns(), a.items.columns());
  if (a.exclusions) check_extent(op, "segments of exclusions", a.exclusions.segments(), a.queries.rows());
  const index_t k = a.items.columns();
  if (k < 1 || k > a.table.rows())
    throw ShapeError(concatenate(op, ": K is ", k, ", expected 1 to ", a.table.rows(), ", the number of items"));
  using fallback::top_k;
  top_k(context, a);
}

}  // namespace ops
}  // namespace seqrec
