// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/options.hpp"

namespace seqrec {

/// How a team of contexts shares one step.
struct TeamOptions {
  int threads = 0;
  int slots = 8;  ///< results depend on it (to rounding): saved with a run

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("threads", threads, in_range(0, 4096), "workers; 0 is one for each core; results do not depend on it",
          OptionEffect::none);
    visit("slots", slots, in_range(1, 4096), "contexts over which shards are dealt");
  }
};

}  // namespace seqrec
