// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iostream>

#include "common/calibrate.hpp"
#include "common/command_line.hpp"
#include "common/experiment.hpp"
#include "seqrec/evaluate/evaluate.hpp"
#include "seqrec/train/interrupt.hpp"
#include "seqrec/train/trainer.hpp"

namespace examples {

/// What a trained model showed.
struct ModelRun {
  seqrec::TrainingResult training;  ///< with the validation that chose the checkpoint
  seqrec::Calibration calibration;  ///< fitted on validation, of its scores as log-odds
  seqrec::Evaluation test;          ///< among the candidates of the experiment, calibrated
  seqrec::Evaluation test_full;     ///< among the whole catalogue
};

/// Trains a model until it is done, or until Ctrl-C.
/// @throws Interrupted with what to do about it; the best model and the state are where the options say
template <class Model, class Objective>
seqrec::TrainingResult train(Model& model, const seqrec::Split& split, seqrec::TrainerOptions options,
                             const Objective& objective) {
  const seqrec::InterruptGuard interrupt;
  options.stop = &interrupt.requested();
  seqrec::TrainingResult result = seqrec::Trainer(options).fit(model, split, objective);
  if (result.interrupted)
    throw Interrupted(seqrec::concatenate("interrupted after step ", result.steps,
                                          options.state.empty()
                                              ? "; a run with --state FILE can be resumed"
                                              : "; to go on, start the same command again with --resume"));
  return result;
}

/// Trains a model and scores its best checkpoint on the test items, once.
template <class Model, class Objective>
ModelRun train_and_test(Model& model, const Experiment& experiment, const seqrec::TrainerOptions& options,
                        const Objective& objective) {
  seqrec::TrainerOptions with_ranking = options;
  with_ranking.validation = experiment.validation_ranking();
  std::cout << std::flush;  // progress goes to standard error, and should come after what was said
  ModelRun run;
  run.training = train(model, experiment.split(), with_ranking, objective);
  const seqrec::Split& split = experiment.split();
  run.test = run.test_full = seqrec::evaluate(model, split.test, experiment.full_ranking());
  if (experiment.test_candidates() != nullptr) {
    const seqrec::EvaluateOptions validation = experiment.validation_ranking();
    seqrec::EvaluateOptions test = experiment.test_ranking();
    typename Model::Context::Team team(0, test.team);
    run.calibration =
        calibrate([&] { return seqrec::fit_click_calibration(team, model, split.validation, validation); });
    test.calibration = run.calibration;
    run.test = seqrec::evaluate(team, model, split.test, test);
  }
  return run;
}

}  // namespace examples
