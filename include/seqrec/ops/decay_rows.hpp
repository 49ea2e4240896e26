// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/check_shape.hpp"
#include "seqrec/ops/fallback.hpp"
#include "seqrec/ops/gradient.hpp"

namespace seqrec {

/// gradient_v += shares[v] table_v for each row v of a table whose gradient is not zero throughout: a decay of the rows
/// that a step has touched, and of no other. As in OptimizerStep, to look for zeros asks nobody which rows those are;
/// where it is known, `rows` names them.
template <class Context>
struct DecayRows {
  using Master = typename Context::Master;
  using Space = typename Context::Space;

  MatrixView<const Master, Space> table;   ///< (V, D)
  VectorView<const Master, Space> shares;  ///< (V)
  master_matrix_of<Context> gradient;      ///< (V, D), or (R, D) of `rows`; added to
  VectorView<const item_t, Space> rows{};  ///< (R) of the table; null for all
};

namespace ops {

SEQREC_OP_FALLBACK(decay_rows)

/// @throws ShapeError when extents disagree
template <class Context>
void decay_rows(Context& context, const DecayRows<Context>& a) {
  constexpr const char* op = "decay_rows";
  check_shape(op, "shares", a.shares, a.table.rows());
  check_shape(op, "gradient", a.gradient, a.rows ? a.rows.size() : a.table.rows(), a.table.columns());
  using fallback::decay_rows;
  decay_rows(context, a);
}

}  // namespace ops
}  // namespace seqrec
