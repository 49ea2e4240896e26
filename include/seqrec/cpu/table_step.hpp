// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/optimizer_step.hpp"
#include "seqrec/ops/table_step.hpp"

namespace seqrec::cpu {

template <class S, int W, class Update>
void table_step(BasicContext<S, W>&, const TableStep<BasicContext<S, W>, Update>& a) {
  if (!a.outcome(0).is_good()) return;
  const detail::ElementStep<S, Update> step(a.update, a.inputs(0), a.outcome(0).gradient_scale);
  const index_t width = a.values.columns();
  const auto move = [&](index_t row, const S* gradient) {
    FixedArray<S*, Update::states> states;
    for (index_t i = 0; i < states.size(); ++i) states[i] = a.states[i].row(row);
    step(a.values.row(row), gradient, states, width);
  };
  index_t next = 0;  // row that has not moved yet, where all move
  for (index_t i = 0; i < a.rows.size(); ++i) {
    const index_t row = a.rows(i) - a.first_row;
    if (a.moves_all)
      for (; next < row; ++next) move(next, nullptr);
    else if (!(row_array(a.gradients, i) != S(0)).any())
      continue;
    move(row, a.gradients.row(i));
    next = row + 1;
  }
  if (a.moves_all)
    for (; next < a.values.rows(); ++next) move(next, nullptr);
}

}  // namespace seqrec::cpu
