// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "seqrec/core/errors.hpp"

namespace seqrec {

/// Stochastic gradient descent, with momentum (Polyak 1964) or Nesterov's (Sutskever et al. 2013), in PyTorch's
/// arrangement: velocity = momentum velocity + gradient, and the learning rate multiplies the velocity.
struct Sgd {
  static constexpr const char* name = "SGD";

  double momentum = 0;      ///< [0, 1) decay of the velocity; 0 keeps none
  bool nesterov = false;    ///< looks ahead along the velocity; needs momentum
  double weight_decay = 0;  ///< >= 0, added to the gradient (L2), not decoupled

  /// The update of one element without momentum; see ops/optimizer_step.hpp.
  struct Rule {
    static constexpr int states = 0;
    double learning_rate, weight_decay;

    template <class Scalar, class Real>
    Real operator()(const Real& value, const Real& gradient) const {
      return value - static_cast<Scalar>(learning_rate) * (gradient + static_cast<Scalar>(weight_decay) * value);
    }
  };

  /// The same with momentum.
  struct MomentumRule {
    static constexpr int states = 1;
    double learning_rate, weight_decay, momentum;
    bool nesterov;

    template <class Scalar, class Real>
    Real operator()(const Real& value, const Real& gradient, Real& velocity) const {
      const Real slope = gradient + static_cast<Scalar>(weight_decay) * value;
      velocity = static_cast<Scalar>(momentum) * velocity + slope;
      Real direction = velocity;
      if (nesterov) direction = slope + static_cast<Scalar>(momentum) * velocity;
      return value - static_cast<Scalar>(learning_rate) * direction;
    }
  };

  int states() const { return momentum == 0 ? Rule::states : MomentumRule::states; }  ///< moments of an element
  double initial_state() const { return 0; }

  /// Calls work(rule) with the rule of step 1, 2, ...
  template <class Work>
  void with_rule(double learning_rate, std::uint64_t, Work&& work) const {
    if (momentum == 0)
      work(Rule{learning_rate, weight_decay});
    else
      work(MomentumRule{learning_rate, weight_decay, momentum, nesterov});
  }

  /// @throws ArgumentError when an option is out of range
  void check() const {
    check_argument(momentum >= 0 && momentum < 1, "SGD momentum", momentum, "a value in [0, 1)");
    check_argument(!nesterov || momentum > 0, "SGD momentum", momentum, "a positive value with nesterov");
    check_argument(weight_decay >= 0, "SGD weight_decay", weight_decay, "at least 0");
  }

  template <class Visitor>
  void for_each_option(Visitor&& visit) {
    visit("momentum", momentum);
    visit("nesterov", nesterov);
    visit("weight_decay", weight_decay);
  }
};

}  // namespace seqrec
