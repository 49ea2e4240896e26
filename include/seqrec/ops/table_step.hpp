// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/check_shape.hpp"
#include "seqrec/core/fixed_array.hpp"
#include "seqrec/core/step_state.hpp"
#include "seqrec/core/tensor.hpp"
#include "seqrec/ops/fallback.hpp"

namespace seqrec {

/// Moves rows of a table by an update rule (see OptimizerStep), where the gradient is known row by row: rows that are
/// not named have none. Either they move too, as along a gradient of zeros, in one pass over the table; or they are
/// left alone with their states, as is a named row whose gradient is zero throughout, and the cost is that of the rows
/// named.
///
/// Values and states may be a part of the table that begins at row `first_row`; then `rows` are those within it.
template <class Context, class Update>
struct TableStep {
  using Master = typename Context::Master;
  using Space = typename Context::Space;

  master_matrix_of<Context> values;                              ///< (V, D) updated
  VectorView<const item_t, Space> rows;                          ///< (R) ascending
  MatrixView<const Master, Space> gradients;                     ///< (R, D) of these rows
  FixedArray<master_matrix_of<Context>, Update::states> states;  ///< (V, D) each, updated
  VectorView<const StepInputs, Space> inputs;                    ///< (1)
  VectorView<const StepOutcome, Space> outcome;                  ///< (1)
  Update update;
  index_t first_row = 0;
  bool moves_all = true;  ///< whether rows without gradient move
};

namespace ops {

SEQREC_OP_FALLBACK(table_step)

/// @throws ShapeError when extents disagree. One pass over the rows that move, and over their gradients.
template <class Context, class Update>
void table_step(Context& context, const TableStep<Context, Update>& a) {
  constexpr const char* op = "table_step";
  check_shape(op, "gradients", a.gradients, a.rows.size(), a.values.columns());
  for (const auto& state : a.states) check_shape(op, "a state", state, a.values.rows(), a.values.columns());
  check_shape(op, "inputs", a.inputs, 1);
  check_shape(op, "outcome", a.outcome, 1);
  using fallback::table_step;
  table_step(context, a);
}

}  // namespace ops
}  // namespace seqrec
