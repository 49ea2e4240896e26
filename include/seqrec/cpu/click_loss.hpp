// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>

#include "seqrec/cpu/context.hpp"
#include "seqrec/ops/click_loss.hpp"

namespace seqrec::cpu {

template <class S, int W>
void click_loss(BasicContext<S, W>&, const ClickLoss<BasicContext<S, W>>& a) {
  for (index_t c = 0; c < a.scores.rows(); ++c) {
    const double score = a.scores(c, 0), label = a.labels(c);
    const double tail = std::exp(-std::abs(score));  // in (0, 1]: neither overflows
    a.losses(c) = a.scale * (std::max(score, 0.0) + std::log1p(tail) - label * score);
    if (!a.dscores) continue;
    const double probability = score >= 0 ? 1.0 / (1.0 + tail) : tail / (1.0 + tail);
    a.dscores(c, 0) = static_cast<S>(a.scale * (probability - label));
  }
}

}  // namespace seqrec::cpu
