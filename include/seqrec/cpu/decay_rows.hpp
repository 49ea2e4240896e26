// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/ops/decay_rows.hpp"

namespace seqrec::cpu {

template <class S, int W>
void decay_rows(BasicContext<S, W>&, const DecayRows<BasicContext<S, W>>& a) {
  for (index_t v = 0; v < a.table.rows(); ++v) {
    auto gradient = row_array(a.gradient, v);
    if ((gradient != S(0)).any()) gradient += a.shares(v) * row_array(a.table, v);
  }
}

}  // namespace seqrec::cpu
