// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "seqrec/core/option_text.hpp"
#include "seqrec/layers/feed_forward.hpp"
#include "seqrec/layers/moe_options.hpp"
#include "seqrec/ops/elementwise.hpp"
#include "seqrec/ops/moe_balance.hpp"
#include "seqrec/ops/moe_ffn.hpp"

namespace seqrec {

/// What logs show of a mixture's load.
/// @param recent (R, X) assignments of the experts in the last steps, row by row
/// @return max_violation: the largest of the mean loads over these steps, relative to an even one, less 1 (MaxVio of
///         Wang et al. 2024; 0 is even); load_entropy: of the same mean, as a share of an even one's (1 is even); and
///         load.0, load.1, ...: each expert's share of it. Not-a-numbers before the first step.
inline std::vector<Figure> moe_figures(std::span<const double> recent, index_t experts) {
  const double all = std::accumulate(recent.begin(), recent.end(), 0.0);
  double most = 0, entropy = 0;
  std::vector<Figure> loads;
  for (index_t e = 0; e < experts; ++e) {
    double load = 0;
    for (index_t i = e; i < std::ssize(recent); i += experts) load += recent[static_cast<std::size_t>(i)];
    load = all > 0 ? load / all : std::numeric_limits<double>::quiet_NaN();
    most = load > most || std::isnan(load) ? load : most;
    entropy -= load == 0 ? 0 : load * std::log(load);
    loads.push_back({concatenate("load.", e), load});
  }
  const auto even = static_cast<double>(experts);
  std::vector<Figure> figures = {{"max_violation", most * even - 1, true},
                                 {"load_entropy", experts == 1 ? most : entropy / std::log(even)}};
  figures.insert(figures.end(), loads.begin(), loads.end());
  return figures;
}

/// A mixture of experts in the place of a FeedForward: each row goes to the `top_k` experts that a router chooses for
/// it, and to all shared ones (Shazeer et al. 2017; DeepSeekMoE, Dai et al. 2024, arXiv:2401.06066):
///
///     dropout(sum_shared FFN(x) + sum_chosen weight_e FFN_e(x)),   FFN(x) = W2 dropout(relu(W1 x + b1)) + b2
///
/// No expert has a capacity, so no row is ever dropped. How weights come about: ops/moe_route.hpp. Shared experts are
/// one network as wide as all of them, which computes their sum.
///
/// The router's logits are computed in full precision whatever products a context is told to take: of two experts that
/// lie close rounding would choose another one (Switch Transformers, Fedus et al. 2021, arXiv:2101.03961, 2.4).
///
/// Names are `router.weight (X, D)`; `experts.linear1.weight (X F, D)`, `experts.linear1.bias (X, F)`,
/// `experts.linear2.weight (X D, F)`, `experts.linear2.bias (X, D)`, an expert's rows below those of the one before;
/// `shared.linear1`, `shared.linear2` as in FeedForward; statistics `selection_bias (X)` (loss-free balance),
/// `recent_loads (10 X)` and `num_batches_tracked`, which move after each step by the loads of the whole step.
///
/// The auxiliary loss is computed where a step's loss scale is known (Tape::loss_scale): over a shard's rows, weighted
/// by their number, so that the step's is the mean over its shards of alpha X sum_e f_e P_e. It is part of the loss
/// that is reported.
template <class Context>
struct MoeFeedForward {
  static constexpr index_t remembered = 10;  ///< steps whose loads are

  MoeOptions options;
  double dropout;
  index_t units;  ///< F, of an expert
  Linear<Context> router;
  MatrixParameter<Context> weight1, bias1, weight2, bias2;
  std::optional<Linear<Context>> shared1, shared2;  ///< none without shared experts
  VectorParameter<Context> selection_bias;          ///< (X) loss-free balance
  VectorParameter<Context> recent_loads;            ///< (10 X)
  VectorParameter<Context> num_batches_tracked;

  /// @param dense  the network whose place it takes
  /// @throws ArgumentError when an option is out of range, or does not fit another
  MoeFeedForward(ParameterScope<Context> scope, const FeedForwardOptions& dense, const MoeOptions& moe)
      : options(checked(moe, dense)),
        dropout(dense.dropout),
        units(moe.units(dense.hidden)),
        router(scope / "router", dense.width, moe.experts, {.weights = dense.weights, .bias = false, .exact = true}),
        weight1(stacked(scope / "experts" / "linear1", units, dense.width, dense.weights)),
        bias1((scope / "experts" / "linear1").matrix("bias", moe.experts, units, Initialiser::constant(0))),
        weight2(stacked(scope / "experts" / "linear2", dense.width, units, dense.weights)),
        bias2((scope / "experts" / "linear2").matrix("bias", moe.experts, dense.width, Initialiser::constant(0))) {
    if (const index_t shared = moe.shared_experts * units; shared > 0) {
      const LinearOptions weights{.weights = dense.weights};
      shared1.emplace(scope / "shared" / "linear1", dense.width, shared, weights);
      shared2.emplace(scope / "shared" / "linear2", shared, dense.width, weights);
    }
    recent_loads = scope.statistic("recent_loads", remembered * moe.experts, Initialiser::constant(0));
    num_batches_tracked = scope.statistic("num_batches_tracked", 1, Initialiser::constant(0));
    if (moe.balance == MoeBalanceKind::loss_free) {
      selection_bias = scope.statistic("selection_bias", moe.experts, Initialiser::constant(0));
      scope.moved_after_step(update(moe), recent_loads, num_batches_tracked, selection_bias);
    } else {
      scope.moved_after_step(update(moe), recent_loads, num_batches_tracked);
    }
    scope.shown(
        [experts = moe.experts](std::span<const std::vector<double>> of) { return moe_figures(of[0], experts); },
        recent_loads);
  }

  /// @param x (N, D) rows to work on   @param residual (N, D) what the result is to be added to; may be x
  /// @param first_row of x in its batch
  /// @return the sum of residual and result, not yet taken
  ResidualStream<Context> forward(Tape<Context>& tape, Variable<Context> x, Variable<Context> residual,
                                  index_t first_row) const {
    Variable<Context> base;
    if (shared1) {
      const LinearEpilogue epilogue{Activation::relu, tape.dropout(dropout, first_row)};
      base = shared2->forward(tape, shared1->forward(tape, x, epilogue));
    }
    const Routed routed = route(tape, router.forward(tape, x));
    const Variable<Context> result = mix(tape, x, routed, base, tape.dropout(dropout, first_row));
    return {residual, result, tape.dropout(dropout, first_row)};
  }

 private:
  struct Routed {
    MoeRouting<Context> routing;
    Variable<Context> weights;  ///< (N, K)
  };

  Routed route(Tape<Context>& tape, Variable<Context> logits) const {
    Context& context = tape.context();
    const index_t rows = logits.rows(), chosen = options.top_k, assignments = rows * chosen;
    const auto numbers = [&](index_t count) { return context.template vector<offset_t>(count); };
    const Routed routed{{{numbers(assignments).data, rows, chosen},
                         {numbers(assignments).data, rows, chosen},
                         numbers(assignments),
                         numbers(options.experts + 1)},
                        tape.variable(rows, chosen)};
    const auto gates = context.matrix(rows, options.experts);
    MoeRouteForward<Context> a{logits.value(), tape.value(selection_bias), routed.routing, gates,
                               routed.weights.value()};
    a.gate = options.gate;
    a.normalise = options.normalise;
    if (tape.recording() && options.balance == MoeBalanceKind::auxiliary)
      a.balance = options.auxiliary_weight * tape.loss_scale();
    if (a.balance > 0) a.losses = context.template vector<double>(rows);
    ops::moe_route_forward(context, a);
    if (a.balance > 0) ops::accumulate_loss(context, AccumulateLoss<Context>{a.losses});
    const auto loads = tape.gradient(recent_loads).row_range(0, options.experts);
    tape.record(
        [routed, logits, gates, loads, gate = a.gate, normalise = a.normalise, balance = a.balance](Tape<Context>& t) {
          if (const auto dweights = t.incoming(routed.weights))
            ops::moe_route_backward(t.context(),
                                    MoeRouteBackward<Context>{gates, routed.weights.value(), routed.routing, dweights,
                                                              t.gradient(logits), loads, gate, normalise, balance});
        });
    return routed;
  }

  Variable<Context> mix(Tape<Context>& tape, Variable<Context> x, const Routed& routed, Variable<Context> base,
                        const Dropout& mask) const {
    Context& context = tape.context();
    const MoeExperts<Context> experts{tape.value(weight1), tape.value(bias1), tape.value(weight2), tape.value(bias2)};
    const auto hidden = context.matrix(routed.routing.num_assignments(), units);
    const Variable<Context> y = tape.variable(x.rows(), x.columns());
    ops::moe_ffn_forward(context, MoeFfnForward<Context>{x.value(), routed.weights.value(), routed.routing, experts,
                                                         base.value(), hidden, y.value(), mask});
    const auto dweight1 = tape.gradient(weight1), dbias1 = tape.gradient(bias1), dweight2 = tape.gradient(weight2),
               dbias2 = tape.gradient(bias2);
    tape.record([=](Tape<Context>& t) {
      const auto dy = t.incoming(y);
      if (!dy) return;
      ops::moe_ffn_backward(
          t.context(),
          MoeFfnBackward<Context>{x.value(), routed.weights.value(), routed.routing, experts, hidden, dy, t.gradient(x),
                                  t.gradient(routed.weights), dweight1, dbias1, dweight2, dbias2, mask});
      if (base) t.contribute(base, dy);
    });
    return y;
  }

  static const MoeOptions& checked(const MoeOptions& moe, const FeedForwardOptions& dense) {
    check_options("MoeFeedForward", moe);
    check_argument(dense.units == HiddenUnits::relu, "MoeFeedForward units", option_text(dense.units), "relu");
    check_argument(!moe.dense(), "MoeFeedForward experts", moe.experts, "at least 1");
    moe.check_together("MoeFeedForward ", dense.hidden);
    return moe;
  }

  /// A matrix (rows, columns) for each expert.
  MatrixParameter<Context> stacked(ParameterScope<Context> scope, index_t rows, index_t columns,
                                   const Initialiser& begin) const {
    return scope.matrix("weight", options.experts * rows, columns, begin.of_shape(rows, columns));
  }

  static StatisticUpdate<Context> update(const MoeOptions& moe) {
    return [experts = moe.experts, step = moe.bias_step, first = moe.first_bias_step, steps = moe.first_steps](
               Context& context, std::span<const StatisticStep<Context>> of) {
      MoeBalance<Context> a{of[0].sums.row_range(0, experts), {of[0].values.data, remembered, experts}, of[1].values};
      if (of.size() > 2) a.bias = of[2].values;
      a.step = step;
      a.first_step = first;
      a.first_steps = steps;
      a.outcome = of[0].outcome;
      ops::moe_balance(context, a);
    };
  }
};

}  // namespace seqrec
