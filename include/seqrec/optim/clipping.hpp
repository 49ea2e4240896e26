// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <vector>

#include "seqrec/autograd/parameter_ranges.hpp"
#include "seqrec/core/step_gradients.hpp"
#include "seqrec/ops/optimizer_step.hpp"

namespace seqrec {

/// Tells a step's state its loss, the norm of the gradients that the optimiser follows, and what clipping makes of it:
/// one pass over what may be other than zero. A statistic's sums are no gradient; they are only
/// checked. A composed parameter has handed its gradient on.
/// @param loss (1) of the step   @param ranges  of the model's elements
/// @param gradients  of a step (StepGradients), or of all elements (a vector)
template <class Context, class Gradients>
void finish_gradients(Context& context, const ParameterRanges& ranges, const Gradients& gradients,
                      VectorView<const double, typename Context::Space> loss,
                      StepState<typename Context::Space>& state) {
  const auto squares = state.gradient_squares();
  SumSquares<Context> sum{{}, squares};
  for (const ParameterRange& range : ranges) {
    const auto part = gradient_of(gradients, range.elements()).numbers();
    if (!range.moved_by_optimizer() || part.size() == 0) continue;
    if (sum.values.full()) {
      ops::sum_squares(context, sum);
      sum = {{}, squares, GradientMode::add};
    }
    sum.values.push_back(part);
  }
  ops::sum_squares(context, sum);
  for (const ParameterRange& range : ranges)
    if (range.role == ParameterRole::statistic)
      ops::check_finite(context, CheckFinite<Context>{gradient_of(gradients, range.elements()).numbers(), squares});
  ops::conclude_step(context, ConcludeStep<Context>{state.inputs(), loss, squares, state.outcome()});
}

/// The sum of squares of some elements, read to the host: NaN or infinite if one of them is.
template <class Context>
double squares_of(Context& context, VectorView<const typename Context::Master, typename Context::Space> elements) {
  const auto result = context.template vector<double>(1);
  ops::sum_squares(context, SumSquares<Context>{{elements}, result});
  double squares = 0;
  context.copy_to_host(&squares, result.data, 1);
  return squares;
}

/// The first parameter with NaN or infinity among all elements, or in a step's gradients: null where there is none. Of
/// gradients it is the one because of which finish_gradients found a step bad: what is trained must have a finite norm,
/// a statistic's sums need only be finite.
/// @param looked_at  whether an entry is
template <class Context, class Elements, class Predicate>
const ParameterEntry* first_not_finite(Context& context, const std::vector<ParameterEntry>& entries,
                                       const Elements& elements, Predicate&& looked_at) {
  for (const ParameterEntry& entry : entries) {
    if (!looked_at(entry)) continue;
    const auto part = gradient_of(elements, entry.elements()).numbers();
    const auto squares = context.template vector<double>(1);
    context.clear(squares.data, 1);
    if (entry.role == ParameterRole::statistic)
      ops::check_finite(context, CheckFinite<Context>{part, squares});
    else
      ops::sum_squares(context, SumSquares<Context>{{part}, squares});
    double found = 0;
    context.copy_to_host(&found, squares.data, 1);
    if (!std::isfinite(found)) return &entry;
  }
  return nullptr;
}

}  // namespace seqrec
