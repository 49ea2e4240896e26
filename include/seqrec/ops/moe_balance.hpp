// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/check_shape.hpp"
#include "seqrec/core/step_state.hpp"
#include "seqrec/ops/fallback.hpp"

namespace seqrec {

/// What a step's loads do to a mixture of experts: they are remembered, and the selection bias moves against them, by
/// the sign of the load's error (loss-free balancing, Wang et al. 2024, arXiv:2408.15664, algorithm 1):
///
///     bias_e += step sign(mean load - load_e)
///
/// Without assignments nothing moves.
template <class Context>
struct MoeBalance {
  using Master = typename Context::Master;
  using Space = typename Context::Space;

  VectorView<const Master, Space> loads;           ///< (X) assignments of each expert in the step
  master_matrix_of<Context> recent;                ///< (R, X) loads of the last R steps, step s in row s mod R
  master_vector_of<Context> tracked;               ///< (1) steps so far, updated
  master_vector_of<Context> bias{};                ///< (X) moved; null for none
  double step = 1e-3;                              ///< of the bias
  double first_step = 1e-2;                        ///< the same in the first steps
  index_t first_steps = 0;                         ///< how many those are
  VectorView<const StepOutcome, Space> outcome{};  ///< (1) of the step: nothing moves after a bad one; or null
};

namespace ops {

SEQREC_OP_FALLBACK(moe_balance)

/// @throws ShapeError when extents disagree
template <class Context>
void moe_balance(Context& context, const MoeBalance<Context>& a) {
  constexpr const char* op = "moe_balance";
  const index_t experts = a.loads.size();
  check_shape(op, "recent", a.recent, a.recent.rows(), experts);
  check_shape(op, "tracked", a.tracked, 1);
  check_optional_shape(op, "bias", a.bias, experts);
  check_optional_shape(op, "outcome", a.outcome, 1);
  using fallback::moe_balance;
  moe_balance(context, a);
}

}  // namespace ops
}  // namespace seqrec
