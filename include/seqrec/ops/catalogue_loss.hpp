// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/tensor.hpp"
#include "seqrec/ops/fallback.hpp"

namespace seqrec {

/// loss_r = scale (log sum_v exp(h_r e_v) - h_r e_target(r)): cross-entropy of a softmax over the whole catalogue.
///
/// Forward and gradient in one call, because the logits (N, V) are never stored: a block of rows at a time is scored,
/// normalised and multiplied back while it is in cache.
template <class Context>
struct CatalogueLoss {
  const_matrix_of<Context> states;                            ///< (N, D) h
  const_matrix_of<Context> table;                             ///< (V, D) e
  MatrixView<const item_t, typename Context::Space> targets;  ///< (N, 1)
  double scale = 1;                                           ///< 1 / targets of the whole step
  VectorView<double, typename Context::Space> losses;         ///< (N) written
  matrix_of<Context> dstates;                                 ///< (N, D) written; null if not wanted
  master_matrix_of<Context> dtable;                           ///< (V, D) added to; null if and only if dstates is
};

namespace ops {

SEQREC_OP_FALLBACK(catalogue_loss)

/// @throws ShapeError when extents disagree, ArgumentError when only dtable is given. Cost: 2 N V D operations, 6 N V D
/// with gradients.
template <class Context>
void catalogue_loss(Context& context, const CatalogueLoss<Context>& a) {
  constexpr const char* op = "catalogue_loss";
  check_extent(op, "columns of table", a.table.columns(), a.states.columns());
  check_extent(op, "rows of targets", a.targets.rows(), a.states.rows());
  check_extent(op, "columns of targets", a.targets.columns(), 1);
  check_extent(op, "size of losses", a.losses.size(), a.states.rows());
  if (a.dstates) {
    check_extent(op, "rows of dstates", a.dstates.rows(), a.states.rows());
    check_extent(op, "columns of dstates", a.dstates.columns(), a.states.columns());
    check_extent(op, "rows of dtable", a.dtable.rows(), a.table.rows());
    check_extent(op, "columns of dtable", a.dtable.columns(), a.table.columns());
  } else if (a.dtable) {
    throw ArgumentError("catalogue_loss: dtable without dstates; expected both or none");
  }
  using fallback::catalogue_loss;
  catalogue_loss(context, a);
}

}  // namespace ops
}  // namespace seqrec
