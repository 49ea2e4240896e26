// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "seqrec/core/random.hpp"
#include "seqrec/core/types.hpp"

namespace seqrec {

/// How a parameter begins. Values are drawn in double on the host, so that every backend starts from the same numbers.
struct Initialiser {
  enum class Kind { constant, normal, uniform, xavier_normal, xavier_uniform, ramp };

  Kind kind = Kind::constant;
  double scale = 0;  ///< the constant, the standard deviation, half the range, the gain, or the step

  static constexpr Initialiser constant(double value) { return {Kind::constant, value}; }
  /// N(0, deviation^2).
  static constexpr Initialiser normal(double deviation) { return {Kind::normal, deviation}; }
  /// U(-limit, limit).
  static constexpr Initialiser uniform(double limit) { return {Kind::uniform, limit}; }
  /// N(0, 2 gain^2 / (fan_in + fan_out)) (Glorot & Bengio 2010), fans as PyTorch counts them: columns and rows.
  static constexpr Initialiser xavier_normal(double gain = 1) { return {Kind::xavier_normal, gain}; }
  /// U(-a, a), a = gain sqrt(6 / (fan_in + fan_out)).
  static constexpr Initialiser xavier_uniform(double gain = 1) { return {Kind::xavier_uniform, gain}; }
  /// 0, step, 2 step, ... along a vector, or along each row of a matrix.
  static constexpr Initialiser ramp(double step) { return {Kind::ramp, step}; }

  /// The same for parameters in which several of this shape lie one below the other.
  Initialiser of_shape(index_t rows, index_t columns) const {
    const auto fans = static_cast<double>(rows + columns);
    if (kind == Kind::xavier_normal) return normal(scale * std::sqrt(2.0 / fans));
    if (kind == Kind::xavier_uniform) return uniform(scale * std::sqrt(6.0 / fans));
    return *this;
  }

  /// The next value of a (rows, columns) parameter, a vector's columns being 1; `place` is its place in the
  /// vector or in the matrix's row.
  double draw(RandomStream& random, index_t rows, index_t columns, index_t place) const {
    const auto fans = static_cast<double>(rows + columns);
    switch (kind) {
      case Kind::normal:
        return scale * random.normal();
      case Kind::uniform:
        return scale * (2 * random.uniform() - 1);
      case Kind::xavier_normal:
        return scale * std::sqrt(2.0 / fans) * random.normal();
      case Kind::xavier_uniform:
        return scale * std::sqrt(6.0 / fans) * (2 * random.uniform() - 1);
      case Kind::ramp:
        return scale * static_cast<double>(place);
      case Kind::constant:
        break;
    }
    return scale;
  }
};

/// Whether a model's constructor draws its initial weights, leaves zeros because they are about to be overwritten, or
/// takes no memory yet: names and shapes can be compared with a file first.
enum class InitialValues { drawn, zero, none };

}  // namespace seqrec
