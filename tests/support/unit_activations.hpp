// SPDX-License-Identifier: Apache-2.0
// What activations of hidden layers are, written out for one number at a time.
#pragma once

#include <algorithm>
#include <cmath>
#include <initializer_list>

#include "seqrec/ops/unit_activation.hpp"
#include "support/tensors.hpp"

namespace seqrec_test {

inline constexpr std::initializer_list<seqrec::Activation> all_activations = {
    seqrec::Activation::none, seqrec::Activation::relu,  seqrec::Activation::sigmoid,
    seqrec::Activation::tanh, seqrec::Activation::prelu, seqrec::Activation::dice};

inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// An activation of H units on the host; each matrix is (1, H), and there is each whatever the kind.
struct HostActivation {
  seqrec::Activation kind = seqrec::Activation::relu;
  Matrix alpha, mean, variance;
  double epsilon = 1e-8;

  double probability(double x, index_t unit) const {
    return sigmoid((x - mean(unit)) / std::sqrt(variance(unit) + epsilon));
  }
  double value(double x, index_t unit) const {
    switch (kind) {
      case seqrec::Activation::none:
        return x;
      case seqrec::Activation::relu:
        return std::max(x, 0.0);
      case seqrec::Activation::tanh:
        return std::tanh(x);
      case seqrec::Activation::sigmoid:
        return sigmoid(x);
      case seqrec::Activation::prelu:
        return x > 0 ? x : alpha(unit) * x;
      case seqrec::Activation::dice:
        break;
    }
    const double p = probability(x, unit);
    return p * x + (1 - p) * alpha(unit) * x;
  }
  /// d value / d x.
  double slope(double x, index_t unit) const {
    switch (kind) {
      case seqrec::Activation::none:
        return 1;
      case seqrec::Activation::relu:
        return x > 0 ? 1 : 0;
      case seqrec::Activation::tanh:
        return 1 - value(x, unit) * value(x, unit);
      case seqrec::Activation::sigmoid:
        return value(x, unit) * (1 - value(x, unit));
      case seqrec::Activation::prelu:
        return x > 0 ? 1 : alpha(unit);
      case seqrec::Activation::dice:
        break;
    }
    const double p = probability(x, unit), dp = p * (1 - p) / std::sqrt(variance(unit) + epsilon);
    return p + (1 - p) * alpha(unit) + dp * (1 - alpha(unit)) * x;
  }
  /// d value / d alpha.
  double slope_of_alpha(double x, index_t unit) const {
    if (kind == seqrec::Activation::prelu) return std::min(x, 0.0);
    return kind == seqrec::Activation::dice ? (1 - probability(x, unit)) * x : 0;
  }
};

inline HostActivation random_activation(seqrec::Activation kind, index_t units, std::uint64_t seed) {
  HostActivation f{kind, random_matrix(1, units, seed, 0.3, 0.25), random_matrix(1, units, seed + 1, 0.5),
                   random_matrix(1, units, seed + 2)};
  for (double& variance : f.variance.values) variance = std::abs(variance) + 0.25;
  return f;
}

/// Gradients and sums that an activation's backward pass adds to, each (1, H) but `rows`, which is (1, 1).
struct ActivationSums {
  Matrix dalpha, sum, squares, rows;

  explicit ActivationSums(index_t units = 0, double fill = 0)
      : dalpha(1, units, fill), sum(1, units, fill), squares(1, units, fill), rows(1, 1, fill) {}

  /// What one element at `x` with gradient `dy` adds; the row is counted once, with its first unit.
  void add(const HostActivation& f, double x, double dy, index_t unit) {
    dalpha(unit) += dy * f.slope_of_alpha(x, unit);
    if (f.kind != seqrec::Activation::dice) return;
    const double deviation = x - f.mean(unit);
    sum(unit) += deviation;
    squares(unit) += deviation * deviation;
    if (unit == 0) rows(0) += 1;
  }
};

/// PyTorch's sums of x and of x^2 over so many rows, as they are about the mean.
inline void centre(ActivationSums& sums, const HostActivation& f) {
  for (seqrec::index_t h = 0; h < sums.sum.columns; ++h) {
    const double mean = f.mean(h), sum = sums.sum(h);
    sums.sum(h) = sum - sums.rows(0) * mean;
    sums.squares(h) += sums.rows(0) * mean * mean - 2 * mean * sum;
  }
}

/// An activation with its sums in the memory of a context.
template <class Context>
class PlacedActivation {
 public:
  PlacedActivation(const HostActivation& f, const ActivationSums& before, Layout layout)
      : kind_(f.kind),
        epsilon_(f.epsilon),
        alpha_(f.alpha, layout),
        mean_(f.mean, layout),
        variance_(f.variance, layout),
        dalpha_(before.dalpha, layout),
        sum_(before.sum, layout),
        squares_(before.squares, layout),
        rows_(before.rows, layout) {}

  /// With what its kind needs, and no more.
  seqrec::UnitActivation<Context> view(bool with_sums = true) {
    seqrec::UnitActivation<Context> f;
    f.kind = kind_;
    f.epsilon = epsilon_;
    if (!seqrec::has_slope(kind_)) return f;
    f.alpha = alpha_.vector();
    if (with_sums) f.dalpha = dalpha_.vector();
    if (kind_ != seqrec::Activation::dice) return f;
    f.mean = mean_.vector();
    f.variance = variance_.vector();
    if (!with_sums) return f;
    f.sum = sum_.vector();
    f.squares = squares_.vector();
    f.rows = rows_.vector();
    return f;
  }
  ActivationSums read() const {
    ActivationSums sums;
    sums.dalpha = dalpha_.read();
    sums.sum = sum_.read();
    sums.squares = squares_.read();
    sums.rows = rows_.read();
    return sums;
  }

 private:
  seqrec::Activation kind_;
  double epsilon_;
  PlacedScalars<Context> alpha_, mean_, variance_;
  PlacedMasters<Context> dalpha_, sum_, squares_, rows_;
};

}  // namespace seqrec_test
