// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/autograd/tape.hpp"
#include "seqrec/models/static_encoder.hpp"
#include "seqrec/ops/gather_rows.hpp"

namespace seqrec {

/// The states after the last item of every history: what a static encoder ranks with.   @return (B, D)
template <StaticEncoder Model>
matrix_of<typename Model::Context> last_states(Tape<typename Model::Context>& tape, const Model& model,
                                               const Batch<typename Model::Context::Space>& histories) {
  using Context = typename Model::Context;
  if constexpr (EncodesLast<Model>) return model.encode_last(tape, histories).value();
  const auto states = model.encode(tape, histories);
  const auto queries = tape.context().matrix(histories.users(), states.columns());
  const auto rows = tape.context().template vector<offset_t>(histories.users());
  ops::last_row_numbers(tape.context(), LastRowNumbers<Context>{histories.offsets(), rows});
  ops::gather_rows_forward(tape.context(), GatherRowsForward<Context>{states.value(), rows, queries});
  return queries;
}

}  // namespace seqrec
