// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"

namespace seqrec {

/// Stochastic gradient descent, with momentum (Polyak 1964) or Nesterov's (Sutskever et al. 2013), in PyTorch's
/// arrangement: velocity = momentum velocity + gradient, and the learning rate multiplies the velocity.
struct Sgd {
  static constexpr const char* name = "SGD";

  double momentum = 0;      ///< [0, 1) decay of the velocity; 0 keeps none
  bool nesterov = false;    ///< looks ahead along the velocity; needs momentum
  double weight_decay = 0;  ///< >= 0, added to the gradient (L2), not decoupled

  /// The update without momentum; see ops/optimizer_step.hpp.
  struct Plain {
    static constexpr int states = 0;
    double weight_decay;

    struct Rule {
      double learning_rate, weight_decay;

      template <class Scalar, class Real>
      SEQREC_HOST_DEVICE Real operator()(const Real& value, const Real& gradient) const {
        return value - static_cast<Scalar>(learning_rate) * (gradient + static_cast<Scalar>(weight_decay) * value);
      }
    };
    SEQREC_HOST_DEVICE Rule rule(double learning_rate, std::uint64_t) const { return {learning_rate, weight_decay}; }
  };

  /// The update with momentum.
  struct WithMomentum {
    static constexpr int states = 1;
    double weight_decay, momentum;
    bool nesterov;

    struct Rule {
      double learning_rate, weight_decay, momentum;
      bool nesterov;

      template <class Scalar, class Real>
      SEQREC_HOST_DEVICE Real operator()(const Real& value, const Real& gradient, Real& velocity) const {
        const Real slope = gradient + static_cast<Scalar>(weight_decay) * value;
        velocity = static_cast<Scalar>(momentum) * velocity + slope;
        Real direction = velocity;
        if (nesterov) direction = slope + static_cast<Scalar>(momentum) * velocity;
        return value - static_cast<Scalar>(learning_rate) * direction;
      }
    };
    SEQREC_HOST_DEVICE Rule rule(double learning_rate, std::uint64_t) const {
      return {learning_rate, weight_decay, momentum, nesterov};
    }
  };

  double initial_state() const { return 0; }

  /// Calls work(update) with what an optimizer_step runs.
  template <class Work>
  void with_update(Work&& work) const {
    if (momentum == 0)
      work(Plain{weight_decay});
    else
      work(WithMomentum{weight_decay, momentum, nesterov});
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
