// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/check_shape.hpp"
#include "seqrec/core/fixed_array.hpp"
#include "seqrec/core/fixed_list.hpp"
#include "seqrec/core/step_state.hpp"
#include "seqrec/ops/fallback.hpp"
#include "seqrec/ops/gradient.hpp"

namespace seqrec {

/// Runs of elements that one op takes: so many that they fit into the arguments of a launch.
inline constexpr int most_runs = 16;

/// A run of parameter elements that move together, and their gradient: of all of them, or, where they are rows of a
/// table, of the rows that are named, while others have none.
///
/// Rows without gradient move as along zeros, or they are left alone with their states, as is every row then whose
/// gradient is zero throughout. Where rows are named the cost is that of these rows; else the gradient is read once
/// more, to look for zeros.
template <class Context, int States>
struct MovedRun {
  using Master = typename Context::Master;
  using Space = typename Context::Space;

  master_vector_of<Context> values;                      ///< (n) updated
  VectorView<const Master, Space> gradients;             ///< (n), or (R row_width) of the named rows; null for zeros
  FixedArray<master_vector_of<Context>, States> states;  ///< (n) each, updated
  VectorView<const item_t, Space> rows;                  ///< (R) ascending, those with a gradient; null for all
  index_t row_width = 0;                                 ///< of a table: n is a multiple of it; 0 for what is none
  index_t first_row = 0;  ///< where the run is a part of a table that begins there: `rows` are those within it
  bool moves_all = true;  ///< whether rows without gradient move
};

/// Moves runs of parameter elements by an update rule, unless the step was bad (StepOutcome).
///
/// An update has `static constexpr int states` (moments per element, 0 for none) and `rule(learning_rate, update)`,
/// which gives the function object of one step: `value = rule.operator()<Scalar>(value, gradient, state_0, ...)`, where
/// states are references. Both must be usable on a device, because the learning rate is known only there.
template <class Context, class Update>
struct OptimizerStep {
  using Space = typename Context::Space;
  using Run = MovedRun<Context, Update::states>;

  FixedList<Run, most_runs> runs;
  VectorView<const StepInputs, Space> inputs;    ///< (1)
  VectorView<const StepOutcome, Space> outcome;  ///< (1)
  Update update;
  bool clips = true;  ///< multiplies gradients by the outcome's scale
};

/// The sum of squares of runs of values together, in double and in a fixed order; NaN or infinity if an element is.
template <class Context>
struct SumSquares {
  using Run = VectorView<const typename Context::Master, typename Context::Space>;

  FixedList<Run, most_runs> values;                    ///< (n) each
  VectorView<double, typename Context::Space> result;  ///< (1)
  GradientMode mode = GradientMode::write;             ///< of the result
};

/// Makes the sum NaN where one of the values is not finite, and leaves it alone where all are.
template <class Context>
struct CheckFinite {
  VectorView<const typename Context::Master, typename Context::Space> values;  ///< (n)
  VectorView<double, typename Context::Space> sum;                             ///< (1)
};

/// Ends the gradients of a step: the outcome learns its loss, the gradients' norm, how much to clip, and whether all of
/// it is finite (StepOutcome::conclude).
template <class Context>
struct ConcludeStep {
  using Space = typename Context::Space;

  VectorView<const StepInputs, Space> inputs;        ///< (1)
  VectorView<const double, Space> loss;              ///< (1)
  VectorView<const double, Space> gradient_squares;  ///< (1)
  VectorView<StepOutcome, Space> outcome;            ///< (1) updated
};

namespace ops {

SEQREC_OP_FALLBACK(optimizer_step)
SEQREC_OP_FALLBACK(sum_squares)
SEQREC_OP_FALLBACK(check_finite)
SEQREC_OP_FALLBACK(conclude_step)

/// @throws ShapeError when extents disagree, ArgumentError where rows are without a width. One pass over what moves and
/// its gradient.
template <class Context, class Update>
void optimizer_step(Context& context, const OptimizerStep<Context, Update>& a) {
  constexpr const char* op = "optimizer_step";
  check_shape(op, "inputs", a.inputs, 1);
  check_shape(op, "outcome", a.outcome, 1);
  for (const auto& run : a.runs) {
    const bool of_rows = run.rows || !run.moves_all;
    check_argument(run.row_width >= (of_rows ? 1 : 0), "optimizer_step row_width", run.row_width,
                   of_rows ? "at least 1 where rows are named or stay" : "at least 0");
    if (of_rows) check_extent(op, "elements beyond whole rows", run.values.size() % run.row_width, 0);
    const index_t with_gradient = run.rows ? run.rows.size() * run.row_width : run.values.size();
    check_optional_shape(op, "gradients", run.gradients, with_gradient);
    for (const auto& state : run.states) check_shape(op, "a state", state, run.values.size());
  }
  using fallback::optimizer_step;
  optimizer_step(context, a);
}

/// @throws ShapeError unless the result is one number
template <class Context>
void sum_squares(Context& context, const SumSquares<Context>& a) {
  check_shape("sum_squares", "result", a.result, 1);
  using fallback::sum_squares;
  sum_squares(context, a);
}

/// @throws ShapeError unless the sum is one number
template <class Context>
void check_finite(Context& context, const CheckFinite<Context>& a) {
  check_shape("check_finite", "sum", a.sum, 1);
  using fallback::check_finite;
  check_finite(context, a);
}

/// @throws ShapeError unless every operand is one element
template <class Context>
void conclude_step(Context& context, const ConcludeStep<Context>& a) {
  constexpr const char* op = "conclude_step";
  check_shape(op, "inputs", a.inputs, 1);
  check_shape(op, "loss", a.loss, 1);
  check_shape(op, "gradient_squares", a.gradient_squares, 1);
  check_shape(op, "outcome", a.outcome, 1);
  using fallback::conclude_step;
  conclude_step(context, a);
}

}  // namespace ops
}  // namespace seqrec
