// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <limits>

#include "seqrec/core/options.hpp"
#include "seqrec/core/types.hpp"

namespace seqrec {

/// Lowers the learning rate when a score that should grow no longer does: PyTorch's ReduceLROnPlateau with mode "max"
/// and a relative threshold. It multiplies with a Schedule.
struct ReduceOnPlateau {
  double factor = 1;
  index_t patience = 10;
  double threshold = 1e-4;
  double min_rate = 0;

  /// @throws ArgumentError when an option is out of range
  void check() const { check_options("plateau", *this); }

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("factor", factor, share(), "of the learning rate that is kept; 1 never reduces");
    visit("patience", patience, at_least(0), "validations in a row that may fail to be better before it is reduced");
    visit("threshold", threshold, at_least(0), "better is above best (1 + threshold)");
    visit("min_rate", min_rate, at_least(0), "where reducing ends");
  }
};

/// The learning rate of a run under ReduceOnPlateau.
struct PlateauRate {
  double rate;  ///< now
  double best = -std::numeric_limits<double>::infinity();
  index_t not_better = 0;  ///< scores since the best one, or since the last reduction

  /// Takes the next score into account.
  void offer(double score, const ReduceOnPlateau& options) {
    if (score > best * (1 + options.threshold)) {
      best = score;
      not_better = 0;
    } else if (++not_better > options.patience) {
      constexpr double negligible = 1e-8;  // PyTorch's eps: smaller changes are not made
      const double reduced = std::max(rate * options.factor, options.min_rate);
      if (rate - reduced > negligible) rate = reduced;
      not_better = 0;
    }
  }
};

}  // namespace seqrec
