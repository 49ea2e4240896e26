// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>

#include "seqrec/core/options.hpp"

namespace seqrec {

/// Adam (Kingma & Ba 2015, arXiv:1412.6980, algorithm 1), in PyTorch's arrangement; with `weight_decay` AdamW
/// (Loshchilov & Hutter 2019, arXiv:1711.05101): weights shrink by learning_rate weight_decay before each step.
struct Adam {
  static constexpr const char* name = "Adam";

  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;

  static constexpr int states = 2;  ///< moments of an element

  /// The update of one element in one step; see ops/optimizer_step.hpp.
  struct Rule {
    double beta1, beta2, epsilon, step_size, inverse_root, keep;

    /// @tparam Scalar the element type   @tparam Real a Scalar, or a short array of them
    SEQREC_HOST_TYPES_TOO
    template <class Scalar, class Real>
    SEQREC_HOST_DEVICE Real operator()(const Real& value, const Real& gradient, Real& mean, Real& square) const {
      using std::sqrt;
      mean = static_cast<Scalar>(beta1) * mean + static_cast<Scalar>(1 - beta1) * gradient;
      square = static_cast<Scalar>(beta2) * square + static_cast<Scalar>(1 - beta2) * gradient * gradient;
      return static_cast<Scalar>(keep) * value -
             static_cast<Scalar>(step_size) * mean /
                 (sqrt(square) * static_cast<Scalar>(inverse_root) + static_cast<Scalar>(epsilon));
    }
  };

  /// The rule of step 1, 2, ...
  SEQREC_HOST_DEVICE Rule rule(double learning_rate, std::uint64_t step) const {
    using std::pow, std::sqrt;
    const auto t = static_cast<double>(step);
    return {beta1,
            beta2,
            epsilon,
            learning_rate / (1 - pow(beta1, t)),
            1 / sqrt(1 - pow(beta2, t)),
            1 - learning_rate * weight_decay};
  }

  double initial_state(int) const { return 0; }

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
    visit("beta1", beta1, below_one(), "decay of the mean of gradients");
    visit("beta2", beta2, below_one(), "decay of the mean of squares");
    visit("epsilon", epsilon, positive(), "added to the root of the mean of squares");
    visit("weight_decay", weight_decay, at_least(0), "decoupled (AdamW)");
  }
};

/// Adam with PyTorch's default for decoupled weight decay.
inline Adam AdamW(double weight_decay = 0.01) { return {.weight_decay = weight_decay}; }

}  // namespace seqrec
