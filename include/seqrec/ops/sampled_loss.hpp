// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/tensor.hpp"
#include "seqrec/ops/fallback.hpp"
#include "seqrec/ops/row_losses.hpp"

namespace seqrec {

/// loss_r = scale RowLoss(h_r e_{items(r, 0)}, h_r e_{items(r, 1)}, ...): a target against a few sampled items.
///
/// Writes d loss / d score into `coefficients`; the gradient of the item table follows by `add_rows` from there.
template <class Context, class RowLoss>
struct SampledLoss {
  const_matrix_of<Context> states;                          ///< (N, D) h
  const_matrix_of<Context> table;                           ///< (V, D) e
  MatrixView<const item_t, typename Context::Space> items;  ///< (N, S) the target first
  double scale = 1;                                         ///< 1 / targets of the whole step
  VectorView<double, typename Context::Space> losses;       ///< (N) written
  vector_of<Context> coefficients;                          ///< (N S) written: scale d loss / d score
  matrix_of<Context> dstates;                               ///< (N, D) written; null if not wanted
  RowLoss row_loss;
  /// (V) with which an item is sampled, for row losses that correct their scores by it; null corrects nothing
  VectorView<const float, typename Context::Space> log_probability{};
};

namespace ops {

SEQREC_OP_FALLBACK(sampled_loss)

/// @throws ShapeError when extents disagree. Cost: 2 N S D operations, 4 N S D with dstates.
template <class Context, class RowLoss>
void sampled_loss(Context& context, const SampledLoss<Context, RowLoss>& a) {
  constexpr const char* op = "sampled_loss";
  check_extent(op, "columns of table", a.table.columns(), a.states.columns());
  check_extent(op, "rows of items", a.items.rows(), a.states.rows());
  if (a.items.columns() < 1)
    throw ShapeError(concatenate(op, ": columns of items is ", a.items.columns(), ", expected at least 1, the target"));
  check_extent(op, "size of losses", a.losses.size(), a.states.rows());
  check_extent(op, "size of coefficients", a.coefficients.size(), a.items.size());
  if (a.dstates) {
    check_extent(op, "rows of dstates", a.dstates.rows(), a.states.rows());
    check_extent(op, "columns of dstates", a.dstates.columns(), a.states.columns());
  }
  if (a.log_probability) check_extent(op, "size of log_probability", a.log_probability.size(), a.table.rows());
  using fallback::sampled_loss;
  sampled_loss(context, a);
}

}  // namespace ops
}  // namespace seqrec
