// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <type_traits>
#include <vector>

#include "seqrec/autograd/parameter_store.hpp"
#include "seqrec/core/errors.hpp"

namespace seqrec {

/// How gradients are checked. The defaults suit losses and weights of about one.
struct GradientCheckOptions {
  double step = 1e-5;         ///< to either side of a parameter element
  double tolerance = 1e-6;    ///< relative deviation from which an element is looked at more closely
  double floor = 1e-3;        ///< deviations are relative to at least this share of the largest gradient
  double most_kinks = 0.005;  ///< share of elements that may be excused as kinks
};

/// What a gradient check found; the check has passed where `worst` is small.
struct GradientCheck {
  double worst = 0;       ///< largest relative deviation, kinks excepted
  std::string parameter;  ///< where it is,
  index_t element = 0;    ///< counted row by row in the parameter
  double recorded = 0;    ///< the gradient there, by the tape
  double measured = 0;    ///< and by central differences
  index_t elements = 0;   ///< that were compared
  index_t kinks = 0;      ///< of them excused

  /// All of it in one line, for a failing test.
  std::string text() const {
    return concatenate("gradient check: worst relative deviation ", worst, " at ", parameter, "[", element, "], tape ",
                       recorded, ", central differences ", measured, "; ", elements, " elements, ", kinks, " kinks");
  }
};

namespace detail {

/// A derivative by differences, and how far two step sizes disagree about it.
struct MeasuredSlope {
  double slope;
  double disagreement;
};

/// @param loss_at loss at a distance from the present point
template <class LossAt>
MeasuredSlope measure_slope(double step, double loss_here, LossAt&& loss_at) {
  const double up = loss_at(step), down = loss_at(-step), near_up = loss_at(step / 2), near_down = loss_at(-step / 2);
  const double wide = (up - down) / (2 * step), narrow = (near_up - near_down) / step;
  // A kink right here looks the same to both central differences; what it adds to the second differences does not
  // shrink with the step as a curvature would.
  const double wide_bend = (up - 2 * loss_here + down) / step;
  const double narrow_bend = (near_up - 2 * loss_here + near_down) / (step / 2);
  return {narrow + (narrow - wide) / 3,  // Richardson: the step's square cancels
          std::max(std::abs(narrow - wide), std::abs(wide_bend - 2 * narrow_bend))};
}

}  // namespace detail

/// Compares gradients with central differences in double, element by element: the test of every backward pass. Dropout
/// may be on, because masks are a function of seed and step.
///
/// A ReLU whose input is within a step of zero has no derivative there, and no tolerance fits: 1 of 40 random models
/// differs by 2.5e-3 because of one such unit. So an element that deviates is measured with two step sizes. Where they
/// disagree by enough to explain the deviation it is a kink: counted, not compared. A wrong gradient on a smooth loss
/// cannot hide there, since both step sizes then agree on another value. Once more elements than `most_kinks` claim
/// this, none is excused.
///
/// @param parameters of the model; each is moved to and fro, and restored
/// @param gradients  (parameters.size()) as the tape left them for the present values
/// @param loss       the whole loss at the parameters' present values, as a double
/// @throws ShapeError unless there is a gradient for each element; ArgumentError for an option out of range
template <class Context, class Loss>
GradientCheck check_gradients(ParameterStore<Context>& parameters,
                              VectorView<const typename Context::Master, typename Context::Space> gradients,
                              Loss&& loss, const GradientCheckOptions& options = {}) {
  using Space = typename Context::Space;
  static_assert(std::is_same_v<typename Context::Master, double>,
                "seqrec: differences of float losses are mostly rounding; check gradients on a context of double");
  check_extent("check_gradients", "size of gradients", gradients.size(), parameters.size());
  check_argument(options.step > 0, "check_gradients step", options.step, "a positive number");
  check_argument(options.floor > 0, "check_gradients floor", options.floor, "a positive number");

  // A copy, because computing the loss may well overwrite what the tape left.
  std::vector<double> recorded(static_cast<std::size_t>(gradients.size()));
  Memory<Space>::copy_to_host(recorded.data(), gradients.data, recorded.size() * sizeof(double));
  double largest = 0;
  for (const double gradient : recorded) largest = std::max(largest, std::abs(gradient));
  const double floor = largest > 0 ? options.floor * largest : options.floor;

  GradientCheck found, kinks;
  const auto keep_worst = [](GradientCheck& of, const GradientCheck& candidate) {
    if (candidate.worst <= of.worst && !of.parameter.empty()) return;  // NaN is worst of all, and stays
    if (std::isnan(of.worst)) return;
    of.worst = candidate.worst;
    of.parameter = candidate.parameter;
    of.element = candidate.element;
    of.recorded = candidate.recorded;
    of.measured = candidate.measured;
  };
  const double loss_here = loss();
  for (const ParameterEntry& entry : parameters.entries()) {
    if (entry.role == ParameterRole::statistic) continue;  // holds sums where others hold derivatives
    if (entry.role == ParameterRole::composed) continue;   // the loss makes it up anew
    for (index_t i = 0; i < entry.size(); ++i) {
      const auto element = parameters.values(entry).row_range(i, 1);
      double value = 0;
      Memory<Space>::copy_to_host(&value, element.data, sizeof value);
      const auto place = [&](double moved) { Memory<Space>::copy_from_host(element.data, &moved, sizeof moved); };
      const detail::MeasuredSlope slope = detail::measure_slope(options.step, loss_here, [&](double distance) {
        place(value + distance);
        return static_cast<double>(loss());
      });
      place(value);
      ++found.elements;
      const double tape = recorded[static_cast<std::size_t>(entry.offset + i)];
      const double difference = std::abs(tape - slope.slope);
      const double deviation = difference / std::max({std::abs(tape), std::abs(slope.slope), floor});
      // Wherever in the step a kink lies, the deviation is at most 7/6 of the disagreement.
      const bool kink = deviation > options.tolerance && difference <= 2 * slope.disagreement;
      found.kinks += kink;
      keep_worst(kink ? kinks : found, {deviation, entry.name, i, tape, slope.slope, 0, 0});
    }
  }
  if (static_cast<double>(found.kinks) > options.most_kinks * static_cast<double>(found.elements))
    keep_worst(found, kinks);
  return found;
}

}  // namespace seqrec
