// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/row_losses.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/finite_differences.hpp"
#include "support/row_losses.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

/// A row's loss, and its derivatives in the scores' place.
template <class RowLoss, class Real>
std::pair<double, std::vector<Real>> evaluated(const RowLoss& loss, std::vector<Real> scores) {
  const double value = loss_of_row(loss, scores.data(), static_cast<index_t>(scores.size()));
  return {value, scores};
}

template <class RowLoss>
void check_derivatives(const RowLoss& loss, index_t count) {
  Matrix scores = random_matrix(1, count, 7, 2.0);
  Matrix found(1, count);
  found.values = evaluated(loss, scores.values).second;
  CHECK(difference(found, central_differences(scores, [&] { return evaluated(loss, scores.values).first; })) <=
        central_difference_tolerance);
}

/// Float against double, and whether extreme scores give finite numbers.
template <class RowLoss>
void check_precision(const RowLoss& loss) {
  const Matrix scores = random_matrix(1, 9, 3, 3.0);
  const auto [expected, slopes] = evaluated(loss, scores.values);
  const auto [found, found_slopes] = evaluated(loss, std::vector<float>(scores.values.begin(), scores.values.end()));
  CHECK(found == Approx(expected).epsilon(1e-6));
  for (std::size_t j = 0; j < slopes.size(); ++j)
    CHECK(static_cast<double>(found_slopes[j]) == Approx(slopes[j]).epsilon(1e-6).margin(1e-12));
  for (const float extreme : {1e4f, -1e4f}) {
    const auto [value, far_slopes] = evaluated(loss, std::vector<float>{extreme, -extreme, extreme, 0});
    CHECK(std::isfinite(value));
    for (const float slope : far_slopes) CHECK(std::isfinite(slope));
  }
}

double softplus(double x) { return std::log1p(std::exp(x)); }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

}  // namespace

TEST_CASE("binary cross-entropy: softplus of minus the target's score, and of the others'", "[ops]") {
  const auto [loss, slopes] = evaluated(BinaryCrossEntropy{}, std::vector{0.3, -1.2, 2.0});
  CHECK(loss == Approx(softplus(-0.3) + softplus(-1.2) + softplus(2.0)).epsilon(1e-14));
  CHECK(slopes[0] == Approx(sigmoid(0.3) - 1).epsilon(1e-14));
  CHECK(slopes[1] == Approx(sigmoid(-1.2)).epsilon(1e-14));
  CHECK(slopes[2] == Approx(sigmoid(2.0)).epsilon(1e-14));

  const auto [weighted, weighted_slopes] =
      evaluated(BinaryCrossEntropy{.target_weight = 0.25}, std::vector{0.3, -1.2, 2.0});
  CHECK(weighted == Approx(0.25 * softplus(-0.3) + softplus(-1.2) + softplus(2.0)).epsilon(1e-14));
  CHECK(weighted_slopes[0] == Approx(0.25 * slopes[0]).epsilon(1e-14));
  CHECK(weighted_slopes[1] == slopes[1]);
}

TEMPLATE_TEST_CASE("binary cross-entropy: scores of ten thousand either way stay finite", "[ops]", float, double) {
  for (const TestType extreme : {TestType(1e4), TestType(-1e4)}) {
    // one of the two is as wrong as can be, the other certain
    const auto [loss, slopes] = evaluated(BinaryCrossEntropy{}, std::vector{extreme, extreme});
    CHECK(loss == 1e4);
    CHECK(slopes[0] == (extreme > 0 ? 0 : -1));
    CHECK(slopes[1] == (extreme > 0 ? 1 : 0));
  }
}

TEST_CASE("generalised binary cross-entropy: the target's probability to the power of beta", "[ops]") {
  const std::vector scores{0.3, -1.2, 2.0};
  const index_t items = 101, negatives = 2;
  for (const double t : {0.0, 0.25, 0.75, 1.0}) {
    const double alpha = 2.0 / 100, beta = alpha * (t * (1 - 1 / alpha) + 1 / alpha);  // as the paper has it
    const GeneralisedBinaryCrossEntropy loss{.calibration = t};
    CHECK(loss.target_weight(items, negatives) == Approx(beta).epsilon(1e-14));
    const double expected =
        -std::log(std::pow(sigmoid(0.3), beta)) - std::log(1 - sigmoid(-1.2)) - std::log(1 - sigmoid(2.0));
    CHECK(evaluated(loss.row_loss(items, negatives), scores).first == Approx(expected).epsilon(1e-12));
  }
  // calibration 0, or every item a negative: the plain loss, to the bit
  const auto plain = evaluated(BinaryCrossEntropy{}, scores);
  CHECK(evaluated(GeneralisedBinaryCrossEntropy{.calibration = 0}.row_loss(items, 2), scores) == plain);
  for (const index_t every : {100, 101, 1000})
    CHECK(evaluated(GeneralisedBinaryCrossEntropy{}.row_loss(items, every), scores) == plain);
  CHECK(GeneralisedBinaryCrossEntropy{}.target_weight(1, 1) == 1);
}

TEST_CASE("BPR: softplus of every negative's lead over the target", "[ops]") {
  const auto [loss, slopes] = evaluated(Bpr{}, std::vector{0.3, -1.2, 2.0});
  CHECK(loss == Approx(softplus(-1.5) + softplus(1.7)).epsilon(1e-14));
  CHECK(slopes[0] == Approx(-sigmoid(-1.5) - sigmoid(1.7)).epsilon(1e-14));
  CHECK(slopes[1] == Approx(sigmoid(-1.5)).epsilon(1e-14));
  CHECK(slopes[2] == Approx(sigmoid(1.7)).epsilon(1e-14));
  CHECK(evaluated(Bpr{}, std::vector{0.3}).first == 0);  // nobody to be above
}

TEST_CASE("sampled softmax: cross-entropy among target and negatives, at a temperature", "[ops]") {
  for (const double temperature : {1.0, 0.07, 3.0}) {
    const std::vector scores{0.3, -1.2, 2.0};
    double total = 0;
    for (const double score : scores) total += std::exp(score / temperature);
    const auto [loss, slopes] = evaluated(SampledSoftmax{.temperature = temperature}, scores);
    CHECK(loss == Approx(std::log(total) - 0.3 / temperature).epsilon(1e-13));
    for (std::size_t j = 0; j < 3; ++j)
      CHECK(slopes[j] == Approx((std::exp(scores[j] / temperature) / total - (j == 0)) / temperature).epsilon(1e-12));
    CHECK(slopes[0] + slopes[1] + slopes[2] == Approx(0).margin(1e-14 / temperature));
  }
}

TEST_CASE("sampled softmax: a target far above the others keeps a slope in single precision", "[ops]") {
  const auto [loss, slopes] = evaluated(SampledSoftmax{}, std::vector{30.0f, 0.0f});
  CHECK(loss >= 0);
  CHECK(slopes[0] == Approx(-std::exp(-30.0)).epsilon(1e-6));  // 1 - p, which rounds to 0 as a difference
  CHECK(slopes[1] == Approx(std::exp(-30.0)).epsilon(1e-6));
}

TEST_CASE("InfoNCE is the sampled softmax without a correction", "[ops]") {
  const SampledSoftmax stands_for = InfoNce{.temperature = 0.2}.row_loss(100, 5);
  CHECK(stands_for.temperature == 0.2);
  CHECK(stands_for.sampling_correction() == 0);
  // log q is a part of the logit, so in units of a score it is a temperature's worth
  CHECK(SampledSoftmax{.temperature = 0.2}.sampling_correction() == 0.2);
  CHECK(SampledSoftmax{}.sampling_correction() == 1);
}

TEST_CASE("only the sampled softmax asks how likely its items were", "[ops]") {
  static_assert(CorrectsSampling<SampledSoftmax>);
  static_assert(!CorrectsSampling<BinaryCrossEntropy> && !CorrectsSampling<Bpr>);
  static_assert(std::is_same_v<decltype(InfoNce{}.row_loss(1, 1)), SampledSoftmax>);
  static_assert(std::is_same_v<decltype(GeneralisedBinaryCrossEntropy{}.row_loss(1, 1)), BinaryCrossEntropy>);
  SUCCEED();
}

TEST_CASE("the derivatives of every row loss are those of its value, in both precisions", "[ops]") {
  const auto check = [](const auto& loss) {
    for (const index_t count : {1, 2, 9}) check_derivatives(loss, count);
    check_precision(loss);
  };
  check(BinaryCrossEntropy{});
  check(GeneralisedBinaryCrossEntropy{}.row_loss(1000, 8));
  check(Bpr{});
  check(SampledSoftmax{});
  check(SampledSoftmax{.temperature = 0.3});
}

TEST_CASE("a row loss says what it is", "[ops]") {
  CHECK(BinaryCrossEntropy{}.text() == "binary cross-entropy");
  CHECK(BinaryCrossEntropy{.target_weight = 0.5}.text() == "binary cross-entropy, target weight 0.5");
  CHECK(GeneralisedBinaryCrossEntropy{}.text() == "generalised binary cross-entropy, calibration 0.75");
  CHECK(std::string(Bpr::name) == "BPR");
  CHECK(SampledSoftmax{}.text() == "sampled softmax, temperature 1");
  CHECK(SampledSoftmax{.temperature = 0.1, .corrects_sampling = false}.text() ==
        "sampled softmax, temperature 0.1, not corrected for sampling");
  CHECK(InfoNce{.temperature = 0.05}.text() == "InfoNCE, temperature 0.05");
}

TEST_CASE("a number of a row loss that is out of range is named", "[ops][errors]") {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  const auto message = [](const auto& loss) { return message_of<ArgumentError>([&] { loss.check(); }); };
  CHECK_NOTHROW(BinaryCrossEntropy{}.check());
  CHECK_NOTHROW(SampledSoftmax{}.check());
  CHECK_NOTHROW(InfoNce{}.check());
  for (const double calibration : {0.0, 0.75, 1.0})
    CHECK_NOTHROW(GeneralisedBinaryCrossEntropy{.calibration = calibration}.check());
  CHECK(message(GeneralisedBinaryCrossEntropy{.calibration = 1.5}) ==
        "GeneralisedBinaryCrossEntropy calibration is 1.5, expected a number from 0 to 1");
  CHECK(message(SampledSoftmax{.temperature = 0}) == "sampled softmax temperature is 0, expected a positive number");
  CHECK(message(InfoNce{.temperature = -1}) == "InfoNCE temperature is -1, expected a positive number");
  CHECK(message(BinaryCrossEntropy{.target_weight = 0}) ==
        "BinaryCrossEntropy target_weight is 0, expected a positive number");
  for (const double bad : {nan, infinity, -0.5}) {
    CHECK_THROWS_AS(GeneralisedBinaryCrossEntropy{.calibration = bad}.check(), ArgumentError);
    CHECK_THROWS_AS(SampledSoftmax{.temperature = bad}.check(), ArgumentError);
    CHECK_THROWS_AS(InfoNce{.temperature = bad}.check(), ArgumentError);
    CHECK_THROWS_AS(BinaryCrossEntropy{.target_weight = bad}.check(), ArgumentError);
  }
}
