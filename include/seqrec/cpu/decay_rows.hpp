// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/ops/decay_rows.hpp"

namespace seqrec::cpu {

template <class S, int W>
void decay_rows(BasicContext<S, W>&, const DecayRows<BasicContext<S, W>>& a) {
  for (index_t i = 0; i < a.gradient.rows(); ++i) {
    const index_t row = a.rows ? a.rows(i) : i;
    auto gradient = row_array(a.gradient, i);
    if ((gradient != S(0)).any()) gradient += a.shares(row) * row_array(a.table, row);
  }
}

}  // namespace seqrec::cpu
