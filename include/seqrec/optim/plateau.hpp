// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <limits>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"

namespace seqrec {

/// Lowers the learning rate when a score that should grow no longer does: PyTorch's ReduceLROnPlateau with mode "max"
/// and a relative threshold. It multiplies with a Schedule.
struct ReduceOnPlateau {
  double factor = 1;        ///< (0, 1] of the rate that is kept; 1 never reduces
  index_t patience = 10;    ///< scores in a row that may fail to be better; at least 0
  double threshold = 1e-4;  ///< >= 0; better is above best (1 + threshold)
  double min_rate = 0;      ///< >= 0, where reducing ends

  /// @throws ArgumentError when an option is out of range
  void check() const {
    check_argument(factor > 0 && factor <= 1, "plateau factor", factor, "a value in (0, 1]");
    check_argument(patience >= 0, "plateau patience", patience, "at least 0");
    check_argument(threshold >= 0, "plateau threshold", threshold, "at least 0");
    check_argument(min_rate >= 0, "plateau min_rate", min_rate, "at least 0");
  }

  template <class Visitor>
  void for_each_option(Visitor&& visit) {
    visit("factor", factor);
    visit("patience", patience);
    visit("threshold", threshold);
    visit("min_rate", min_rate);
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
