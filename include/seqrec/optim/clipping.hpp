// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "seqrec/autograd/parameter_set.hpp"
#include "seqrec/ops/optimizer_step.hpp"

namespace seqrec {

/// The Euclidean norm of all gradients together, and where something stopped being finite.
template <class Context>
struct GradientNorm {
  double value = 0;
  const typename ParameterSet<Context>::Entry* first_bad = nullptr;  ///< first parameter with NaN or infinity
};

/// @param gradients (P) in the order of the set; what is there of a statistic is no gradient and only checked
template <class Context>
GradientNorm<Context> gradient_norm(Context& context, const ParameterSet<Context>& parameters,
                                    VectorView<const typename Context::Master, typename Context::Space> gradients) {
  GradientNorm<Context> norm;
  double squares = 0;
  for (const auto& entry : parameters) {
    const double part = ops::sum_squares(context, gradients.row_range(entry.offset, entry.size()));
    if (!std::isfinite(part) && norm.first_bad == nullptr) norm.first_bad = &entry;
    if (entry.moved_by_optimizer()) squares += part;
  }
  norm.value = std::sqrt(squares);
  return norm;
}

/// What gradients are multiplied by so that their norm is at most `limit` (Pascanu et al. 2013), as PyTorch's
/// clip_grad_norm_ does it; 1 where limit is 0, which clips nothing.
inline double clip_scale(double norm, double limit) { return limit > 0 ? std::fmin(1.0, limit / (norm + 1e-6)) : 1.0; }

}  // namespace seqrec
