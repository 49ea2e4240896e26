// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/check_shape.hpp"
#include "seqrec/core/fixed_array.hpp"
#include "seqrec/core/step_state.hpp"
#include "seqrec/ops/fallback.hpp"
#include "seqrec/ops/gradient.hpp"

namespace seqrec {

/// Moves a run of parameter elements by an update rule, unless the step was bad (StepOutcome).
///
/// An update has `static constexpr int states` (moments per element, 0 for none) and `rule(learning_rate, update)`,
/// which gives the function object of one step: `value = rule.operator()<Scalar>(value, gradient, state_0, ...)`, where
/// states are references. Both must be usable on a device, because the learning rate is known only there.
///
/// With `row_width` the elements are rows of a table, and a row whose gradient is zero throughout is left alone with
/// its states: to look for zeros reads the gradient once more, and asks nobody which rows a step has touched.
template <class Context, class Update>
struct OptimizerStep {
  using Master = typename Context::Master;
  using Space = typename Context::Space;

  master_vector_of<Context> values;                              ///< (n) parameters, updated
  VectorView<const Master, Space> gradients;                     ///< (n), or null for zeros
  FixedArray<master_vector_of<Context>, Update::states> states;  ///< (n) each, updated
  VectorView<const StepInputs, Space> inputs;                    ///< (1)
  VectorView<const StepOutcome, Space> outcome;                  ///< (1)
  Update update;
  index_t row_width = 0;  ///< 0 moves every element; else n is a multiple of it
  bool clips = true;      ///< multiplies gradients by the outcome's scale
};

/// The sum of squares of `values`, in double and in a fixed order; NaN or infinity if an element is.
template <class Context>
struct SumSquares {
  VectorView<const typename Context::Master, typename Context::Space> values;  ///< (n)
  VectorView<double, typename Context::Space> result;                          ///< (1)
  GradientMode mode = GradientMode::write;                                     ///< of the result
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

/// @throws ShapeError when extents disagree, ArgumentError for a negative row_width. One pass over all operands.
template <class Context, class Update>
void optimizer_step(Context& context, const OptimizerStep<Context, Update>& a) {
  constexpr const char* op = "optimizer_step";
  check_optional_shape(op, "gradients", a.gradients, a.values.size());
  for (const auto& state : a.states) check_shape(op, "a state", state, a.values.size());
  check_shape(op, "inputs", a.inputs, 1);
  check_shape(op, "outcome", a.outcome, 1);
  check_argument(a.row_width >= 0, "optimizer_step row_width", a.row_width, "at least 0");
  if (a.row_width > 0) check_extent(op, "elements beyond whole rows", a.values.size() % a.row_width, 0);
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
