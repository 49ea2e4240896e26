// SPDX-License-Identifier: Apache-2.0
#include "seqrec/metrics/classification.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::message_of;

namespace {

using Scores = std::vector<float>;
using Labels = std::vector<std::uint8_t>;

double auc_of(const Scores& scores, const Labels& labels) { return auc<float, std::uint8_t>(scores, labels); }
double log_loss_of(const std::vector<double>& logits, const Labels& labels) {
  return log_loss<double, std::uint8_t>(logits, labels);
}

}  // namespace

TEST_CASE("pooled AUC, by hand", "[metrics]") {
  CHECK(auc_of({1, 2, 3, 4}, {0, 0, 1, 1}) == 1.0);
  CHECK(auc_of({1, 2, 3, 4}, {1, 1, 0, 0}) == 0.0);
  CHECK(auc_of({1, 2, 3, 4}, {0, 1, 0, 1}) == 0.75);
  CHECK(auc_of({2, 2, 2, 2}, {0, 1, 0, 1}) == 0.5);
  CHECK(auc_of({1, 2, 2, 3}, {0, 1, 0, 1}) == 0.875);
  CHECK(auc_of({1, 0}, {1, 0}) == 1.0);
}

TEST_CASE("pooled AUC counts every pair, ties half", "[metrics]") {
  std::mt19937 random(11);
  for (const int levels : {2, 7, 1000}) {
    std::uniform_int_distribution<int> level(-levels, levels);
    Scores scores(257);
    Labels labels(scores.size());
    for (std::size_t i = 0; i < scores.size(); ++i) {
      labels[i] = random() % 3 == 0;
      scores[i] = static_cast<float>(level(random) + labels[i]) * 0.5f;
    }
    double wins = 0, pairs = 0;
    for (std::size_t p = 0; p < scores.size(); ++p)
      for (std::size_t n = 0; n < scores.size(); ++n)
        if (labels[p] == 1 && labels[n] == 0) {
          pairs += 1;
          wins += scores[p] > scores[n] ? 1.0 : scores[p] == scores[n] ? 0.5 : 0.0;
        }
    CHECK(auc_of(scores, labels) == Approx(wins / pairs).epsilon(1e-15));
  }
}

TEST_CASE("AUC is blind to a monotone change of scale, zeros have one sign", "[metrics]") {
  CHECK(auc_of({0.0f, -0.0f}, {1, 0}) == 0.5);
  const Scores scores{-3, -1, 0, 0.5f, 2, 2.5f};
  const Labels labels{0, 1, 0, 1, 1, 0};
  Scores stretched = scores;
  for (float& score : stretched) score = std::exp(score);
  CHECK(auc_of(stretched, labels) == auc_of(scores, labels));
}

TEST_CASE("log loss, by hand and at extremes", "[metrics]") {
  CHECK(log_loss_of({0, 0}, {0, 1}) == Approx(std::log(2.0)).epsilon(1e-15));
  const double logit = 0.7, probability = 1 / (1 + std::exp(-logit));
  CHECK(log_loss_of({logit}, {1}) == Approx(-std::log(probability)).epsilon(1e-14));
  CHECK(log_loss_of({logit}, {0}) == Approx(-std::log(1 - probability)).epsilon(1e-14));
  CHECK(log_loss_of({1000, -1000}, {1, 0}) == 0.0);
  CHECK(log_loss_of({1000, -1000}, {0, 1}) == 1000.0);
}

TEST_CASE("the base-rate floor is the log loss of the best constant", "[metrics]") {
  CHECK(base_rate_log_loss(1, 2) == Approx(std::log(2.0)).epsilon(1e-15));
  CHECK(base_rate_log_loss(1, 100) == Approx(0.0560015343540).epsilon(1e-10));  // 1 + 99 candidates
  CHECK(base_rate_log_loss(0, 7) == 0.0);
  CHECK(base_rate_log_loss(7, 7) == 0.0);
  const Labels labels{1, 0, 0, 0, 1, 0, 0};
  const double floor = base_rate_log_loss(2, 7), best = std::log(2.0 / 5);
  CHECK(log_loss_of(std::vector<double>(7, best), labels) == Approx(floor).epsilon(1e-14));
  CHECK(log_loss_of(std::vector<double>(7, best + 0.01), labels) > floor);
  CHECK(log_loss_of(std::vector<double>(7, best - 0.01), labels) > floor);
  CHECK(normalised_entropy(floor / 2, floor) == 0.5);
  CHECK(std::isnan(normalised_entropy(0.1, base_rate_log_loss(0, 7))));
  CHECK_THROWS_AS(base_rate_log_loss(0, 0), ArgumentError);
  CHECK_THAT(message_of<ArgumentError>([] { base_rate_log_loss(8, 7); }), ContainsSubstring("positives is 8"));
  CHECK_THROWS_AS(base_rate_log_loss(-1, 7), ArgumentError);
}

TEST_CASE("classification metrics refuse what cannot be", "[metrics][errors]") {
  CHECK(message_of<ShapeError>([] { auc_of({1, 2}, {1}); }) == "auc: number of labels is 1, expected 2");
  CHECK(message_of<ArgumentError>([] { auc_of({1, 2}, {1, 2}); }) == "auc: label 1 is 2, expected 0 or 1");
  CHECK(message_of<NonFiniteError>([] {
          auc_of({1, std::numeric_limits<float>::quiet_NaN()}, {1, 0});
        }) == "auc: score 1 is nan, expected a finite number");
  CHECK_THROWS_AS(auc_of({std::numeric_limits<float>::infinity(), 1}, {1, 0}), NonFiniteError);
  CHECK_THAT(message_of<DataError>([] { auc_of({1, 2}, {1, 1}); }), ContainsSubstring("2 positives and 0 negatives"));
  CHECK_THROWS_AS(auc_of({}, {}), DataError);
  CHECK_THROWS_AS(log_loss_of({}, {}), DataError);
  CHECK_THROWS_AS(log_loss_of({1}, {1, 1}), ShapeError);
}
