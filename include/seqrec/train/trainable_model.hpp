// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <string>

#include "seqrec/autograd/parameter_store.hpp"
#include "seqrec/models/candidate_encoder.hpp"

namespace seqrec {

/// A model with its parameters in one store, and options that make it again: what optimisers, checkpoints and the
/// identity of a run need.
template <class Model>
concept Stored = requires(Model& model, const Model& fixed) {
  { model.parameters() } -> std::same_as<ParameterStore<typename Model::Context>&>;
  { fixed.options() } -> std::convertible_to<typename Model::Options>;
  { Model::name } -> std::convertible_to<std::string>;
};

/// What a Trainer can train: a model that can rank, because validation chooses the checkpoint, and that is stored.
template <class Model>
concept TrainableModel = Ranker<Model> && Stored<Model>;

/// Says in a sentence what a model lacks to be trained.
template <class Model>
constexpr void require_trainable() {
  static_assert(
      requires { typename Model::Context; },
      "seqrec: a model to be trained names its context: using Context = Context_;");
  if constexpr (requires { typename Model::Context; }) {
    static_assert(Ranker<Model>,
                  "seqrec: a model to be trained can rank, because validation chooses its checkpoint: it has encode() "
                  "and item_head(), or score(tape, batch, candidates), beside num_items() and max_length()");
    static_assert(Stored<Model>,
                  "seqrec: a model to be trained has parameters(), the ParameterStore that its layers register with, "
                  "options(), their type Options, and a static name: optimisers and checkpoints need them");
  }
}

}  // namespace seqrec
