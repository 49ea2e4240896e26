// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/check_offsets.hpp"
#include "seqrec/core/check_shape.hpp"
#include "seqrec/core/jagged.hpp"
#include "seqrec/ops/fallback.hpp"
#include "seqrec/ops/item_head.hpp"
#include "seqrec/ops/row_losses.hpp"

namespace seqrec {

/// Sampled items that many rows are scored against, so that scores are a matrix product. All rows share one list, or
/// the rows of each segment (a user, say) share theirs.
template <class Context>
struct SharedItems {
  using Offsets = VectorView<const offset_t, typename Context::Space>;

  VectorView<const item_t, typename Context::Space> items{};  ///< (M), repetitions count as often; null for none
  Offsets item_offsets{};  ///< (segments + 1) where a segment's list starts in `items`; null for one list of all rows
  Offsets row_offsets{};   ///< (segments + 1) where a segment's rows start; null with item_offsets
  index_t longest = 0;     ///< no segment's list has more items; read with item_offsets
  matrix_of<Context> dtable{};  ///< (M, D) written: of each item's vector, summed over rows; null if not wanted
  vector_of<Context> dbias{};   ///< (M) written: of each item's bias; null if not wanted
};

/// loss_r = scale RowLoss(s(items(r, 0)), s(items(r, 1)), ..., s(shared_0), ...), s(v) = h_r e_v + b_v: a target
/// against a few sampled items, of its own or shared with other rows.
///
/// A shared item that is the row's target is left out of that row: its loss is that of the other scores, and the
/// item's gradient there is 0. (Items of the row's own were chosen for it and all count.)
///
/// Writes d loss / d score of the row's own items into `coefficients`; their gradient in the item table follows by
/// `add_rows` from there (with the states as its source), as does that of the shared ones.
template <class Context, class RowLoss>
struct SampledLoss {
  const_matrix_of<Context> states;                          ///< (N, D) h
  ItemHead<Context> head;                                   ///< V items
  MatrixView<const item_t, typename Context::Space> items;  ///< (N, S) the target first
  double scale = 1;                                         ///< 1 / targets of the whole step
  VectorView<double, typename Context::Space> losses;       ///< (N) written
  vector_of<Context> coefficients;  ///< (N S) written: scale d loss / d score; null if not wanted
  matrix_of<Context> dstates;       ///< (N, D) written; null if not wanted
  RowLoss row_loss;
  /// (V) with which an item is sampled, for row losses that correct their scores by it; null corrects nothing
  VectorView<const float, typename Context::Space> log_probability{};
  SharedItems<Context> shared{};
};

namespace ops {

SEQREC_OP_FALLBACK(sampled_loss)

/// @throws ShapeError when extents disagree. Cost: 2 N (S + M) D operations, 4 with dstates, 2 N M D more with the
/// gradient of shared items.
template <class Context, class RowLoss>
void sampled_loss(Context& context, const SampledLoss<Context, RowLoss>& a) {
  constexpr const char* op = "sampled_loss";
  const index_t rows = a.states.rows(), width = a.states.columns();
  check_head(op, a.head, width);
  check_shape(op, "items", a.items, rows, a.items.columns());
  if (a.items.columns() < 1)
    throw ShapeError(concatenate(op, ": columns of items is ", a.items.columns(), ", expected at least 1, the target"));
  check_shape(op, "losses", a.losses, rows);
  check_optional_shape(op, "coefficients", a.coefficients, a.items.size());
  check_optional_shape(op, "dstates", a.dstates, rows, width);
  check_optional_shape(op, "log_probability", a.log_probability, a.head.items());
  check_shape(op, "shared row_offsets", a.shared.row_offsets, a.shared.item_offsets.size());
  if (a.shared.item_offsets) {
    check_offsets(op, "shared item_offsets", a.shared.item_offsets, a.shared.items.size());
    check_offsets(op, "shared row_offsets", a.shared.row_offsets, rows);
    check_longest(op, a.shared.item_offsets, a.shared.items.size(), a.shared.longest);
  }
  check_optional_shape(op, "shared dtable", a.shared.dtable, a.shared.items.size(), width);
  check_optional_shape(op, "shared dbias", a.shared.dbias, a.shared.items.size());
  using fallback::sampled_loss;
  sampled_loss(context, a);
}

}  // namespace ops
}  // namespace seqrec
