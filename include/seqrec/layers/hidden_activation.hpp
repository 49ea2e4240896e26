// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "seqrec/autograd/parameter_store.hpp"
#include "seqrec/autograd/tape.hpp"
#include "seqrec/ops/running_statistics.hpp"
#include "seqrec/ops/unit_activation.hpp"

namespace seqrec {

/// The activation of a hidden layer with what it learns: PReLU's slopes, Dice's slopes and running statistics.
///
/// Names are PyTorch's: `weight` for the slopes, `running_mean`, `running_var`, `num_batches_tracked` as BatchNorm1d
/// has them. Statistics move after each step, by `momentum` and in the first steps by so much
/// that they are plain means; no forward pass reads those of its own step.
template <class Context>
struct HiddenActivation {
  static constexpr double momentum = 0.01;  ///< FuxiCTR's

  Activation kind;
  double epsilon;
  VectorParameter<Context> weight;               ///< (F) prelu, dice
  VectorParameter<Context> running_mean;         ///< (F) dice
  VectorParameter<Context> running_var;          ///< (F) dice
  VectorParameter<Context> num_batches_tracked;  ///< (1) dice

  /// @param statistics_epsilon of Dice
  HiddenActivation(ParameterScope<Context> scope, Activation nonlinearity, index_t units,
                   double statistics_epsilon = 1e-8)
      : kind(nonlinearity), epsilon(statistics_epsilon) {
    if (has_slope(kind)) weight = scope.vector("weight", units, Initialiser::constant(dice() ? 0 : 0.25));
    if (!dice()) return;
    running_mean = scope.statistic("running_mean", units, Initialiser::constant(0));
    running_var = scope.statistic("running_var", units, Initialiser::constant(1));
    num_batches_tracked = scope.statistic("num_batches_tracked", 1, Initialiser::constant(0));
    scope.moved_after_step(update_statistics, running_mean, running_var, num_batches_tracked);
  }

  bool dice() const { return kind == Activation::dice; }

  /// As ops see it.
  UnitActivation<Context> view(const Tape<Context>& tape) const {
    UnitActivation<Context> f;
    f.kind = kind;
    f.epsilon = epsilon;
    if (!has_slope(kind)) return f;
    f.alpha = tape.value(weight);
    f.dalpha = tape.gradient(weight);
    if (!dice()) return f;
    f.mean = tape.value(running_mean);
    f.variance = tape.value(running_var);
    f.sum = tape.gradient(running_mean);
    f.squares = tape.gradient(running_var);
    f.rows = tape.gradient(num_batches_tracked);
    return f;
  }

  /// dropout(f(x)), recorded.   @param x (N, F)   @return (N, F)
  Variable<Context> forward(Tape<Context>& tape, Variable<Context> x, const Dropout& dropout) const {
    const Variable<Context> y = tape.variable(x.rows(), x.columns());
    const UnitActivation<Context> f = view(tape);
    ops::unit_activation_forward(tape.context(), UnitActivationForward<Context>{x.value(), f, y.value(), dropout});
    tape.record([x, y, f, dropout](Tape<Context>& t) {
      if (const auto dy = t.incoming(y))
        ops::unit_activation_backward(t.context(),
                                      UnitActivationBackward<Context>{x.value(), f, dy, t.gradient(x), dropout});
    });
    return y;
  }

 private:
  /// Moves the statistics by what the step's backward passes summed up.
  static void update_statistics(Context& context, std::span<const StatisticStep<Context>> of) {
    const auto &mean = of[0], &variance = of[1], &tracked = of[2];
    ops::running_statistics(
        context, RunningStatistics<Context>{mean.sums, variance.sums, tracked.sums, mean.values, variance.values,
                                            tracked.values, momentum, mean.outcome});
  }
};

}  // namespace seqrec
