// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>

#include "seqrec/core/options.hpp"

namespace seqrec {

/// Adagrad (Duchi et al. 2011, "Adaptive subgradient methods for online learning and stochastic optimization"), in
/// PyTorch's arrangement.
struct Adagrad {
  static constexpr const char* name = "Adagrad";

  double learning_rate_decay = 0;
  double initial_accumulator = 0;
  double epsilon = 1e-10;
  double weight_decay = 0;

  static constexpr int states = 1;  ///< moments of an element

  /// The update of one element in one step; see ops/optimizer_step.hpp.
  struct Rule {
    double step_size, epsilon, weight_decay;

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
    return {learning_rate / (1 + static_cast<double>(step - 1) * learning_rate_decay), epsilon, weight_decay};
  }

  double initial_state() const { return initial_accumulator; }

  /// Calls work(update) with what an optimizer_step runs.
  template <class Work>
  void with_update(Work&& work) const {
    work(*this);
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
  }
};

}  // namespace seqrec
