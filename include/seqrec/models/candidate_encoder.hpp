// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>

#include "seqrec/autograd/tape.hpp"
#include "seqrec/core/batch.hpp"
#include "seqrec/core/candidates.hpp"
#include "seqrec/layers/functions.hpp"
#include "seqrec/models/static_encoder.hpp"

namespace seqrec {

/// A model that looks at a user through the item to be scored: `score` gives (C, 1), the log-odds that the user takes
/// each candidate.
template <class Model>
concept CandidateEncoder = requires(const Model& model, Tape<typename Model::Context>& tape,
                                    const Batch<typename Model::Context::Space>& batch,
                                    const Candidates<typename Model::Context::Space>& candidates) {
  { model.score(tape, batch, candidates) } -> std::same_as<Variable<typename Model::Context>>;
  { model.num_items() } -> std::convertible_to<index_t>;
  { model.max_length() } -> std::convertible_to<index_t>;
};

/// A model that can rank, whichever way it looks at users.
template <class Model>
concept Ranker = StaticEncoder<Model> || CandidateEncoder<Model>;

/// How many users a shard should hold at least for a model: what a recurrent one says, whose every step is a product
/// with a row for each of them.
template <Ranker Model>
index_t users_together([[maybe_unused]] const Model& model) {
  if constexpr (requires { Model::users_together; })
    return Model::users_together;
  else
    return 1;
}

/// How many of a user's last positions are trained at once: more than the model reads for one prediction, where its
/// candidates have a window (see Candidates).
template <Ranker Model>
index_t training_length(const Model& model) {
  if constexpr (requires { model.training_length(); })
    return model.training_length();
  else
    return model.max_length();
}

/// The option by which a model reads the times of events (Batch::times); null for one that does not.
template <Ranker Model>
const char* times_option(const Model& model) {
  if constexpr (requires { model.reads_times(); })
    return model.reads_times();
  else
    return nullptr;
}

/// The score of every candidate. Of a static encoder: by its head, of the state after the last history item that the
/// candidate may see; of zeros where it sees none.
/// @return (C, 1)
template <Ranker Model>
Variable<typename Model::Context> score_candidates(Tape<typename Model::Context>& tape, const Model& model,
                                                   const Batch<typename Model::Context::Space>& batch,
                                                   const Candidates<typename Model::Context::Space>& candidates) {
  if constexpr (CandidateEncoder<Model>) {
    return model.score(tape, batch, candidates);
  } else {
    const auto states = visible_rows(tape, batch, candidates, model.encode(tape, batch));
    return score_by_head(tape, states, model.item_head(), candidates);
  }
}

}  // namespace seqrec
