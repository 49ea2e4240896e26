// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>

#include "seqrec/autograd/tape.hpp"
#include "seqrec/core/batch.hpp"

namespace seqrec {

/// A model whose view of a user does not depend on the item to be scored: `encode` gives (N, D), row r is the state
/// after item r, and its score for item v is the dot product with row v of the output table.
template <class Model>
concept StaticEncoder = requires(const Model& model, Tape<typename Model::Context>& tape,
                                 const Batch<typename Model::Context::Space>& batch) {
  { model.encode(tape, batch) } -> std::same_as<Variable<typename Model::Context>>;
  { model.output_table() } -> std::same_as<const MatrixParameter<typename Model::Context>&>;
  { model.num_items() } -> std::convertible_to<index_t>;
  { model.max_length() } -> std::convertible_to<index_t>;
};

}  // namespace seqrec
