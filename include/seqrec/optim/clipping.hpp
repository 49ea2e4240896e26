// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <vector>

#include "seqrec/autograd/parameter_ranges.hpp"
#include "seqrec/ops/optimizer_step.hpp"

namespace seqrec {

/// The squared Euclidean norm of the gradients that the optimiser follows, in one pass over their ranges. NaN or
/// infinity where one is, also where a statistic's sum is, which is no gradient and only checked.
template <class Context>
double gradient_squares(Context& context, const ParameterRanges& ranges,
                        VectorView<const typename Context::Master, typename Context::Space> gradients) {
  double squares = 0;
  for (const ParameterRange& range : ranges) {
    if (range.role == ParameterRole::frozen) continue;
    const double part = ops::sum_squares(context, gradients.row_range(range.offset, range.size));
    if (range.moved_by_optimizer() || !std::isfinite(part)) squares += part;
  }
  return squares;
}

/// The first parameter with NaN or infinity among elements that lie as the model's do; null where all are finite.
template <class Context>
const ParameterEntry* first_not_finite(Context& context, const std::vector<ParameterEntry>& entries,
                                       VectorView<const typename Context::Master, typename Context::Space> elements) {
  for (const ParameterEntry& entry : entries)
    if (!std::isfinite(ops::sum_squares(context, elements.row_range(entry.offset, entry.size())))) return &entry;
  return nullptr;
}

/// What gradients are multiplied by so that their norm is at most `limit` (Pascanu et al. 2013), as PyTorch's
/// clip_grad_norm_ does it; 1 where limit is 0, which clips nothing.
inline double clip_scale(double norm, double limit) { return limit > 0 ? std::fmin(1.0, limit / (norm + 1e-6)) : 1.0; }

}  // namespace seqrec
