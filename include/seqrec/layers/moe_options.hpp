// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/options.hpp"
#include "seqrec/ops/moe_route.hpp"

namespace seqrec {

/// What keeps the loads of a mixture's experts even.
enum class MoeBalanceKind {
  none,
  loss_free,  ///< a selection bias, moved after each step by the sign of the load's error (Wang et al. 2024)
  auxiliary,  ///< a loss, alpha X sum_e f_e P_e (GShard, Switch)
};

/// Names of the values, for option texts.
constexpr std::array<const char*, 3> names_of(MoeBalanceKind) { return {"none", "loss_free", "auxiliary"}; }

/// A mixture of experts in the place of a feed-forward network.
struct MoeOptions {
  index_t experts = 0;
  index_t top_k = 2;
  index_t shared_experts = 0;
  index_t expert_width = 0;
  MoeGate gate = MoeGate::sigmoid;
  bool normalise = true;
  MoeBalanceKind balance = MoeBalanceKind::loss_free;
  double bias_step = 5e-3;
  double first_bias_step = 1e-2;
  index_t first_steps = 200;
  double auxiliary_weight = 0.01;

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("experts", experts, in_range(0, 4096), "X, experts that rows are routed to; 0 for a dense network");
    visit("top_k", top_k, in_range(1, 4096), "experts that each row goes to, of those");
    visit("shared_experts", shared_experts, in_range(0, 4096), "experts beside those, that every row goes to");
    visit("expert_width", expert_width, in_range(0, 1 << 20),
          "hidden units of an expert; 0 divides the dense network's among those that a row goes to");
    visit("gate", gate, any(), "what the router makes of its logits");
    visit("normalise", normalise, any(), "the weights of the chosen add up to 1");
    visit("balance", balance, any(), "what keeps loads even");
    visit("bias_step", bias_step, not_negative(),
          "of loss-free balance: how far a step moves the selection bias; less where there are many thousand steps");
    visit("first_bias_step", first_bias_step, not_negative(), "the same in the first steps");
    visit("first_steps", first_steps, at_least(0), "how many those are: while the loss falls fast");
    visit("auxiliary_weight", auxiliary_weight, not_negative(), "alpha, of the auxiliary loss");
  }

  bool dense() const { return experts == 0; }
  /// Hidden units of an expert.   @param hidden  of the dense network
  index_t units(index_t hidden) const { return expert_width != 0 ? expert_width : hidden / (top_k + shared_experts); }

  /// What options must have together.
  /// @param owner  "SasRec moe_" for "SasRec moe_top_k is 9"   @param hidden  units of the dense network
  /// @throws ArgumentError when there are fewer experts than a row is to have, or the dense network's units do not
  ///         divide
  void check_together(const char* owner, index_t hidden) const {
    if (dense()) return;
    if (top_k > experts)
      throw ArgumentError(
          concatenate(owner, "top_k is ", top_k, ", expected 1 .. ", experts, ", at most ", owner, "experts"));
    if (expert_width == 0 && (hidden % (top_k + shared_experts) != 0 || hidden < top_k + shared_experts))
      throw ArgumentError(concatenate(owner, "expert_width is 0, which divides the ", hidden,
                                      " hidden units of a dense network among ", top_k + shared_experts,
                                      " experts, expected a number that divides; hint: set it"));
  }
};

}  // namespace seqrec
