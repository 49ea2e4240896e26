// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/jagged.hpp"
#include "seqrec/ops/fallback.hpp"

namespace seqrec {

/// y = sum over the categories f of owner_i of table_f, in rows repeats(i) .. repeats(i+1)-1, or in row i without
/// repeats: what is known of users or items, as a vector.
template <class Context>
struct FeatureBagForward {
  VectorView<const item_t, typename Context::Space> owners;     ///< (M) users or items
  VectorView<const offset_t, typename Context::Space> repeats;  ///< (M+1), or null: each owner has one row
  Jagged<const item_t, typename Context::Space> features;       ///< categories, a segment for each possible owner
  const_matrix_of<Context> table;                               ///< (F, D)
  matrix_of<Context> y;                                         ///< (R, D)
};

/// Gradients of FeatureBagForward. There are few categories, so rows are summed in order and need no inverse index.
template <class Context>
struct FeatureBagBackward {
  VectorView<const item_t, typename Context::Space> owners;     ///< (M)
  VectorView<const offset_t, typename Context::Space> repeats;  ///< (M+1), or null
  Jagged<const item_t, typename Context::Space> features;
  const_matrix_of<Context> dy;       ///< (R, D)
  master_matrix_of<Context> dtable;  ///< (F, D) added to
};

namespace ops {

SEQREC_OP_FALLBACK(feature_bag_forward)
SEQREC_OP_FALLBACK(feature_bag_backward)

/// @throws ShapeError when extents disagree
template <class Context>
void feature_bag_forward(Context& context, const FeatureBagForward<Context>& a) {
  if (a.repeats)
    check_extent("feature_bag", "size of repeats", a.repeats.size(), a.owners.size() + 1);
  else
    check_extent("feature_bag", "rows of y", a.y.rows(), a.owners.size());
  check_extent("feature_bag", "columns of y", a.y.columns(), a.table.columns());
  using fallback::feature_bag_forward;
  feature_bag_forward(context, a);
}

/// @throws ShapeError when extents disagree
template <class Context>
void feature_bag_backward(Context& context, const FeatureBagBackward<Context>& a) {
  if (a.repeats)
    check_extent("feature_bag backward", "size of repeats", a.repeats.size(), a.owners.size() + 1);
  else
    check_extent("feature_bag backward", "rows of dy", a.dy.rows(), a.owners.size());
  check_extent("feature_bag backward", "columns of dtable", a.dtable.columns(), a.dy.columns());
  using fallback::feature_bag_backward;
  feature_bag_backward(context, a);
}

}  // namespace ops
}  // namespace seqrec
