// SPDX-License-Identifier: Apache-2.0
// Updates of a table's rows whose gradient is known row by row.
//
// One warp per row, one lane a column: per row of the table where all of them move (it finds its gradient by
// bisection), else per row that has one. Memory: reads and writes values and states of the rows that move once, reads
// gradients once (twice where rows without one stay).
#pragma once

#include "seqrec/cuda/optimizer_step.cuh"
#include "seqrec/ops/table_step.hpp"

namespace seqrec::cuda {

/// Which of the ascending `rows` is `row`; -1 where none is.
__device__ inline index_t place_among(VectorView<const item_t, DeviceSpace> rows, index_t row) {
  index_t low = 0, high = rows.size();  // it is not before low, nor at or behind high
  while (low < high) {
    const index_t middle = (low + high) / 2;
    if (rows(middle) < row)
      low = middle + 1;
    else
      high = middle;
  }
  return low < rows.size() && rows(low) == row ? low : -1;
}

template <class S, class Update>
__global__ void table_step_kernel(TableStep<BasicContext<S>, Update> a) {
  using Master = typename BasicContext<S>::Master;
  constexpr std::make_integer_sequence<index_t, Update::states> states{};
  __shared__ shared_array<RuleOf<Update>, 1> rule;
  if (!a.outcome(0).is_good()) return;
  make_rule(rule[0], a.update, a.inputs(0));
  const auto scale = static_cast<Master>(a.outcome(0).gradient_scale);
  const index_t i = row_of_warp();
  if (i >= (a.moves_all ? a.values.rows() : a.rows.size())) return;
  const index_t row = a.moves_all ? i : a.rows(i) - a.first_row;
  const index_t place = a.moves_all ? place_among(a.rows, a.first_row + row) : i;
  if (!a.moves_all && !has_gradient(a.gradients.row(place), a.gradients.columns())) return;
  for_columns_of_lane(a.values.columns(), [&](index_t column) {
    FixedArray<Master*, Update::states> of_element;
    for (index_t state = 0; state < of_element.size(); ++state) of_element[state] = &a.states[state](row, column);
    const Master gradient = place < 0 ? Master{0} : a.gradients(place, column) * scale;
    move_element(rule[0], a.values(row, column), gradient, of_element, states);
  });
}

template <class S, class Update>
void table_step(BasicContext<S>& context, const TableStep<BasicContext<S>, Update>& a) {
  launch<table_step_kernel<S, Update>>(context, warp_per_row(a.moves_all ? a.values.rows() : a.rows.size()), a);
}

}  // namespace seqrec::cuda
