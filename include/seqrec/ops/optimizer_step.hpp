// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>

#include "seqrec/core/tensor.hpp"
#include "seqrec/ops/fallback.hpp"

namespace seqrec {

/// Moves a run of parameter elements by an update rule.
///
/// A rule is a function object with `static constexpr int states` (moments per element, 0 for none) and
/// `value = rule(value, gradient, state_0, ...)`, where states are references; it must be usable on a device. `Real` of
/// its call is accumulator_of<Master>.
///
/// With `row_width` the elements are rows of a table, and a row whose gradient is zero throughout is left alone with
/// its states: to look for zeros reads the gradient once more, and asks nobody which rows a step has touched.
template <class Context, class Rule>
struct OptimizerStep {
  using Master = typename Context::Master;
  using Space = typename Context::Space;

  master_vector_of<Context> values;                                                      ///< (n) parameters, updated
  VectorView<const Master, Space> gradients;                                             ///< (n)
  std::array<master_vector_of<Context>, static_cast<std::size_t>(Rule::states)> states;  ///< (n) each, updated
  double gradient_scale = 1;                                                             ///< from clipping
  index_t row_width = 0;  ///< 0 moves every element; else n is a multiple of it
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

/// @throws ShapeError when extents disagree, ArgumentError for a negative row_width. One pass over all operands.
template <class Context, class Rule>
void optimizer_step(Context& context, const OptimizerStep<Context, Rule>& a) {
  check_extent("optimizer_step", "size of gradients", a.gradients.size(), a.values.size());
  for (const auto& state : a.states) check_extent("optimizer_step", "size of a state", state.size(), a.values.size());
  check_argument(a.row_width >= 0, "optimizer_step row_width", a.row_width, "at least 0");
  if (a.row_width > 0) check_extent("optimizer_step", "elements beyond whole rows", a.values.size() % a.row_width, 0);
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
