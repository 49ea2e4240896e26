// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>

#include "seqrec/autograd/tape.hpp"
#include "seqrec/core/batch.hpp"
#include "seqrec/layers/item_head.hpp"

namespace seqrec {

/// A model whose view of a user does not depend on the item to be scored: `encode` gives (N, D), row r is the state
/// after item r, and `item_head` says how a state scores an item.
template <class Model>
concept StaticEncoder = requires(const Model& model, Tape<typename Model::Context>& tape,
                                 const Batch<typename Model::Context::Space>& batch) {
  { model.encode(tape, batch) } -> std::same_as<Variable<typename Model::Context>>;
  { model.item_head() } -> std::same_as<ItemHeadParameters<typename Model::Context>>;
  { model.num_items() } -> std::convertible_to<index_t>;
  { model.max_length() } -> std::convertible_to<index_t>;
};

/// A static encoder that knows a shorter way to the states it is served with: `encode_last` gives (B, D), the state
/// after each history's last item, zeros after an empty one: the rows of `encode` that `last_states` would take. Only
/// inference asks for it.
template <class Model>
concept EncodesLast = StaticEncoder<Model> && requires(const Model& model, Tape<typename Model::Context>& tape,
                                                       const Batch<typename Model::Context::Space>& batch) {
  { model.encode_last(tape, batch) } -> std::same_as<Variable<typename Model::Context>>;
};

/// A static encoder that can read a history on: `encode_next` gives the state after its last item from what it kept of
/// the earlier rows (kept_columns() of each), where `reads_on()` says so.
template <class Model>
concept ReadsOn = EncodesLast<Model> &&
    requires(const Model& model, Tape<typename Model::Context>& tape,
             const Batch<typename Model::Context::Space>& batch, matrix_of<typename Model::Context> kept) {
  { model.encode_next(tape, batch, kept) } -> std::same_as<Variable<typename Model::Context>>;
  { model.kept_columns() } -> std::convertible_to<index_t>;
  { model.reads_on() } -> std::same_as<bool>;
};

}  // namespace seqrec
