// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <string>

#include "seqrec/autograd/tape.hpp"
#include "seqrec/core/training_batch.hpp"
#include "seqrec/data/batches/batch_plan.hpp"

namespace seqrec {

/// What is learned, as a value: options and four things that follow from them. NextItem and Click are two; one of your
/// own is a struct that offers the same:
///
///     struct MyObjective {
///       index_t negatives = 4;
///
///       BatchPlan plan() const { return {.negatives = negatives}; }   // what batches must hold
///       std::string name() const { return "my objective"; }           // for logs and result files; with its numbers,
///                                                                     // because it is also how a run is recognised
///       void check() const { ... }                                    // throws ArgumentError for a number out of
///       range
///
///       // forward and loss of one shard: the record for backward goes to the tape, the loss, times the batch's
///       // loss_scale, to the context's sum (accumulate_loss)
///       template <class Model, class Context>
///       void operator()(const Model& model, Tape<Context>& tape,
///                       const TrainingBatch<typename Context::Space>& batch) const;
///     };
///
/// An objective is read-only while it works: threads share it.
template <class AnObjective>
concept Objective = requires(const AnObjective& objective) {
  { objective.plan() } -> std::same_as<BatchPlan>;
  { objective.name() } -> std::convertible_to<std::string>;
  objective.check();
};

/// An objective that can be called for this model. What the objective needs of the model is its own affair, and its
/// own sentence where that is missing.
template <class AnObjective, class Model>
concept ObjectiveOf = Objective<AnObjective> &&
    requires(const AnObjective& objective, const Model& model, Tape<typename Model::Context>& tape,
             const TrainingBatch<typename Model::Context::Space>& batch) {
  objective(model, tape, batch);
};

/// Says in a sentence what an objective lacks.
template <class AnObjective, class Model>
constexpr void require_objective() {
  static_assert(Objective<AnObjective>,
                "seqrec: an objective has plan(), name() and check(), and is called with (model, tape, batch): see "
                "seqrec/objectives/objective.hpp");
  if constexpr (Objective<AnObjective> && requires { typename Model::Context; })
    static_assert(ObjectiveOf<AnObjective, Model>,
                  "seqrec: this objective cannot be called with (model, tape, batch) over the context of this model");
}

}  // namespace seqrec
