// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/ops/add_rows.hpp"

namespace seqrec::cpu {

template <class S, int W>
void add_rows(BasicContext<S, W>&, const AddRows<BasicContext<S, W>>& a) {
  for (index_t i = 0; i < a.index.rows.size(); ++i) {
    auto target = row_array(a.target, a.index.rows(i));
    for (index_t e = a.index.row_offsets(i); e < a.index.row_offsets(i + 1); ++e) {
      const index_t entry = a.index.order(e);
      const auto source = row_array(a.source, entry / a.entries_per_row);
      if (a.coefficients)
        target += a.coefficients(entry) * source;
      else
        target += source;
    }
  }
}

}  // namespace seqrec::cpu
