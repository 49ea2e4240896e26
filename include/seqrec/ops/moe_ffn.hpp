// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/dropout.hpp"
#include "seqrec/ops/moe_route.hpp"

namespace seqrec {

/// The experts' weights, one below the other: expert e's are rows e F .. e F + F-1 of the first map, and e D .. e D +
/// D-1 of the second.
template <class Context>
struct MoeExperts {
  const_matrix_of<Context> weight1;  ///< (X F, D)
  const_matrix_of<Context> bias1;    ///< (X, F)
  const_matrix_of<Context> weight2;  ///< (X D, F)
  const_matrix_of<Context> bias2;    ///< (X, D)
};

/// A mixture of feed-forward networks: each row by the experts that it was routed to,
///
///     y_n = base_n + sum_k weight_nk (W2_e h + b2_e),   h = dropout(relu(W1_e x_n + b1_e)),   e = expert_nk
///
/// one product for each expert's block of assignments. The mask of a unit belongs to row and expert: it is that of
/// element (row X + e, unit), rows counted in the batch, whatever other experts the row has.
/// A row of y depends on its rows of x, base, weights and experts alone, to the last bit.
template <class Context>
struct MoeFfnForward {
  const_matrix_of<Context> x;        ///< (N, D)
  const_matrix_of<Context> weights;  ///< (N, K)
  MoeRouting<Context> routing;       ///< read
  MoeExperts<Context> experts;
  const_matrix_of<Context> base{};  ///< (N, D) what is added, such as shared experts' result; null for zeros
  matrix_of<Context> hidden;  ///< (N K, F) h of the assignments, sorted as the routing sorts them; kept for backward
  matrix_of<Context> y;       ///< (N, D), must not overlap x; may be `base`
  Dropout dropout{};
};

/// Gradients of MoeFfnForward; that of `base` is dy. An expert without assignments adds nothing.
template <class Context>
struct MoeFfnBackward {
  const_matrix_of<Context> x;        ///< (N, D)
  const_matrix_of<Context> weights;  ///< (N, K)
  MoeRouting<Context> routing;       ///< read
  MoeExperts<Context> experts;
  const_matrix_of<Context> hidden;       ///< (N K, F) the forward's
  const_matrix_of<Context> dy;           ///< (N, D)
  Gradient<Context> dx{};                ///< (N, D)
  Gradient<Context> dweights{};          ///< (N, K)
  master_matrix_of<Context> dweight1{};  ///< (X F, D) added to, as all that follows; null if not wanted
  master_matrix_of<Context> dbias1{};    ///< (X, F)
  master_matrix_of<Context> dweight2{};  ///< (X D, F)
  master_matrix_of<Context> dbias2{};    ///< (X, D)
  Dropout dropout{};
};

namespace ops {

SEQREC_OP_FALLBACK(moe_ffn_forward)
SEQREC_OP_FALLBACK(moe_ffn_backward)

/// @param width D   @param hidden F   @throws ShapeError when extents disagree
template <class Context>
void check_experts(const char* op, const MoeExperts<Context>& of, index_t experts, index_t width, index_t hidden) {
  check_shape(op, "weight1", of.weight1, experts * hidden, width);
  check_shape(op, "bias1", of.bias1, experts, hidden);
  check_shape(op, "weight2", of.weight2, experts * width, hidden);
  check_shape(op, "bias2", of.bias2, experts, width);
}

/// @throws ShapeError when extents disagree. Cost: 4 N K D F operations.
template <class Context>
void moe_ffn_forward(Context& context, const MoeFfnForward<Context>& a) {
  constexpr const char* op = "moe_ffn";
  const index_t rows = a.x.rows(), width = a.x.columns(), experts = a.routing.num_experts();
  check_routing(op, a.routing, rows, experts);
  check_experts(op, a.experts, experts, width, a.hidden.columns());
  check_shape(op, "weights", a.weights, rows, a.routing.experts.columns());
  check_optional_shape(op, "base", a.base, rows, width);
  check_shape(op, "hidden", a.hidden, a.routing.num_assignments(), a.hidden.columns());
  check_shape(op, "y", a.y, rows, width);
  using fallback::moe_ffn_forward;
  moe_ffn_forward(context, a);
}

/// @throws ShapeError when extents disagree. Cost: 8 N K D F operations.
template <class Context>
void moe_ffn_backward(Context& context, const MoeFfnBackward<Context>& a) {
  constexpr const char* op = "moe_ffn backward";
  const index_t rows = a.x.rows(), width = a.x.columns(), experts = a.routing.num_experts();
  const index_t hidden = a.hidden.columns();
  check_routing(op, a.routing, rows, experts);
  check_experts(op, a.experts, experts, width, hidden);
  check_shape(op, "weights", a.weights, rows, a.routing.experts.columns());
  check_shape(op, "hidden", a.hidden, a.routing.num_assignments(), hidden);
  check_shape(op, "dy", a.dy, rows, width);
  check_optional_shape(op, "dx", a.dx.view, rows, width);
  check_optional_shape(op, "dweights", a.dweights.view, rows, a.routing.experts.columns());
  check_optional_shape(op, "dweight1", a.dweight1, experts * hidden, width);
  check_optional_shape(op, "dbias1", a.dbias1, experts, hidden);
  check_optional_shape(op, "dweight2", a.dweight2, experts * width, hidden);
  check_optional_shape(op, "dbias2", a.dbias2, experts, width);
  using fallback::moe_ffn_backward;
  moe_ffn_backward(context, a);
}

}  // namespace ops
}  // namespace seqrec
