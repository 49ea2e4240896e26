// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/options.hpp"
#include "seqrec/core/types.hpp"

namespace seqrec {

/// What the learning rate is multiplied by in each step.
///
/// constant: 1. warm-up and cosine: (step + 1) / warm_up for the first warm_up steps, then half a cosine from 1 to
/// `floor` at `total` steps (Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5, without restarts), `floor` from there.
struct Schedule {
  /// A total that a Trainer replaces by the steps of its run.
  static constexpr index_t whole_run = -1;

  index_t warm_up = 0;
  index_t total = 0;  ///< 0 keeps the rate after the warm-up; or whole_run
  double floor = 0;

  static constexpr Schedule constant() { return {}; }
  static constexpr Schedule warm_up_cosine(index_t warm_up_steps, index_t total_steps, double floor = 0) {
    return {warm_up_steps, total_steps, floor};
  }

  /// The same with a total that is a number.
  /// @throws ArgumentError when the run is not longer than the warm-up
  Schedule of_run(index_t steps) const {
    Schedule schedule = *this;
    if (total == whole_run) schedule.total = steps;
    schedule.check();
    return schedule;
  }

  /// @param step counted from 0
  double factor(index_t step) const {
    if (step < warm_up) return static_cast<double>(step + 1) / static_cast<double>(warm_up);
    if (total == 0) return 1;
    if (step >= total) return floor;
    const double part = static_cast<double>(step - warm_up) / static_cast<double>(total - warm_up);
    return floor + (1 - floor) * 0.5 * (1 + std::cos(std::numbers::pi * part));
  }

  /// @throws ArgumentError when an option is out of range
  void check() const {
    check_options("schedule", *this);
    check_argument(total == whole_run || total == 0 || total > warm_up, "schedule total", total,
                   "0, or more steps than the warm-up");
  }

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("warm_up", warm_up, at_least(0), "steps in which the learning rate grows from 0");
    visit("total", total, at_least(whole_run), "steps of warm-up and cosine; 0 is a constant rate, -1 the whole run");
    visit("floor", floor, fraction(), "share of the learning rate that is left in the end");
  }
};

}  // namespace seqrec
