// SPDX-License-Identifier: Apache-2.0
#include "seqrec/metrics/clicks.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::message_of;

namespace {

using Scores = std::vector<float>;
using Labels = std::vector<std::uint8_t>;

void add(ClickMetrics& metrics, const Scores& scores, const Labels& labels) {
  metrics.add(std::span<const float>(scores), std::span<const std::uint8_t>(labels));
}

struct User {
  Scores scores;
  Labels labels;
};

/// Users of 1 .. 30 impressions with scores that tie often; labels follow the scores a little.
std::vector<User> random_users(std::size_t count, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<User> users(count);
  for (User& user : users) {
    user.scores.resize(1 + random() % 30);
    for (float& score : user.scores) {
      score = static_cast<float>(random() % 9) * 0.5f - 2.0f;
      user.labels.push_back(random() % 9 < 1 + static_cast<std::uint32_t>(score + 2.0f));
    }
  }
  return users;
}

ClickMetrics metrics_of(const std::vector<User>& users) {
  ClickMetrics metrics;
  for (const User& user : users) add(metrics, user.scores, user.labels);
  return metrics;
}

/// Wins of positives over negatives, pair by pair.
struct Pairs {
  double wins = 0, count = 0;
  void add(const User& positive, const User& negative) {
    for (std::size_t p = 0; p < positive.scores.size(); ++p)
      for (std::size_t n = 0; n < negative.scores.size(); ++n) {
        if (positive.labels[p] == 0 || negative.labels[n] == 1) continue;
        count += 1;
        wins += positive.scores[p] > negative.scores[n] ? 1 : positive.scores[p] == negative.scores[n] ? 0.5 : 0;
      }
  }
};

}  // namespace

TEST_CASE("click metrics, by hand", "[metrics]") {
  ClickMetrics metrics;
  add(metrics, {2, 1}, {1, 0});              // AUC 1
  add(metrics, {3, 1, 2, 0}, {0, 1, 0, 0});  // AUC 1/3
  add(metrics, {9, 9, 9}, {0, 0, 0});        // nobody clicked
  const ClickResult result = metrics.result();
  CHECK(result.users == 3);
  CHECK(result.users_with_both == 2);
  CHECK(result.impressions == 9);
  CHECK(result.positives == 2);
  CHECK(result.user_auc == Approx((1 + 1.0 / 3) / 2).epsilon(1e-15));
  CHECK(result.gauc == Approx((2 * 1 + 4 * (1.0 / 3)) / 6).epsilon(1e-15));
  // The positive with 2 beats 1 and 0 and ties with 2; that with 1 beats 0 and ties with 1: four wins of 2 x 7 pairs.
  CHECK(result.pooled_auc == Approx((2.5 + 1.5) / 14).epsilon(1e-15));
  CHECK(result.base_rate_log_loss == Approx(base_rate_log_loss(2, 9)).epsilon(1e-15));
  CHECK(result.normalised_entropy == Approx(result.log_loss / result.base_rate_log_loss).epsilon(1e-15));
}

TEST_CASE("click metrics count every pair, within users and over all", "[metrics]") {
  for (const std::uint32_t seed : {1u, 2u, 3u}) {
    const std::vector<User> users = random_users(60, seed);
    const ClickResult result = metrics_of(users).result();
    Pairs all;
    double aucs = 0, with_both = 0, weighted = 0, weights = 0, loss = 0, impressions = 0;
    for (const User& user : users) {
      for (const User& other : users) all.add(user, other);
      Pairs own;
      own.add(user, user);
      if (own.count > 0) {
        const auto size = static_cast<double>(user.scores.size());
        aucs += own.wins / own.count;
        with_both += 1;
        weighted += size * own.wins / own.count;
        weights += size;
      }
      for (std::size_t i = 0; i < user.scores.size(); ++i) {
        const double probability = 1 / (1 + std::exp(-static_cast<double>(user.scores[i])));
        loss -= std::log(user.labels[i] == 1 ? probability : 1 - probability);
        impressions += 1;
      }
    }
    CAPTURE(seed);
    CHECK(with_both > 10);
    CHECK(with_both < 60);
    CHECK(static_cast<double>(result.users_with_both) == with_both);
    CHECK(result.pooled_auc == Approx(all.wins / all.count).epsilon(1e-14));
    CHECK(result.user_auc == Approx(aucs / with_both).epsilon(1e-13));
    CHECK(result.gauc == Approx(weighted / weights).epsilon(1e-13));
    CHECK(result.log_loss == Approx(loss / impressions).epsilon(1e-13));
  }
}

TEST_CASE("shuffled labels have AUC one half, however pooled", "[metrics]") {
  std::vector<User> users = random_users(2000, 5);
  std::mt19937 random(6);
  for (User& user : users) std::shuffle(user.labels.begin(), user.labels.end(), random);
  const ClickResult result = metrics_of(users).result();
  CHECK(result.user_auc == Approx(0.5).margin(0.02));
  CHECK(result.gauc == Approx(0.5).margin(0.02));

  Labels all;
  for (const User& user : users) all.insert(all.end(), user.labels.begin(), user.labels.end());
  std::shuffle(all.begin(), all.end(), random);
  auto next = all.begin();
  for (User& user : users)
    for (auto& label : user.labels) label = *next++;
  CHECK(metrics_of(users).result().pooled_auc == Approx(0.5).margin(0.02));
}

TEST_CASE("a calibration changes the log loss and nothing else", "[metrics]") {
  const ClickMetrics validation = metrics_of(random_users(300, 7)), test = metrics_of(random_users(300, 8));
  const Calibration calibration = validation.calibration();
  const ClickResult raw = test.result(), calibrated = test.result(calibration);
  CHECK(calibrated.pooled_auc == raw.pooled_auc);
  CHECK(calibrated.user_auc == raw.user_auc);
  CHECK(calibrated.gauc == raw.gauc);
  CHECK(calibrated.log_loss < raw.log_loss);
  CHECK(calibrated.normalised_entropy < 1);
  CHECK(raw.normalised_entropy > 1);  // scores of -2 .. 2 that mean something else
  const double own = validation.result(calibration).log_loss;
  CHECK(own < validation.result({calibration.scale * 1.01, calibration.bias}).log_loss);
  CHECK(own < validation.result({calibration.scale, calibration.bias + 0.01}).log_loss);
}

TEST_CASE("click metrics are found by name", "[metrics]") {
  ClickMetrics metrics;
  add(metrics, {2, 1}, {1, 0});
  const ClickResult result = metrics.result();
  std::string names;
  result.for_each_metric([&](const char* name, double value) {
    names.append(name).append(" ");
    CHECK(result[name] == value);
  });
  CHECK(names == "pooled_auc user_auc gauc log_loss base_rate_log_loss normalised_entropy ");
  CHECK(message_of<ArgumentError>([&] { (void)result["auc"]; }) ==
        "metric is auc, expected one of pooled_auc, user_auc, gauc, log_loss, base_rate_log_loss, normalised_entropy");
}

TEST_CASE("users with one impression each have a pooled AUC only", "[metrics]") {
  ClickMetrics metrics;
  add(metrics, {1}, {1});
  add(metrics, {0}, {0});
  const ClickResult result = metrics.result();
  CHECK(result.pooled_auc == 1.0);
  CHECK(result.users_with_both == 0);
  CHECK(std::isnan(result.user_auc));
  CHECK(std::isnan(result.gauc));
}

TEST_CASE("click metrics refuse what cannot be, and stay as they were", "[metrics][errors]") {
  ClickMetrics metrics;
  CHECK_THROWS_AS(metrics.result(), DataError);
  CHECK(message_of<ArgumentError>([&] { add(metrics, {}, {}); }) ==
        "ClickMetrics: impressions is 0, expected at least 1");
  CHECK_THROWS_AS(add(metrics, {1, 2}, {1}), ShapeError);
  CHECK_THROWS_AS(add(metrics, {1, 2}, {1, 3}), ArgumentError);
  CHECK_THROWS_AS(add(metrics, {1, std::numeric_limits<float>::quiet_NaN()}, {1, 0}), NonFiniteError);
  CHECK(metrics.users() == 0);
  add(metrics, {1, 2}, {1, 1});
  CHECK_THAT(message_of<DataError>([&] { metrics.result(); }), ContainsSubstring("2 positives and 0 negatives"));
  CHECK_THROWS_AS(metrics.calibration(), DataError);
}
