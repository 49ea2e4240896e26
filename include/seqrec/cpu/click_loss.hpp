// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>

#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/lanes.hpp"
#include "seqrec/ops/click_loss.hpp"

namespace seqrec::cpu {

template <class S, int W>
void click_loss(BasicContext<S, W>&, const ClickLoss<BasicContext<S, W>>& a) {
  using Pack = Lanes<S, W>;
  const Pack factor(a.scale);
  const double log_items = a.items ? std::log(static_cast<double>(a.log_probability.size())) : 0;
  for (index_t first = 0; first < a.scores.rows(); first += Pack::count) {
    const index_t here = std::min(Pack::count, a.scores.rows() - first);
    S scores[Pack::count] = {}, labels[Pack::count] = {};
    for (index_t lane = 0; lane < here; ++lane) {
      scores[lane] = a.scores(first + lane, 0);
      if (a.items)
        scores[lane] -= static_cast<S>(log_items + static_cast<double>(a.log_probability(a.items(first + lane))));
      labels[lane] = static_cast<S>(a.labels(first + lane));
    }
    const LossAndSlope<Pack> of = loss_of_click(Pack::load(scores), Pack::load(labels));
    of.loss.store(scores);
    for (index_t lane = 0; lane < here; ++lane) a.losses(first + lane) = a.scale * static_cast<double>(scores[lane]);
    if (!a.dscores) continue;
    (factor * of.slope).store(scores);
    for (index_t lane = 0; lane < here; ++lane) a.dscores(first + lane, 0) = scores[lane];
  }
}

}  // namespace seqrec::cpu
