// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/options.hpp"
#include "seqrec/core/types.hpp"

namespace seqrec {

/// Stochastic gradient descent, with momentum (Polyak 1964) or Nesterov's (Sutskever et al. 2013), in PyTorch's
/// arrangement: velocity = momentum velocity + gradient, and the learning rate multiplies the velocity.
struct Sgd {
  static constexpr const char* name = "SGD";

  double momentum = 0;
  bool nesterov = false;
  double weight_decay = 0;

  /// The update without momentum; see ops/optimizer_step.hpp.
  struct Plain {
    static constexpr int states = 0;
    double weight_decay;

    /// That of one step.
    struct Rule {
      double learning_rate, weight_decay;

      SEQREC_HOST_TYPES_TOO
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

    /// That of one step.
    struct Rule {
      double learning_rate, weight_decay, momentum;
      bool nesterov;

      SEQREC_HOST_TYPES_TOO
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

  double initial_state(int) const { return 0; }

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
    check_options(name, *this);
    check_argument(!nesterov || momentum > 0, "SGD momentum", momentum, "a positive value with nesterov");
  }

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("momentum", momentum, below_one(), "decay of the velocity; 0 keeps none");
    visit("nesterov", nesterov, any(), "looks ahead along the velocity; needs momentum");
    visit("weight_decay", weight_decay, at_least(0), "added to the gradient (L2), not decoupled");
  }
};

}  // namespace seqrec
