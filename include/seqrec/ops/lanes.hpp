// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <concepts>
#include <limits>

#include "seqrec/core/types.hpp"

namespace seqrec {

/// A loss of one number, and its derivative.
template <class Lanes>
struct LossAndSlope {
  Lanes loss, slope;
};

}  // namespace seqrec

// Arithmetic that is written once and runs on any number of numbers at a time. A *lane type* is a floating-point
// number, which is what a GPU's thread works on, or a backend's pack of them (cpu/lanes.hpp). It has + - * / and unary
// minus, static_cast from a double fills all lanes, and has the functions below; there are no branches on its
// values. Code over lanes says `using namespace lanes;` and calls these without a qualifier, so that packs bring their
// own.

namespace seqrec::lanes {

/// The lowest number that is finite: a constant, because std::numeric_limits has host functions to nvcc.
template <std::floating_point Real>
inline constexpr Real lowest_number = std::numeric_limits<Real>::lowest();

/// exp(x); 0 where that lies below the smallest normal number.
template <std::floating_point Real>
SEQREC_HOST_DEVICE Real exp(Real x) {
  return std::exp(x);
}
/// log(1 + x), exact to rounding for small x too.
template <std::floating_point Real>
SEQREC_HOST_DEVICE Real log1p(Real x) {
  return std::log1p(x);
}
template <std::floating_point Real>
SEQREC_HOST_DEVICE Real abs(Real x) {
  return std::fabs(x);
}
/// The larger of both; a where either is not a number.
template <std::floating_point Real>
SEQREC_HOST_DEVICE Real max(Real a, Real b) {
  return b > a ? b : a;
}
/// x < y ? yes : no, in each lane.
template <std::floating_point Real>
SEQREC_HOST_DEVICE Real where_less(Real x, Real y, Real yes, Real no) {
  return x < y ? yes : no;
}

/// A sum in double of each lane's numbers.
template <class Lanes>
class Sum {
 public:
  using Scalar = Lanes;

  SEQREC_HOST_DEVICE void add(Lanes x) { sum_ += static_cast<double>(x); }
  /// Rounded to the element type.
  SEQREC_HOST_DEVICE Lanes rounded() const { return static_cast<Lanes>(sum_); }
  SEQREC_HOST_DEVICE double operator[](index_t) const { return sum_; }

 private:
  double sum_ = 0;
};

/// `value`, or 0 in the lanes whose score is minus infinity: what is left out of a row has such a score. What is not a
/// number stays, to be seen.
template <class Lanes>
SEQREC_HOST_DEVICE Lanes unless_left_out(Lanes score, Lanes value) {
  // Below every number of the element type lies minus infinity alone.
  const Lanes lowest(static_cast<double>(lowest_number<typename Sum<Lanes>::Scalar>)), zero(0.0);
  return where_less(score, lowest, zero, value);
}

/// softplus(x) = log(1 + exp(x)) and its derivative, the logistic function, in each lane.
template <class Lanes>
struct Softplus {
  Lanes curve;  ///< log(1 + exp(-|x|)): what the value has above max(x, 0)
  Lanes value, slope;
  Lanes complement;  ///< 1 - slope, exact to rounding

  SEQREC_HOST_DEVICE explicit Softplus(Lanes x) : Softplus(x, exp(-abs(x))) {}

 private:
  /// @param tail exp(-|x|), in [0, 1]: nothing overflows
  SEQREC_HOST_DEVICE Softplus(Lanes x, Lanes tail)
      : curve(log1p(tail)),
        value(max(x, Lanes(0.0)) + curve),
        slope(where_less(x, Lanes(0.0), tail, Lanes(1.0)) / (Lanes(1.0) + tail)),
        complement(where_less(x, Lanes(0.0), Lanes(1.0), tail) / (Lanes(1.0) + tail)) {}
};

}  // namespace seqrec::lanes
