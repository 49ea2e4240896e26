// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <limits>

#include "seqrec/core/check_shape.hpp"
#include "seqrec/ops/fallback.hpp"
#include "seqrec/ops/gradient.hpp"

namespace seqrec {

/// What a router makes of its logits.
enum class MoeGate {
  sigmoid,  ///< an expert's gate depends on its own logit alone (DeepSeek-V3, arXiv:2412.19437, eq. 15)
  softmax,  ///< gates of all experts add up to 1 (Shazeer et al. 2017, Switch, GShard, Mixtral)
};

/// Names of the values, for option texts.
constexpr std::array<const char*, 2> names_of(MoeGate) { return {"sigmoid", "softmax"}; }

/// Which experts each row goes to, and the same as blocks: the N K assignments sorted by expert, in row order within.
template <class Context>
struct MoeRouting {
  using Space = typename Context::Space;

  MatrixView<offset_t, Space> experts;  ///< (N, K) those chosen for a row, ascending
  MatrixView<offset_t, Space> places;   ///< (N, K) where each assignment stands among the sorted
  VectorView<offset_t, Space> rows;     ///< (N K) whose the assignment at each place is
  VectorView<offset_t, Space> starts;   ///< (X+1) where the block of each expert begins

  constexpr index_t num_experts() const { return starts.size() - 1; }
  constexpr index_t num_assignments() const { return rows.size(); }
};

/// Chooses the K experts with the highest gate plus selection bias for each row, ties by the lower number, and sorts
/// the assignments by expert. A chosen expert's weight is its gate, or its share of the chosen ones' gates.
///
/// The auxiliary loss (GShard, Switch: Fedus et al. 2022, eq. 4-6) is alpha X sum_e f_e P_e: f_e is the share of the
/// N K assignments that expert e has, a constant to the gradient; P_e the mean over rows of e's share of the gates of
/// *all* experts. Row n's part of it, times alpha, is left in losses(n): balance X sum_e f_e P_e(n) with
/// balance = alpha / (rows of the whole step), so that parts add up over shards.
///
/// A row's choice and weights depend on its own logits alone, to the last bit; its part of the loss does not.
template <class Context>
struct MoeRouteForward {
  const_matrix_of<Context> logits;                       ///< (N, X)
  const_vector_of<Context> selection_bias{};             ///< (X) for choosing only; null for none
  MoeRouting<Context> routing;                           ///< all written
  matrix_of<Context> gates;                              ///< (N, X)
  matrix_of<Context> weights;                            ///< (N, K) of routing.experts
  VectorView<double, typename Context::Space> losses{};  ///< (N) null where there is no auxiliary loss
  MoeGate gate = MoeGate::sigmoid;
  bool normalise = true;  ///< weights of a row add up to 1
  double balance = 0;     ///< of the auxiliary loss
};

/// Gradients of MoeRouteForward; the selection bias has none. In its place the loads are counted.
template <class Context>
struct MoeRouteBackward {
  const_matrix_of<Context> gates;     ///< (N, X) the forward's, as all that follows
  const_matrix_of<Context> weights;   ///< (N, K)
  MoeRouting<Context> routing;        ///< read
  const_matrix_of<Context> dweights;  ///< (N, K)
  Gradient<Context> dlogits;          ///< (N, X)
  master_vector_of<Context> loads{};  ///< (X) each expert's assignments are added; null if not wanted
  MoeGate gate = MoeGate::sigmoid;
  bool normalise = true;
  double balance = 0;
};

/// What sums of gates are raised by before they divide, so that gates which all underflow have weight 0 and not NaN.
inline constexpr double moe_tiny = 1e-20;

namespace ops {

SEQREC_OP_FALLBACK(moe_route_forward)
SEQREC_OP_FALLBACK(moe_route_backward)

/// @param op  for messages   @param rows N   @param experts X
/// @throws ShapeError when extents of a routing disagree, ArgumentError when K is none of 1 .. X
template <class Context>
void check_routing(const char* op, const MoeRouting<Context>& routing, index_t rows, index_t experts) {
  const index_t chosen = routing.experts.columns();
  if (chosen < 1 || chosen > experts)
    throw ArgumentError(
        concatenate(op, ": experts of a row is ", chosen, ", expected 1 .. ", experts, ", the number of experts"));
  if (rows > std::numeric_limits<offset_t>::max() / chosen)
    throw ArgumentError(concatenate(op, ": assignments is ", rows, " x ", chosen, ", expected fewer than 2^31"));
  check_shape(op, "experts", routing.experts, rows, chosen);
  check_shape(op, "places", routing.places, rows, chosen);
  check_shape(op, "rows", routing.rows, rows * chosen);
  check_shape(op, "starts", routing.starts, experts + 1);
}

/// @throws ShapeError when extents disagree, ArgumentError when there are fewer experts than a row is to have.
/// Cost: N K X comparisons.
template <class Context>
void moe_route_forward(Context& context, const MoeRouteForward<Context>& a) {
  constexpr const char* op = "moe_route";
  const index_t rows = a.logits.rows(), experts = a.logits.columns();
  check_routing(op, a.routing, rows, experts);
  check_optional_shape(op, "selection_bias", a.selection_bias, experts);
  check_shape(op, "gates", a.gates, rows, experts);
  check_shape(op, "weights", a.weights, rows, a.routing.experts.columns());
  check_optional_shape(op, "losses", a.losses, rows);
  using fallback::moe_route_forward;
  moe_route_forward(context, a);
}

/// @throws ShapeError, ArgumentError as the forward pass
template <class Context>
void moe_route_backward(Context& context, const MoeRouteBackward<Context>& a) {
  constexpr const char* op = "moe_route backward";
  const index_t rows = a.gates.rows(), experts = a.gates.columns(), chosen = a.routing.experts.columns();
  check_routing(op, a.routing, rows, experts);
  check_shape(op, "weights", a.weights, rows, chosen);
  check_shape(op, "dweights", a.dweights, rows, chosen);
  check_optional_shape(op, "dlogits", a.dlogits.view, rows, experts);
  check_optional_shape(op, "loads", a.loads, experts);
  using fallback::moe_route_backward;
  moe_route_backward(context, a);
}

}  // namespace ops
}  // namespace seqrec
