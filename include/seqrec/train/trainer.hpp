// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "seqrec/data/names.hpp"
#include "seqrec/evaluate/evaluate.hpp"
#include "seqrec/models/item_model.hpp"
#include "seqrec/objectives/next_item.hpp"
#include "seqrec/train/interrupt.hpp"
#include "seqrec/train/model_task.hpp"
#include "seqrec/train/options.hpp"
#include "seqrec/train/training_result.hpp"
#include "seqrec/train/training_run.hpp"

namespace seqrec {

/// Trains models: batches, steps, validation, early stopping, and the best weights in the end.
class Trainer {
 public:
  /// @throws ArgumentError when an option is out of range
  explicit Trainer(TrainerOptions options) : options_(std::move(options)) { options_.check(); }

  const TrainerOptions& options() const { return options_; }

  /// Trains a model on a split's training events. One checkpoint is chosen, by the selection metric on validation; the
  /// model holds it afterwards. Test data are never looked at. The model takes over the ids of the items and the names
  /// of the categories; if it has some, the data's must be the same.
  ///
  /// With `state`, a run that was stopped or killed goes on where the file was written when it is started again with
  /// `resume`, and ends with the same bits as one that was never interrupted. It may be given more epochs or steps.
  /// @throws NonFiniteError naming the step and the first parameter concerned when a loss or gradient is not finite;
  ///         the best checkpoint so far stays, in the file and in the model
  /// @throws DataError, ArgumentError when data or options do not fit the model, or not the run to be resumed
  template <class Model, class AnObjective>
  TrainingResult fit(Model& model, const Split& split, const AnObjective& objective) const {
    require_trainable<Model>();
    require_objective<AnObjective, Model>();
    if constexpr (TrainableModel<Model> && ObjectiveOf<AnObjective, Model>) {  // else all is said
      objective.check();
      check_evaluation(model.num_items(), split.validation, options_.validation);
      if constexpr (Named<Model>) {
        check_names(model.names(), *split.data);
        if (model.names().items.empty()) model.set_names(names_of(*split.data));
      }
      detail::ModelTask<Model, AnObjective> task(model, split, objective, options_);
      return detail::TrainingRun<typename Model::Context::Master>(task, split.validation, options_).run();
    }
  }

 private:
  TrainerOptions options_;
};

}  // namespace seqrec
