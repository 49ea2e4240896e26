// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iostream>

#include "common/experiment.hpp"
#include "seqrec/train/evaluate.hpp"
#include "seqrec/train/trainer.hpp"

namespace examples {

/// What a trained model showed.
struct ModelRun {
  seqrec::TrainingResult training;  ///< with the validation that chose the checkpoint
  seqrec::Evaluation test;          ///< among the candidates of the experiment
  seqrec::Evaluation test_full;     ///< among the whole catalogue
};

/// Trains a model and scores its best checkpoint on the test items, once.
template <class Model, class Objective>
ModelRun train_and_test(Model& model, const Experiment& experiment, const seqrec::TrainerOptions& options,
                        const Objective& objective) {
  seqrec::TrainerOptions with_ranking = options;
  with_ranking.validation = experiment.validation_ranking();
  std::cout << std::flush;  // progress goes to standard error, and should come after what was said
  ModelRun run;
  run.training = seqrec::Trainer(with_ranking).fit(model, experiment.split(), objective);
  run.test_full = seqrec::evaluate(model, experiment.split().test, experiment.full_ranking());
  run.test = experiment.test_candidates() == nullptr
                 ? run.test_full
                 : seqrec::evaluate(model, experiment.split().test, experiment.test_ranking());
  return run;
}

}  // namespace examples
