// SPDX-License-Identifier: Apache-2.0
#include "seqrec/metrics/calibration.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::message_of;

namespace {

using Scores = std::vector<double>;
using Labels = std::vector<std::uint8_t>;

Calibration fit(const Scores& scores, const Labels& labels) {
  return fit_calibration(std::span<const double>(scores), std::span<const std::uint8_t>(labels));
}

double loss_after(const Calibration& calibration, const Scores& scores, const Labels& labels) {
  Scores logits;
  for (const double score : scores) logits.push_back(calibration(score));
  return log_loss<double, std::uint8_t>(logits, labels);
}

/// Labels drawn from these log-odds.
Labels draw_labels(const Scores& logits, std::mt19937& random) {
  std::uniform_real_distribution<double> uniform;
  Labels labels;
  for (const double logit : logits) labels.push_back(uniform(random) < 1 / (1 + std::exp(-logit)));
  return labels;
}

}  // namespace

TEST_CASE("calibration of two groups is solved by hand", "[metrics]") {
  // Score 0: one positive of four, score 2: three of four. The fit must give each group its own rate.
  const Calibration calibration = fit({0, 0, 0, 0, 2, 2, 2, 2}, {1, 0, 0, 0, 1, 1, 1, 0});
  CHECK(calibration(0) == Approx(-std::log(3.0)).epsilon(1e-12));
  CHECK(calibration(2) == Approx(std::log(3.0)).epsilon(1e-12));
  CHECK(calibration.scale == Approx(std::log(3.0)).epsilon(1e-12));
  CHECK(calibration.bias == Approx(-std::log(3.0)).epsilon(1e-12));
  CHECK(calibration.temperature() == Approx(1 / std::log(3.0)).epsilon(1e-12));
}

TEST_CASE("a fitted calibration is where the gradient of the log loss vanishes", "[metrics]") {
  std::mt19937 random(9);
  std::normal_distribution<double> normal;
  const double deviation = GENERATE(1e-6, 1.0, 50.0, 1e8);
  const double offset = GENERATE(0.0, -7.0) * deviation;
  const double bias = GENERATE(0.0, -4.0);  // with -4, about one positive in forty
  Scores logits(4000), scores(4000);
  for (std::size_t i = 0; i < logits.size(); ++i) {
    logits[i] = 1.5 * normal(random) + bias;
    scores[i] = logits[i] * deviation + offset;
  }
  const Labels labels = draw_labels(logits, random);
  const Calibration calibration = fit(scores, labels);
  CAPTURE(deviation, offset, bias, calibration.scale, calibration.bias);
  double by_scale = 0, by_bias = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const double error = 1 / (1 + std::exp(-calibration(scores[i]))) - labels[i];
    by_scale += error * (scores[i] - offset) / deviation / 4000;
    by_bias += error / 4000;
  }
  CHECK(std::abs(by_scale) < 1e-7);
  CHECK(std::abs(by_bias) < 1e-7);
  // What was put in comes out, as well as 4000 labels tell.
  CHECK(calibration.scale * deviation == Approx(1.0).margin(0.15));
  CHECK(calibration(offset) == Approx(0.0).margin(0.4));
  CHECK(loss_after(calibration, scores, labels) <= loss_after({1 / deviation, -offset / deviation}, scores, labels));
}

TEST_CASE("scores that say nothing are calibrated to the base rate, reversed ones are turned round", "[metrics]") {
  const Labels labels{1, 0, 0, 1, 0, 0, 1, 0, 0};  // one of three at each score
  const Calibration constant = fit({1, 1, 1, 2, 2, 2, 3, 3, 3}, labels);
  CHECK(constant.scale == Approx(0.0).margin(1e-9));
  CHECK(constant.bias == Approx(-std::log(2.0)).epsilon(1e-9));
  const Scores scores{1, 2, 3, 4}, reversed{-1, -2, -3, -4};
  CHECK(fit(scores, {0, 1, 0, 1}).scale > 0);
  CHECK(fit(reversed, {0, 1, 0, 1}).scale == Approx(-fit(scores, {0, 1, 0, 1}).scale).epsilon(1e-9));
}

TEST_CASE("calibration is never worse than the base rate, also for nearly separable labels", "[metrics]") {
  Scores scores;
  Labels labels;
  for (int i = 0; i < 1000; ++i) {
    scores.push_back(i);
    labels.push_back(i >= 990);
  }
  labels[989] = 1;
  labels[990] = 0;  // one pair in the wrong order
  const Calibration calibration = fit(scores, labels);
  CHECK(calibration.scale > 1);
  CHECK(loss_after(calibration, scores, labels) < 0.1 * base_rate_log_loss(10, 1000));
  CHECK(fit(scores, labels).scale == calibration.scale);  // deterministic
}

TEST_CASE("calibration refuses what has no best fit", "[metrics][errors]") {
  CHECK(message_of<DataError>([] {
          fit({1, 2}, {1, 1});
        }) == "fit_calibration: labels hold 2 positives and 0 negatives, expected at least one of each");
  CHECK(message_of<DataError>([] {
          fit({1, 2, 3, 4}, {0, 0, 1, 1});
        }) == "fit_calibration: positives score 3 .. 4, negatives 1 .. 2, expected ranges that overlap");
  CHECK_THROWS_AS(fit({1, 2, 3, 4}, {1, 1, 0, 0}), DataError);
  CHECK_THROWS_AS(fit({1, 2, 2, 3}, {0, 0, 1, 1}), DataError);  // steeper is always better
  CHECK_THROWS_AS(fit({5, 5, 5}, {0, 1, 0}), DataError);        // any scale does
  CHECK_THROWS_AS(fit({}, {}), DataError);
  CHECK_THROWS_AS(fit({1}, {1, 0}), ShapeError);
  CHECK_THROWS_AS(fit({1, std::numeric_limits<double>::infinity()}, {1, 0}), NonFiniteError);
  CHECK_THROWS_AS(fit({1, 2}, {1, 2}), ArgumentError);
}
