// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/autograd/leave_rows.hpp"
#include "seqrec/autograd/tape.hpp"
#include "seqrec/core/training_batch.hpp"
#include "seqrec/layers/item_head.hpp"
#include "seqrec/ops/catalogue_loss.hpp"
#include "seqrec/ops/elementwise.hpp"
#include "seqrec/ops/sampled_loss.hpp"

// How states are scored and judged by an item head, in training: what next-item objectives have in common.

namespace seqrec::detail {

/// What both heads need: where row losses go, and the gradient of the states.
template <class Context>
struct HeadOutputs {
  VectorView<double, typename Context::Space> losses;  ///< (N)
  matrix_of<Context> dstates;                          ///< (N, D), null in inference
};
template <class Context>
HeadOutputs<Context> head_outputs(const Tape<Context>& tape, Variable<Context> states) {
  HeadOutputs<Context> o{tape.context().template vector<double>(states.rows()), {}};
  if (tape.recording()) o.dstates = tape.context().matrix(states.rows(), states.columns());
  return o;
}
template <class Context>
void finish_head(Tape<Context>& tape, Variable<Context> states, const HeadOutputs<Context>& o) {
  ops::accumulate_loss(tape.context(), AccumulateLoss<Context>{o.losses});
  const auto dstates = o.dstates;
  tape.record([states, dstates](Tape<Context>& t) { t.contribute(states, dstates); });
}

/// Each target against its negatives: loss, and the record for backward.
template <class RowLoss, class Context>
void sampled_head(const RowLoss& row_loss, Tape<Context>& tape, Variable<Context> states,
                  const ItemHeadParameters<Context>& head, const TrainingBatch<typename Context::Space>& batch) {
  Context& context = tape.context();
  const NextItems<typename Context::Space>& next = batch.next;
  const HeadOutputs<Context> o = head_outputs(tape, states);
  SampledLoss<Context, RowLoss> a{states.value(), head.view(tape), next.items,          batch.loss_scale, o.losses, {},
                                  o.dstates,      row_loss,        next.log_probability};
  const index_t columns = next.items.columns();
  const auto left = place_rows(tape, *head.table, next.list(), states.rows(), columns, /*weighted=*/true);
  const bool with_gradient = tape.recording() && context.gradient_elements() != 0;
  if (with_gradient) a.coefficients = left ? left.coefficients : context.vector(next.items.size());
  if (next.shared) {
    const index_t count = next.shared.size();
    a.shared.items = next.shared;
    a.shared.item_offsets = next.shared_offsets;
    if (next.shared_offsets) {
      a.shared.row_offsets = batch.histories.offsets();
      a.shared.longest = next.longest_shared;
    }
    if (with_gradient) a.shared.dtable = context.matrix(count, states.columns());
    if (with_gradient && head.bias != nullptr) a.shared.dbias = context.vector(count);
  }
  ops::sampled_loss(context, a);
  if (with_gradient) {
    if (left)
      ops::copy(context, Copy<Context>{a.states, left.source});
    else
      add_rows_now<Context>(tape, *head.table, a.states, next.list(), a.coefficients, columns);
    if (next.shared) leave_rows<Context>(tape, *head.table, a.shared.dtable, next.shared_list());
    if (head.bias != nullptr) {
      const auto column = [](const_vector_of<Context> of) { return const_matrix_of<Context>{of.data, of.size(), 1}; };
      leave_rows<Context>(tape, *head.bias, column(a.coefficients), next.list());
      if (next.shared) leave_rows<Context>(tape, *head.bias, column(a.shared.dbias), next.shared_list());
    }
  }
  finish_head(tape, states, o);
}

/// Each target against the whole catalogue.
/// @param leave_out_seen  what a history has held so far is no part of the sum
template <class Context>
void catalogue_head(bool leave_out_seen, Tape<Context>& tape, Variable<Context> states,
                    const ItemHeadParameters<Context>& head, const TrainingBatch<typename Context::Space>& batch) {
  const HeadOutputs<Context> o = head_outputs(tape, states);
  CatalogueLoss<Context> a{states.value(),     head.view(tape), batch.next.items.column_range(0, 1),
                           batch.loss_scale,   o.losses,        o.dstates,
                           head.gradient(tape)};
  if (leave_out_seen) a.left_out = batch.histories.items;
  ops::catalogue_loss(tape.context(), a);
  finish_head(tape, states, o);
}

}  // namespace seqrec::detail
