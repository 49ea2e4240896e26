// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/autograd/tape.hpp"
#include "seqrec/ops/running_statistics.hpp"
#include "seqrec/ops/unit_activation.hpp"

namespace seqrec {

/// The activation of a hidden layer with what it learns: PReLU's slopes, Dice's slopes and running statistics.
///
/// Names are PyTorch's: `weight` for the slopes, `running_mean`, `running_var`, `num_batches_tracked` as BatchNorm1d
/// has them. Statistics move after each step (`update_statistics`), by `momentum` and in the first steps by so much
/// that they are plain means; no forward pass reads those of its own step.
template <class Context>
struct HiddenActivation {
  static constexpr double momentum = 0.01;  ///< FuxiCTR's

  Nonlinearity kind;
  double epsilon;
  VectorParameter<Context> weight;               ///< (H) prelu, dice
  VectorParameter<Context> running_mean;         ///< (H) dice
  VectorParameter<Context> running_var;          ///< (H) dice
  VectorParameter<Context> num_batches_tracked;  ///< (1) dice

  /// @param statistics_epsilon of Dice
  HiddenActivation(Nonlinearity nonlinearity, index_t units, double statistics_epsilon = 1e-8)
      : kind(nonlinearity),
        epsilon(statistics_epsilon),
        weight(has_slope(nonlinearity) ? units : 0,
               Initialiser::constant(nonlinearity == Nonlinearity::dice ? 0 : 0.25)),
        running_mean(dice() ? units : 0, Initialiser::constant(0), ParameterRole::statistic),
        running_var(dice() ? units : 0, Initialiser::constant(1), ParameterRole::statistic),
        num_batches_tracked(dice() ? 1 : 0, Initialiser::constant(0), ParameterRole::statistic) {}

  bool dice() const { return kind == Nonlinearity::dice; }

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

  /// dropout(f(x)), recorded.   @param x (N, H)   @return (N, H)
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

  /// Moves the statistics by what the step's backward pass summed up.
  /// @param gradients all parameters' of the model
  void update_statistics(Context& context, master_vector_of<Context> gradients) {
    if (!dice()) return;
    const auto sums = [&](const VectorParameter<Context>& parameter) {
      return gradients.row_range(parameter.offset, parameter.value.size());
    };
    ops::running_statistics(context,
                            RunningStatistics<Context>{sums(running_mean), sums(running_var), sums(num_batches_tracked),
                                                       running_mean.value.view(), running_var.value.view(),
                                                       num_batches_tracked.value.view(), momentum});
  }

  template <class Visitor>
  void for_each_parameter(Visitor&& visit) {
    if (has_slope(kind)) visit("weight", weight);
    if (!dice()) return;
    visit("running_mean", running_mean);
    visit("running_var", running_var);
    visit("num_batches_tracked", num_batches_tracked);
  }
};

}  // namespace seqrec
