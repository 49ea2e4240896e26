// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/tensor.hpp"
#include "seqrec/ops/fallback.hpp"

namespace seqrec {

/// Moves a run of parameter elements by an update rule.
///
/// A rule is a function object with `static constexpr int states` (moments per element) and
/// `value = rule(value, gradient, state_0, ...)`, where states are references; it must be usable on a device. `Real` of
/// its call is accumulator_of<Master>.
template <class Context, class Rule>
struct OptimizerStep {
  using Master = typename Context::Master;
  using Space = typename Context::Space;

  master_vector_of<Context> values;                ///< (n) parameters, updated
  VectorView<const Master, Space> gradients;       ///< (n)
  master_vector_of<Context> states[Rule::states];  ///< (n) each, updated
  double gradient_scale = 1;                       ///< from clipping
  Rule rule;
};

/// sum of squares of `values`, in double, in a fixed order.
template <class Context>
struct SumSquares {
  VectorView<const typename Context::Master, typename Context::Space> values;  ///< (n)
  double* result = nullptr;                                                    ///< on the host
};

namespace ops {

SEQREC_OP_FALLBACK(optimizer_step)
SEQREC_OP_FALLBACK(sum_squares)

/// @throws ShapeError when extents disagree. One pass over all operands.
template <class Context, class Rule>
void optimizer_step(Context& context, const OptimizerStep<Context, Rule>& a) {
  check_extent("optimizer_step", "size of gradients", a.gradients.size(), a.values.size());
  for (const auto& state : a.states) check_extent("optimizer_step", "size of a state", state.size(), a.values.size());
  using fallback::optimizer_step;
  optimizer_step(context, a);
}

/// The squared Euclidean norm of a vector; NaN or infinity if an element is.
template <class Context>
double sum_squares(Context& context, VectorView<const typename Context::Master, typename Context::Space> values) {
  double result = 0;
  using fallback::sum_squares;
  sum_squares(context, SumSquares<Context>{values, &result});
  return result;
}

}  // namespace ops
}  // namespace seqrec
