// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/check_shape.hpp"
#include "seqrec/core/step_state.hpp"
#include "seqrec/ops/fallback.hpp"

namespace seqrec {

/// Moves running statistics towards those of the rows of a step. The step's are sums about the running mean, so that a
/// deviation that is small beside its mean is not lost: with n rows, d = sum / n and v = squares / n - d^2,
///
///     step = max(momentum, 1 / (1 + tracked)),  mean += step d,  variance += step (v - variance),  ++tracked
///
/// so that in the first steps they are plain means, as with PyTorch's BatchNorm1d and `momentum=None`, and later
/// exponential ones. Without rows nothing moves.
template <class Context>
struct RunningStatistics {
  using Master = typename Context::Master;
  using Space = typename Context::Space;

  VectorView<const Master, Space> sum;      ///< (F) of x - mean over the rows
  VectorView<const Master, Space> squares;  ///< (F) of (x - mean)^2 over the rows
  VectorView<const Master, Space> rows;     ///< (1) n
  master_vector_of<Context> mean;           ///< (F) updated
  master_vector_of<Context> variance;       ///< (F) updated
  master_vector_of<Context> tracked;        ///< (1) updates so far, updated
  double momentum = 0.1;
  VectorView<const StepOutcome, Space> outcome{};  ///< (1) of the step: nothing moves after a bad one; or null
};

namespace ops {

SEQREC_OP_FALLBACK(running_statistics)

/// @throws ShapeError when extents disagree
template <class Context>
void running_statistics(Context& context, const RunningStatistics<Context>& a) {
  constexpr const char* op = "running_statistics";
  const index_t units = a.mean.size();
  check_shape(op, "sum", a.sum, units);
  check_shape(op, "squares", a.squares, units);
  check_shape(op, "rows", a.rows, 1);
  check_shape(op, "variance", a.variance, units);
  check_shape(op, "tracked", a.tracked, 1);
  check_optional_shape(op, "outcome", a.outcome, 1);
  using fallback::running_statistics;
  running_statistics(context, a);
}

}  // namespace ops
}  // namespace seqrec
