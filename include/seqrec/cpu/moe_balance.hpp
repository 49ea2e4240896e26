// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/cpu/context.hpp"
#include "seqrec/ops/moe_balance.hpp"

namespace seqrec::cpu {

template <class S, int W>
void moe_balance(BasicContext<S, W>&, const MoeBalance<BasicContext<S, W>>& a) {
  if (a.outcome && !a.outcome(0).is_good()) return;
  const index_t experts = a.loads.size();
  double all = 0;
  for (index_t e = 0; e < experts; ++e) all += static_cast<double>(a.loads(e));
  if (all == 0) return;
  const auto steps = static_cast<index_t>(a.tracked(0));
  if (a.recent.rows() > 0)
    for (index_t e = 0; e < experts; ++e) a.recent(steps % a.recent.rows(), e) = a.loads(e);
  a.tracked(0) += S(1);
  if (!a.bias) return;
  const double step = steps < a.first_steps ? a.first_step : a.step;
  for (index_t e = 0; e < experts; ++e) {
    // Counts are whole numbers, so an even load is told exactly.
    const double error = all - static_cast<double>(experts) * static_cast<double>(a.loads(e));
    a.bias(e) += static_cast<S>(error > 0 ? step : error < 0 ? -step : 0);
  }
}

}  // namespace seqrec::cpu
