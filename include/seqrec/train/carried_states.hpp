// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/session_batch.hpp"
#include "seqrec/models/recurrent_encoder.hpp"
#include "seqrec/ops/gather_rows.hpp"

namespace seqrec {

/// A recurrent encoder in a step of sessions in lanes, as a static encoder for objectives: what it reads goes on from
/// the states that the step before has left, or from zeros where a session begins, and it leaves those for the step
/// after. Nothing is trained through the states that it begins from: backpropagation ends at the step.
template <RecurrentEncoder Model>
struct CarriedStates {
  using Context = typename Model::Context;
  using Space = typename Context::Space;

  const Model& model;
  VectorView<const offset_t, Space> carried;  ///< (B) of the shard: rows of `before`, or -1
  const_matrix_of<Context> before;            ///< what the step before has left
  matrix_of<Context> after;                   ///< as many rows as the whole step has, or more

  /// @param batch a shard of the step   @return (B, D)
  Variable<Context> encode(Tape<Context>& tape, const Batch<Space>& batch) const {
    const auto initial = tape.context().matrix(batch.users(), model.state_columns());
    ops::gather_rows_forward(tape.context(), GatherRowsForward<Context>{before, carried, initial});
    return model.encode_step(tape, batch, {initial, after.row_range(batch.first_user, batch.users())});
  }
  ItemHeadParameters<Context> item_head() const { return model.item_head(); }
  index_t num_items() const { return model.num_items(); }
  index_t max_length() const { return model.max_length(); }
};

}  // namespace seqrec
