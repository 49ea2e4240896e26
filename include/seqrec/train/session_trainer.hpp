// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "seqrec/data/names.hpp"
#include "seqrec/evaluate/evaluation.hpp"
#include "seqrec/models/item_model.hpp"
#include "seqrec/models/recurrent_encoder.hpp"
#include "seqrec/objectives/session_next_item.hpp"
#include "seqrec/optim/adagrad.hpp"
#include "seqrec/train/carried_states.hpp"
#include "seqrec/train/options.hpp"
#include "seqrec/train/session_task.hpp"
#include "seqrec/train/training_result.hpp"
#include "seqrec/train/training_run.hpp"

namespace seqrec {

/// What suits sessions in lanes: Adagrad with momentum and the rows that a step touches, the checkpoint chosen by
/// Recall@20 over every event of the validation sessions, ranked among all items, seen or not.
inline TrainerOptions session_trainer_options() {
  TrainerOptions options;
  options.epochs = 10;
  options.batch_size = 32;
  options.learning_rate = 0.05;
  options.optimizer = Adagrad{.epsilon = 1e-6, .momentum = 0.1};
  options.rows = TableRows::lazy;
  options.patience = 3;
  options.selection = "recall@20";
  options.validation = {.top_k = {5, 10, 20}, .seen = SeenItems::ranked};
  return options;
}

/// Trains recurrent models as GRU4Rec's authors do (Hidasi et al. 2016, section 3.2.1): sessions in parallel lanes, one
/// event of each a step, states carried on from step to step and zero where a session begins, nothing trained through
/// more than a step. The sessions are the users of a split's data set (make_sessions, session_split).
///
/// Of the options `batch_size` is the number of lanes; `accumulate` must be 1. All else is as with a Trainer:
/// validation, early stopping, checkpoint, resuming to the bit, the same bits on any number of threads.
class SessionTrainer {
 public:
  /// @throws ArgumentError when an option is out of range
  explicit SessionTrainer(TrainerOptions options) : options_(std::move(options)) {
    options_.check();
    check_argument(options_.accumulate == 1, "SessionTrainer accumulate", options_.accumulate,
                   "1: a step is one event of every lane");
  }

  const TrainerOptions& options() const { return options_; }

  /// Trains a model on a split's training sessions; see Trainer::fit.
  /// @throws NonFiniteError naming the step and the first parameter concerned when a loss or gradient is not finite;
  ///         the best checkpoint so far stays, in the file and in the model
  /// @throws DataError, ArgumentError when data or options do not fit the model, or not the run to be resumed
  template <class Model, class AnObjective>
  TrainingResult fit(Model& model, const Split& split, const AnObjective& objective) const {
    static_assert(
        RecurrentEncoder<Model>,
        "seqrec: a SessionTrainer needs a model with encode_step() and state_columns(), which reads a session "
        "one event at a time, from a state to a state; train others with a Trainer");
    require_trainable<Model>();
    if constexpr (TrainableModel<Model> && RecurrentEncoder<Model>) {  // else all is said
      require_objective<AnObjective, CarriedStates<Model>>();
      if constexpr (ObjectiveOf<AnObjective, CarriedStates<Model>>) {
        objective.check();
        check_evaluation(model.num_items(), split.validation, options_.validation);
        if constexpr (Named<Model>) {
          check_names(model.names(), *split.data);
          if (model.names().items.empty()) model.set_names(names_of(*split.data));
        }
        detail::SessionTask<Model, AnObjective> task(model, split, objective, options_);
        return detail::TrainingRun<typename Model::Context::Master>(task, split.validation, options_).run();
      }
    }
  }

 private:
  TrainerOptions options_;
};

}  // namespace seqrec
