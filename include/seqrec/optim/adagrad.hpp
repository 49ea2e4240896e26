// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>

#include "seqrec/core/options.hpp"

namespace seqrec {

/// Adagrad (Duchi et al. 2011, "Adaptive subgradient methods for online learning and stochastic optimization"), in
/// PyTorch's arrangement; with `momentum` (GRU4Rec, Hidasi et al. 2016, section 4) a velocity gathers its steps:
/// velocity = momentum velocity + step, and the value moves by the velocity.
struct Adagrad {
  static constexpr const char* name = "Adagrad";

  double learning_rate_decay = 0;
  double initial_accumulator = 0;
  double epsilon = 1e-10;
  double weight_decay = 0;
  double momentum = 0;

  static constexpr int states = 1;  ///< moments of an element, without momentum

  /// The update of one element in one step; see ops/optimizer_step.hpp.
  struct Rule {
    double step_size, epsilon, weight_decay;

    SEQREC_HOST_TYPES_TOO
    template <class Scalar, class Real>
    SEQREC_HOST_DEVICE Real operator()(const Real& value, const Real& gradient, Real& squares) const {
      using std::sqrt;
      const Real slope = gradient + static_cast<Scalar>(weight_decay) * value;
      squares = squares + slope * slope;
      return value - static_cast<Scalar>(step_size) * slope / (sqrt(squares) + static_cast<Scalar>(epsilon));
    }
  };

  /// The rule of step 1, 2, ...
  SEQREC_HOST_DEVICE Rule rule(double learning_rate, std::uint64_t step) const {
    return {step_size(learning_rate, step, learning_rate_decay), epsilon, weight_decay};
  }

  /// The update with momentum.
  struct WithMomentum {
    static constexpr int states = 2;
    double learning_rate_decay, epsilon, weight_decay, momentum;

    /// That of one step.
    struct Rule {
      double step_size, epsilon, weight_decay, momentum;

      SEQREC_HOST_TYPES_TOO
      template <class Scalar, class Real>
      SEQREC_HOST_DEVICE Real operator()(const Real& value, const Real& gradient, Real& squares, Real& velocity) const {
        using std::sqrt;
        const Real slope = gradient + static_cast<Scalar>(weight_decay) * value;
        squares = squares + slope * slope;
        velocity = static_cast<Scalar>(momentum) * velocity +
                   static_cast<Scalar>(step_size) * slope / (sqrt(squares) + static_cast<Scalar>(epsilon));
        return value - velocity;
      }
    };
    SEQREC_HOST_DEVICE Rule rule(double learning_rate, std::uint64_t step) const {
      return {step_size(learning_rate, step, learning_rate_decay), epsilon, weight_decay, momentum};
    }
  };

  /// @param state 0 are the sums of squares, 1 the velocity
  double initial_state(int state) const { return state == 0 ? initial_accumulator : 0; }

  /// Calls work(update) with what an optimizer_step runs.
  template <class Work>
  void with_update(Work&& work) const {
    if (momentum == 0)
      work(*this);
    else
      work(WithMomentum{learning_rate_decay, epsilon, weight_decay, momentum});
  }

  /// @throws ArgumentError when an option is out of range
  void check() const { check_options(name, *this); }

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("learning_rate_decay", learning_rate_decay, at_least(0), "step t moves by rate / (1 + (t - 1) decay)");
    visit("initial_accumulator", initial_accumulator, at_least(0), "where each sum of squares begins");
    visit("epsilon", epsilon, positive(), "added to the root of the sum of squares");
    visit("weight_decay", weight_decay, at_least(0), "added to the gradient (L2), not decoupled");
    visit("momentum", momentum, below_one(), "decay of the velocity; 0 keeps none");
  }

 private:
  SEQREC_HOST_DEVICE static double step_size(double learning_rate, std::uint64_t step, double decay) {
    return learning_rate / (1 + static_cast<double>(step - 1) * decay);
  }
};

}  // namespace seqrec
