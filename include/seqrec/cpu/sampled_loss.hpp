// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/ops/sampled_loss.hpp"

namespace seqrec::cpu {

template <class S, int W, class RowLoss>
void sampled_loss(BasicContext<S, W>&, const SampledLoss<BasicContext<S, W>, RowLoss>& a) {
  const index_t samples = a.items.columns();
  for (index_t i = 0; i < a.states.rows(); ++i) {
    const auto state = row_array(a.states, i);
    S* scores = a.coefficients.data + i * samples;
    for (index_t j = 0; j < samples; ++j) scores[j] = (state * row_array(a.table, a.items(i, j))).sum();
    if constexpr (CorrectsSampling<RowLoss>) {
      const double correction = a.log_probability ? a.row_loss.sampling_correction() : 0.0;
      if (correction != 0)
        for (index_t j = 0; j < samples; ++j)
          scores[j] -= static_cast<S>(correction * static_cast<double>(a.log_probability(a.items(i, j))));
    }
    a.losses(i) = a.scale * a.row_loss(scores, samples);
    for (index_t j = 0; j < samples; ++j) scores[j] = static_cast<S>(a.scale * static_cast<double>(scores[j]));
    if (!a.dstates) continue;
    auto dstate = row_array(a.dstates, i);
    dstate = scores[0] * row_array(a.table, a.items(i, 0));
    for (index_t j = 1; j < samples; ++j) dstate += scores[j] * row_array(a.table, a.items(i, j));
  }
}

}  // namespace seqrec::cpu
