// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/autograd/tape.hpp"
#include "seqrec/layers/last_rows.hpp"
#include "seqrec/models/static_encoder.hpp"

namespace seqrec {

/// The states after the last item of every history: what a static encoder ranks with.   @return (B, D)
template <StaticEncoder Model>
matrix_of<typename Model::Context> last_states(Tape<typename Model::Context>& tape, const Model& model,
                                               const Batch<typename Model::Context::Space>& histories) {
  using Context = typename Model::Context;
  if constexpr (EncodesLast<Model>) return model.encode_last(tape, histories).value();
  const LastRows<Context> last(tape, histories);
  return last.of(model.encode(tape, histories)).value();
}

}  // namespace seqrec
