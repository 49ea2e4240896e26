// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/metrics/classification.hpp"

namespace seqrec {

/// From a model's score to log-odds: scale * score + bias (Platt 1999, "Probabilistic outputs for support vector
/// machines"). A positive scale changes no ranking and no AUC. It makes the log loss of a model meaningful whose scores
/// were not trained as log-odds, such as one trained by a softmax over the catalogue.
struct Calibration {
  double scale = 1;
  double bias = 0;

  double operator()(double score) const { return scale * score + bias; }
  /// What scores are divided by before the bias (Guo et al. 2017, "On calibration of modern neural networks").
  double temperature() const { return 1 / scale; }
};

/// The calibration with the least log loss on these scores, by Newton's method; the loss is convex, so there is one.
/// To be fitted on validation and applied to the test, never fitted on what is then reported.
///
/// Deterministic. The labels are taken as they are, without Platt's smoothing, so that the fitted log loss is never
/// above the base-rate floor on the data of the fit.
///
/// @param scores (n) finite   @param labels (n) 0 or 1
/// @throws ShapeError, NonFiniteError, ArgumentError as `log_loss`
/// @throws DataError unless both labels occur, and if a threshold separates them: the best scale is then infinite (or,
///         where all scores are equal, any)
template <class Score, class Label>
Calibration fit_calibration(std::span<const Score> scores, std::span<const Label> labels) {
  detail::check_scored_labels("fit_calibration", scores, labels);
  struct Range {
    double lowest = std::numeric_limits<double>::infinity(), highest = -std::numeric_limits<double>::infinity();
    index_t count = 0;
  } ranges[2];
  const auto count = static_cast<double>(scores.size());
  double mean = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const auto score = static_cast<double>(scores[i]);
    Range& range = ranges[labels[i] == Label{1}];
    range.lowest = std::min(range.lowest, score);
    range.highest = std::max(range.highest, score);
    ++range.count;
    mean += score / count;
  }
  const auto& [negatives, positives] = ranges;
  if (positives.count == 0 || negatives.count == 0)
    throw DataError(concatenate("fit_calibration: labels hold ", positives.count, " positives and ", negatives.count,
                                " negatives, expected at least one of each"));
  if (negatives.highest <= positives.lowest || positives.highest <= negatives.lowest)
    throw DataError(concatenate("fit_calibration: positives score ", positives.lowest, " .. ", positives.highest,
                                ", negatives ", negatives.lowest, " .. ", negatives.highest,
                                ", expected ranges that overlap"));

  // Standard scores, so that the two unknowns are of one size whatever the scale of the scores.
  double squares = 0;
  for (const Score score : scores) squares += (static_cast<double>(score) - mean) * (static_cast<double>(score) - mean);
  const double deviation = std::sqrt(squares / count);
  std::vector<double> logits(scores.size());
  const auto standard = [&](std::size_t i) { return (static_cast<double>(scores[i]) - mean) / deviation; };
  const auto loss_of = [&](const Calibration& calibration) {
    for (std::size_t i = 0; i < logits.size(); ++i) logits[i] = calibration(standard(i));
    return log_loss(std::span<const double>(logits), labels);
  };

  const double odds = static_cast<double>(positives.count) / static_cast<double>(negatives.count);
  Calibration best{0, std::log(odds)};  // the base rate
  double loss = loss_of(best);
  for (bool improved = true; improved;) {
    double by_scale = 0, by_bias = 0;                       // gradient
    double scale_scale = 0, scale_bias = 0, bias_bias = 0;  // Hessian
    for (std::size_t i = 0; i < scores.size(); ++i) {
      const double x = standard(i), tail = std::exp(-std::abs(best(x)));  // neither overflows nor cancels
      const double probability = (best(x) >= 0 ? 1 : tail) / (1 + tail);
      const double error = (probability - (labels[i] == Label{1} ? 1 : 0)) / count;
      const double weight = tail / ((1 + tail) * (1 + tail)) / count;
      by_scale += error * x;
      by_bias += error;
      scale_scale += weight * x * x;
      scale_bias += weight * x;
      bias_bias += weight;
    }
    const double determinant = scale_scale * bias_bias - scale_bias * scale_bias;
    const Calibration step{(scale_bias * by_bias - bias_bias * by_scale) / determinant,
                           (scale_bias * by_scale - scale_scale * by_bias) / determinant};
    improved = false;
    for (double length = 1; !improved && length > 1e-9;
         length /= 2) {  // a full step may overshoot far from the optimum
      const Calibration trial{best.scale + length * step.scale, best.bias + length * step.bias};
      const double trial_loss = loss_of(trial);
      improved = trial_loss < loss;
      if (improved) {
        best = trial;
        loss = trial_loss;
      }
    }
  }
  return {best.scale / deviation, best.bias - best.scale * mean / deviation};
}

}  // namespace seqrec
