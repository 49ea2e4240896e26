// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/check_offsets.hpp"
#include "seqrec/core/check_shape.hpp"
#include "seqrec/core/jagged.hpp"
#include "seqrec/core/tensor.hpp"
#include "seqrec/ops/fallback.hpp"
#include "seqrec/ops/item_head.hpp"

namespace seqrec {

/// loss_r = scale (log sum_v exp(s_rv) - s_r,target(r)), s_rv = h_r e_v + b_v: cross-entropy of a softmax over the
/// whole catalogue.
///
/// Forward and gradient in one call, because the logits (N, V) are never stored: a block of them at a time is computed,
/// normalised and multiplied back while it is in cache. The memory for it is bounded, whatever the catalogue.
template <class Context>
struct CatalogueLoss {
  const_matrix_of<Context> states;                            ///< (N, D) h
  ItemHead<Context> head;                                     ///< V items
  MatrixView<const item_t, typename Context::Space> targets;  ///< (N, 1)
  double scale = 1;                                           ///< 1 / targets of the whole step
  VectorView<double, typename Context::Space> losses;         ///< (N) written
  matrix_of<Context> dstates;                                 ///< (N, D) written; null if not wanted
  ItemHeadGradient<Context> dhead;                            ///< added to; null if not wanted
  /// (N) what histories of the rows hold, offsets (B+1). Where given, the sum of row r is without the items of its
  /// history's rows up to r, but for the target itself: they get no score, and no gradient.
  Jagged<const item_t, typename Context::Space> left_out{};
};

namespace ops {

SEQREC_OP_FALLBACK(catalogue_loss)

/// @throws ShapeError when extents disagree, or the offsets of what is left out are none of N rows. Cost: 2 N V D
/// operations, 6 N V D with gradients; another 2 where V is so large that logits are computed twice.
template <class Context>
void catalogue_loss(Context& context, const CatalogueLoss<Context>& a) {
  constexpr const char* op = "catalogue_loss";
  const index_t rows = a.states.rows();
  check_head(op, a.head, a.states.columns());
  check_shape(op, "targets", a.targets, rows, 1);
  check_shape(op, "losses", a.losses, rows);
  check_optional_shape(op, "dstates", a.dstates, rows, a.states.columns());
  check_head_gradient(op, a.dhead, a.head);
  if (a.left_out.offsets) {
    check_shape(op, "left_out", a.left_out.values, rows);
    check_offsets(op, "offsets of left_out", a.left_out.offsets, rows);
  }
  using fallback::catalogue_loss;
  catalogue_loss(context, a);
}

}  // namespace ops
}  // namespace seqrec
