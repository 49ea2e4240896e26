// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>

#include "seqrec/core/types.hpp"
#include "seqrec/layers/gru.hpp"
#include "seqrec/models/static_encoder.hpp"

namespace seqrec {

/// Users of a shard that a recurrent model asks for (`users_together`): rows for several register tiles of a product,
/// for as long as most of their histories last.
inline constexpr index_t recurrent_users_together = 16;

/// A static encoder whose view of a history is a state, so that a history can be read one event at a time:
/// `encode_step` reads one event of each of B histories from the (B, state_columns()) states before it and leaves those
/// after it. Event by event from zeros it gives the rows of `encode`, dropout aside.
template <class Model>
concept RecurrentEncoder = StaticEncoder<Model> && requires(const Model& model, Tape<typename Model::Context>& tape,
                                                            const Batch<typename Model::Context::Space>& batch,
                                                            const RecurrentStates<typename Model::Context>& states) {
  { model.encode_step(tape, batch, states) } -> std::same_as<Variable<typename Model::Context>>;
  { model.state_columns() } -> std::convertible_to<index_t>;
};

}  // namespace seqrec
