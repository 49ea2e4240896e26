// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iostream>
#include <optional>

#include "common/data.hpp"
#include "seqrec/evaluate/evaluate.hpp"
#include "seqrec/evaluate/evaluate_events.hpp"
#include "seqrec/evaluate/evaluate_scorer.hpp"

namespace examples {

/// What a model or a baseline showed on the test.
struct TestFigures {
  seqrec::Calibration calibration;  ///< fitted on validation, of its scores as log-odds
  seqrec::Evaluation candidates;    ///< among the frozen ones, calibrated; without them the same as `full`
  seqrec::Evaluation full;          ///< among the whole catalogue
};

/// What a model or a baseline showed.
struct Figures {
  seqrec::Evaluation validation;
  std::optional<TestFigures> test;  ///< nothing with --validation-only

  /// Of all evaluations.
  double seconds() const { return validation.seconds + (test ? test->candidates.seconds + test->full.seconds : 0); }
};

/// Judges anything that ranks, a trained model, a seqrec::ItemScorer or a seqrec::EventScorer, under one protocol.
/// @param validation  if it is known, as after training: what the one who ranks reached there
template <class Ranker>
Figures judge(const Ranker& ranker, const seqrec::Split& split, const Candidates& candidates,
              const seqrec::TeamOptions& team = {}, const seqrec::Evaluation* validation = nullptr) {
  const auto ranking = [&](const seqrec::CandidateLists* lists) {
    seqrec::EvaluateOptions options;
    options.candidates = lists;
    options.seen = candidates.seen;
    options.team = team;
    return options;
  };
  const seqrec::EvaluateOptions of_validation = ranking(candidates.validation());
  Figures figures;
  figures.validation = validation != nullptr ? *validation : seqrec::evaluate(ranker, split.validation, of_validation);
  if (candidates.validation_only) return figures;
  TestFigures& test = figures.test.emplace();
  test.candidates = test.full = seqrec::evaluate(ranker, split.test, ranking(nullptr));
  if (candidates.test() == nullptr) return figures;
  seqrec::EvaluateOptions of_test = ranking(candidates.test());
  try {
    if constexpr (!seqrec::EventScorer<Ranker> && requires { typename Ranker::Context; }) {
      typename Ranker::Context::Team workers(0, team);
      of_test.calibration = seqrec::fit_click_calibration(workers, ranker, split.validation, of_validation);
    } else {
      of_test.calibration = seqrec::fit_click_calibration(ranker, split.validation, of_validation);
    }
  } catch (const seqrec::DataError& error) {  // a model that collapsed, or a perfect one: no reason to lose a result
    std::cerr << "log loss of scores as they are: " << error.what() << '\n';
  }
  test.calibration = of_test.calibration;
  test.candidates = seqrec::evaluate(ranker, split.test, of_test);
  return figures;
}

}  // namespace examples
