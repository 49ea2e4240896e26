// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/check_shape.hpp"
#include "seqrec/core/step_state.hpp"
#include "seqrec/ops/fallback.hpp"

namespace seqrec {

/// Moves running statistics towards those of the rows of a step: with n rows, m = sum / n and v = squares / n - m^2,
///
///     step = max(momentum, 1 / (1 + tracked)),  mean += step (m - mean),  variance += step (v - variance),  ++tracked
///
/// so that in the first steps they are plain means, as with PyTorch's BatchNorm1d and `momentum=None`, and later
/// exponential ones. Without rows nothing moves.
template <class Context>
struct RunningStatistics {
  using Master = typename Context::Master;
  using Space = typename Context::Space;

  VectorView<const Master, Space> sum;      ///< (H) of x over the rows
  VectorView<const Master, Space> squares;  ///< (H) of x^2 over the rows
  VectorView<const Master, Space> rows;     ///< (1) n
  master_vector_of<Context> mean;           ///< (H) updated
  master_vector_of<Context> variance;       ///< (H) updated
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
  check_extent(op, "size of sum", a.sum.size(), units);
  check_extent(op, "size of squares", a.squares.size(), units);
  check_extent(op, "size of rows", a.rows.size(), 1);
  check_extent(op, "size of variance", a.variance.size(), units);
  check_extent(op, "size of tracked", a.tracked.size(), 1);
  check_optional_shape(op, "outcome", a.outcome, 1);
  using fallback::running_statistics;
  running_statistics(context, a);
}

}  // namespace ops
}  // namespace seqrec
