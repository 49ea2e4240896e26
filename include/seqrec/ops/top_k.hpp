// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/check_offsets.hpp"
#include "seqrec/core/check_shape.hpp"
#include "seqrec/core/jagged.hpp"
#include "seqrec/ops/fallback.hpp"
#include "seqrec/ops/item_head.hpp"
#include "seqrec/ops/pack_items.hpp"

namespace seqrec {

/// The K items of the catalogue with the highest scores, without the excluded ones; best first, equal scores in
/// ascending order of item. Items of equal vectors and biases have equal scores, those that `score_items` gives them.
/// Where fewer than K items remain, the rest is item -1 with score -infinity; so that score, too, is never offered.
/// Where the score of an item that is not excluded is not a number, there is no order: the whole row is item -1 with
/// score NaN.
template <class Context>
struct TopK {
  const_matrix_of<Context> queries;                          ///< (B, D) h
  ItemHead<Context> head;                                    ///< V items
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
  const index_t queries = a.queries.rows(), k = a.items.columns();
  check_head(op, a.head, a.queries.columns());
  check_packed_items(op, context, a.head);
  check_shape(op, "items", a.items, queries, k);
  check_shape(op, "scores", a.scores, queries, k);
  if (a.exclusions) {
    check_extent(op, "segments of exclusions", a.exclusions.segments(), queries);
    check_offsets(op, "offsets of exclusions", a.exclusions.offsets, a.exclusions.size());
  }
  if (k < 1 || k > a.head.items())
    throw ShapeError(concatenate(op, ": K is ", k, ", expected 1 to ", a.head.items(), ", the number of items"));
  using fallback::top_k;
  top_k(context, a);
}

}  // namespace ops
}  // namespace seqrec
