// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/session_losses.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "seqrec/cpu/evaluate_rows.hpp"
#include "support/catch.hpp"
#include "support/finite_differences.hpp"
#include "support/row_losses.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

static_assert(WholeRowLoss<Top1> && WholeRowLoss<Top1Max> && WholeRowLoss<BprMax>);
static_assert(RowLossOverLanes<BprMax> && !PairwiseLoss<BprMax> && !WholeRowLoss<Bpr>);

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double bent(double x, double alpha) { return alpha == 0 || x > 0 ? x : alpha * std::expm1(x); }

/// The papers' formulas, term by term; scores that are minus infinity are not there.
double formula(const std::string& name, std::vector<double> scores, double alpha, double regularisation) {
  scores.erase(std::remove(scores.begin() + 1, scores.end(), -infinity), scores.end());
  for (double& score : scores) score = bent(score, alpha);
  double total = 0, top1 = 0, top1_max = 0, above = 0, squares = 0;
  for (std::size_t j = 1; j < scores.size(); ++j) total += std::exp(scores[j]);
  for (std::size_t j = 1; j < scores.size(); ++j) {
    const double weight = std::exp(scores[j]) / total;
    const double term = sigmoid(scores[j] - scores[0]) + sigmoid(scores[j] * scores[j]);
    top1 += term / static_cast<double>(scores.size() - 1);
    top1_max += weight * term;
    above += weight * sigmoid(scores[0] - scores[j]);
    squares += weight * scores[j] * scores[j];
  }
  if (scores.size() == 1) return 0;
  if (name == "TOP1") return top1;
  if (name == "TOP1-max") return top1_max;
  return -std::log(above) + regularisation * squares;
}

template <class Check>
void for_each_loss(Check check) {
  for (const double alpha : {0.0, 0.5, 1.0}) {
    check(Top1{alpha}, [=](const std::vector<double>& s) { return formula("TOP1", s, alpha, 0); });
    check(Top1Max{alpha}, [=](const std::vector<double>& s) { return formula("TOP1-max", s, alpha, 0); });
    for (const double regularisation : {0.0, 1.5})
      check(BprMax{regularisation, alpha},
            [=](const std::vector<double>& s) { return formula("BPR-max", s, alpha, regularisation); });
  }
}

template <class RowLoss, class Real>
std::pair<double, std::vector<Real>> evaluated(const RowLoss& loss, std::vector<Real> scores) {
  const double value = loss_of_row(loss, scores.data(), static_cast<index_t>(scores.size()));
  return {value, scores};
}

/// Rows in which the target is far below, among and far above its negatives.
std::vector<std::vector<double>> rows() {
  std::vector<std::vector<double>> all = {{0.3, -1.2, 2.0}, {0.3}, {-2.0, 4.0, 0.5, -3.0, 1.0}, {7.0, -4.0, 0.1}};
  for (const std::uint64_t seed : {1u, 2u, 3u}) all.push_back(random_matrix(1, 30, seed, 2.0).values);
  return all;
}

}  // namespace

TEST_CASE("session losses: worked numbers", "[ops]") {
  // Scores .3 (the target), -1.2, 2: shares of the negatives .039166 and .960834.
  const double low = 1 / (1 + std::exp(3.2)), high = 1 - low;
  const double of_low = sigmoid(-1.5) + sigmoid(1.44), of_high = sigmoid(1.7) + sigmoid(4);
  const std::vector scores{0.3, -1.2, 2.0};
  CHECK(evaluated(Top1{}, scores).first == Approx((of_low + of_high) / 2).epsilon(1e-13));
  CHECK(evaluated(Top1Max{}, scores).first == Approx(low * of_low + high * of_high).epsilon(1e-13));
  const double above = low * sigmoid(1.5) + high * sigmoid(-1.7);
  CHECK(evaluated(BprMax{}, scores).first == Approx(-std::log(above)).epsilon(1e-13));
  CHECK(evaluated(BprMax{.score_regularisation = 0.5}, scores).first ==
        Approx(-std::log(above) + 0.5 * (low * 1.44 + high * 4)).epsilon(1e-13));
  // elu with alpha 1/2: -1.2 becomes (exp(-1.2) - 1) / 2.
  const double bent_low = 0.5 * (std::exp(-1.2) - 1);
  CHECK(evaluated(Top1{.elu = 0.5}, scores).first ==
        Approx((sigmoid(bent_low - 0.3) + sigmoid(bent_low * bent_low) + of_high) / 2).epsilon(1e-13));
}

TEST_CASE("session losses: the papers' formulas, and their derivatives", "[ops]") {
  for_each_loss([](const auto& loss, const auto& expected) {
    for (const std::vector<double>& row : rows()) {
      CAPTURE(loss.text(), row);
      const auto [value, slopes] = evaluated(loss, row);
      CHECK(value == Approx(expected(row)).epsilon(1e-12).margin(1e-14));
      Matrix scores(1, static_cast<index_t>(row.size())), found = scores;
      scores.values = row;
      found.values = slopes;
      CHECK(difference(found, central_differences(scores, [&] { return expected(scores.values); })) <=
            central_difference_tolerance);
    }
  });
}

TEST_CASE("session losses: what is left out is as if it were not there", "[ops]") {
  for_each_loss([](const auto& loss, const auto&) {
    const auto without = evaluated(loss, std::vector{0.3, -1.2, 2.0});
    const auto with = evaluated(loss, std::vector{0.3, -infinity, -1.2, 2.0, -infinity});
    CHECK(with.first == without.first);
    CHECK(with.second == std::vector{without.second[0], 0.0, without.second[1], without.second[2], 0.0});
    const auto nobody = evaluated(loss, std::vector{0.3, -infinity});
    CHECK(nobody.first == 0);
    CHECK(nobody.second == std::vector{0.0, 0.0});
  });
}

TEST_CASE("session losses: single precision, and scores that are far away", "[ops]") {
  for_each_loss([](const auto& loss, const auto&) {
    for (const std::vector<double>& row : rows()) {
      const auto [expected, slopes] = evaluated(loss, row);
      const auto [found, found_slopes] = evaluated(loss, std::vector<float>(row.begin(), row.end()));
      CAPTURE(loss.text(), row);
      CHECK(found == Approx(expected).epsilon(1e-6).margin(1e-6));
      for (std::size_t j = 0; j < slopes.size(); ++j)
        CHECK(static_cast<double>(found_slopes[j]) == Approx(slopes[j]).epsilon(1e-5).margin(2e-7));
    }
    for (const float far : {1e4f, -1e4f}) {
      const auto [value, far_slopes] = evaluated(loss, std::vector<float>{far, -far, far, 0});
      CHECK(std::isfinite(value));
      for (const float slope : far_slopes) CHECK(std::isfinite(slope));
    }
    CHECK(std::isnan(evaluated(loss, std::vector{std::nan(""), 1.0, 2.0}).first));
    CHECK(std::isnan(evaluated(loss, std::vector{1.0, std::nan(""), 2.0}).first));
  });
  // As wrong as can be, and right by far: slopes of 1 and exp(-20), not NaN and 0.
  const auto [wrong, wrong_slopes] = evaluated(BprMax{}, std::vector{-500.0f, 0.0f});
  CHECK(wrong == 500);
  CHECK(wrong_slopes == std::vector{-1.0f, 1.0f});
  const auto [right, right_slopes] = evaluated(BprMax{}, std::vector{20.0f, 0.0f});
  CHECK(right == Approx(std::exp(-20.0)).epsilon(1e-5));
  CHECK(static_cast<double>(right_slopes[0]) == Approx(-std::exp(-20.0)).epsilon(1e-5));
}

TEMPLATE_TEST_CASE("session losses: many rows at once are what one after another are", "[ops]", float, double) {
  const double relative = std::is_same_v<TestType, float> ? 2e-5 : 1e-13;
  for_each_loss([&](const auto& loss, const auto&) {
    constexpr index_t lanes = cpu::Lanes<TestType>::count, count = 12, columns = 37;
    Matrix scores = random_matrix(count, columns, 7, 2.0);
    for (index_t i = 0; i < columns; ++i)
      for (index_t j = 1; j < count; ++j)
        if ((i + j) % 5 == 0 || i == 4) scores(j, i) = -infinity;
    std::vector<TestType> memory(static_cast<std::size_t>(count * round_up(columns, lanes)));
    const MatrixView<TestType, HostSpace> view(memory.data(), count, columns, round_up(columns, lanes));
    for (index_t j = 0; j < count; ++j)
      for (index_t i = 0; i < columns; ++i) view(j, i) = static_cast<TestType>(scores(j, i));
    std::vector<double> losses(columns);
    cpu::evaluate_rows<static_cast<int>(lanes)>(loss, view, 0.25, static_cast<TestType*>(nullptr), losses.data());
    index_t wrong = 0;
    for (index_t i = 0; i < columns; ++i) {
      std::vector<double> row;
      for (index_t j = 0; j < count; ++j) row.push_back(scores(j, i));
      const auto [value, slopes] = evaluated(loss, row);
      wrong += !(losses[static_cast<std::size_t>(i)] == Approx(0.25 * value).epsilon(relative).margin(1e-6));
      for (index_t j = 0; j < count; ++j)
        wrong += !(static_cast<double>(view(j, i)) ==
                   Approx(0.25 * slopes[static_cast<std::size_t>(j)]).epsilon(relative).margin(2e-7));
    }
    CHECK(wrong == 0);
  });
}

TEST_CASE("session losses: names, and numbers out of range", "[ops][errors]") {
  CHECK(Top1{}.text() == "TOP1");
  CHECK(Top1Max{.elu = 0.5}.text() == "TOP1-max, elu 0.5");
  CHECK(BprMax{.score_regularisation = 2, .elu = 1}.text() == "BPR-max, score regularisation 2, elu 1");
  const auto message = [](const auto& loss) { return message_of<ArgumentError>([&] { loss.check(); }); };
  CHECK(message(BprMax{.score_regularisation = -1}) ==
        "BPR-max score_regularisation is -1, expected a number of at least 0");
  CHECK(message(BprMax{.elu = std::nan("")}) == "BPR-max elu is nan, expected a number of at least 0");
  CHECK(message(Top1{.elu = -0.5}) == "TOP1 elu is -0.5, expected a number of at least 0");
  CHECK(message(Top1Max{.elu = infinity}) == "TOP1-max elu is inf, expected a number of at least 0");
}
