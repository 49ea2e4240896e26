// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/calibrate.hpp"
#include "common/experiment.hpp"
#include "seqrec/evaluate/evaluate_scorer.hpp"

namespace examples {

/// What a baseline showed.
struct BaselineRun {
  double seconds = 0;  ///< to build it, and to evaluate it three times
  seqrec::Evaluation validation;
  seqrec::Calibration calibration;  ///< fitted on validation, of its scores as log-odds
  seqrec::Evaluation test;          ///< among the candidates of the experiment, calibrated
  seqrec::Evaluation test_full;     ///< among the whole catalogue
};

/// Judges a baseline, which nothing trains, just as a trained model is judged.
/// @param seconds it took to build
template <seqrec::ItemScorer Scorer>
BaselineRun test_baseline(const Scorer& scorer, const Experiment& experiment, double seconds = 0) {
  const seqrec::Split& split = experiment.split();
  const seqrec::EvaluateOptions validation = experiment.validation_ranking();
  BaselineRun run;
  run.validation = seqrec::evaluate(scorer, split.validation, validation);
  run.test = run.test_full = seqrec::evaluate(scorer, split.test, experiment.full_ranking());
  if (experiment.test_candidates() != nullptr) {
    run.calibration = calibrate([&] { return seqrec::fit_click_calibration(scorer, split.validation, validation); });
    seqrec::EvaluateOptions test = experiment.test_ranking();
    test.calibration = run.calibration;
    run.test = seqrec::evaluate(scorer, split.test, test);
  }
  run.seconds = seconds + run.validation.seconds + run.test_full.seconds + run.test.seconds;
  return run;
}

}  // namespace examples
