// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "seqrec/cpu/context.hpp"
#include "seqrec/ops/running_statistics.hpp"

namespace seqrec::cpu {

template <class S, int W>
void running_statistics(BasicContext<S, W>&, const RunningStatistics<BasicContext<S, W>>& a) {
  if (a.outcome && !a.outcome(0).is_good()) return;
  const auto rows = static_cast<double>(a.rows(0));
  if (rows == 0) return;
  const double step = std::max(a.momentum, 1 / (1 + static_cast<double>(a.tracked(0))));
  for (index_t h = 0; h < a.mean.size(); ++h) {
    const double deviation = static_cast<double>(a.sum(h)) / rows;
    const double variance = std::max(0.0, static_cast<double>(a.squares(h)) / rows - deviation * deviation);
    a.mean(h) += static_cast<S>(step * deviation);
    a.variance(h) += static_cast<S>(step * (variance - static_cast<double>(a.variance(h))));
  }
  a.tracked(0) += S(1);
}

}  // namespace seqrec::cpu
