// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cpu/evaluate_rows.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "support/catch.hpp"
#include "support/row_losses.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// A loss over one row at a time: the mean of the negatives' scores less the target's.
struct Margin {
  template <class Real>
  double operator()(Real* scores, index_t count) const {
    double loss = -static_cast<double>(scores[0]);
    for (index_t j = 1; j < count; ++j) loss += static_cast<double>(scores[j]) / static_cast<double>(count - 1);
    scores[0] = -1;
    for (index_t j = 1; j < count; ++j) scores[j] = Real(1) / static_cast<Real>(count - 1);
    return loss;
  }
};

struct Results {
  Matrix losses, slopes;  ///< (1, rows), (S, rows)
};

/// @param scores (S, rows)
template <class Real, class RowLoss>
Results in_packs(const RowLoss& loss, const Matrix& scores, double scale = 1) {
  constexpr index_t lanes = cpu::Lanes<Real>::count;
  const index_t stride = round_up(scores.columns, lanes);
  std::vector<Real> memory(static_cast<std::size_t>(scores.rows * stride)), row(static_cast<std::size_t>(scores.rows));
  const MatrixView<Real, HostSpace> view(memory.data(), scores.rows, scores.columns, stride);
  for (index_t j = 0; j < scores.rows; ++j)
    for (index_t i = 0; i < scores.columns; ++i) view(j, i) = static_cast<Real>(scores(j, i));
  Results r{Matrix(1, scores.columns), Matrix(scores.rows, scores.columns)};
  cpu::evaluate_rows<static_cast<int>(lanes)>(loss, view, scale, row.data(), r.losses.values.data());
  for (index_t j = 0; j < scores.rows; ++j)
    for (index_t i = 0; i < scores.columns; ++i) r.slopes(j, i) = static_cast<double>(view(j, i));
  return r;
}

/// One row after another, in double; scores of minus infinity are not even there.
template <class RowLoss>
Results row_by_row(const RowLoss& loss, const Matrix& scores, double scale = 1) {
  Results r{Matrix(1, scores.columns), Matrix(scores.rows, scores.columns)};
  for (index_t i = 0; i < scores.columns; ++i) {
    std::vector<double> row;
    for (index_t j = 0; j < scores.rows; ++j)
      if (scores(j, i) != -infinity) row.push_back(scores(j, i));
    r.losses(i) = scale * loss_of_row(loss, row.data(), static_cast<index_t>(row.size()));
    std::size_t next = 0;
    for (index_t j = 0; j < scores.rows; ++j) r.slopes(j, i) = scores(j, i) != -infinity ? scale * row[next++] : 0;
  }
  return r;
}

template <class Check>
void for_each_loss(Check check) {
  check(BinaryCrossEntropy{});
  check(BinaryCrossEntropy{.target_weight = 0.3});
  check(Bpr{});
  check(SampledSoftmax{});
  check(SampledSoftmax{.temperature = 0.3});
  check(SampledSoftmax{.temperature = 7});
  check(Margin{});
}

}  // namespace

TEMPLATE_TEST_CASE("evaluate_rows: packs of rows against one row at a time", "[cpu]", float, double) {
  const double relative = std::is_same_v<TestType, float> ? 1e-6 : 1e-14;
  for_each_loss([&](const auto& loss) {
    for (const index_t rows : {0, 1, 5, 16, 37})
      for (const index_t count : {1, 2, 9, 300}) {
        if (count == 1 && std::is_same_v<std::remove_cvref_t<decltype(loss)>, Margin>) continue;
        CAPTURE(rows, count);
        const Matrix scores = random_matrix(count, rows, 7, 3.0);
        const Results r = in_packs<TestType>(loss, scores, 0.25), expected = row_by_row(loss, scores, 0.25);
        index_t wrong = 0;
        const auto compare = [&](const Matrix& found, const Matrix& wanted) {
          for (index_t i = 0; i < found.size(); ++i)
            wrong += !(found(i) == Approx(wanted(i)).epsilon(relative).margin(1e-12));
        };
        compare(r.losses, expected.losses);
        compare(r.slopes, expected.slopes);
        CHECK(wrong == 0);
      }
  });
}

TEMPLATE_TEST_CASE("evaluate_rows: minus infinity is left out", "[cpu]", float, double) {
  Matrix scores = random_matrix(6, 21, 3, 2.0);
  for (index_t i = 0; i < 21; ++i)
    for (index_t j = 1; j < 6; ++j)
      if ((i + j) % 3 == 0 || i == 5) scores(j, i) = -infinity;
  for_each_loss([&](const auto& loss) {
    if (std::is_same_v<std::remove_cvref_t<decltype(loss)>, Margin>) scores(1, 5) = 1;  // it divides by their number
    const Results r = in_packs<TestType>(loss, scores), expected = row_by_row(loss, scores);
    CHECK(difference(r.losses, expected.losses) <= 1e-6);
    CHECK(difference(r.slopes, expected.slopes) <= 1e-6);
    for (index_t i = 0; i < scores.size(); ++i)
      if (scores(i) == -infinity) CHECK(r.slopes(i) == 0);
  });
}

TEMPLATE_TEST_CASE("evaluate_rows: a score that is not a number shows in the loss of its row alone", "[cpu]", float,
                   double) {
  for_each_loss([](const auto& loss) {
    for (const index_t place : {0, 2}) {
      Matrix scores = random_matrix(4, 19, 3);
      scores(place, 6) = std::numeric_limits<double>::quiet_NaN();
      const Results r = in_packs<TestType>(loss, scores);
      for (index_t i = 0; i < 19; ++i) CHECK(std::isnan(r.losses(i)) == (i == 6));
    }
  });
}

TEMPLATE_TEST_CASE("evaluate_rows: extreme scores give finite numbers", "[cpu]", float, double) {
  for (const double extreme : {1e4, -1e4}) {
    Matrix scores(4, 3, extreme);
    for (index_t i = 0; i < 3; ++i) scores(1, i) = -extreme;
    for_each_loss([&](const auto& loss) {
      const Results r = in_packs<TestType>(loss, scores);
      for (const double value : r.losses.values) CHECK(std::isfinite(value));
      for (const double value : r.slopes.values) CHECK(std::isfinite(value));
    });
    // one of the two is as wrong as can be, the other certain
    const Results r = in_packs<TestType>(BinaryCrossEntropy{}, Matrix(2, 3, extreme));
    CHECK(r.losses(0) == 1e4);
    CHECK(r.slopes(0, 0) == (extreme > 0 ? 0 : -1));
    CHECK(r.slopes(1, 0) == (extreme > 0 ? 1 : 0));
  }
}

TEMPLATE_TEST_CASE("evaluate_rows: a target far above the others keeps a slope", "[cpu]", float, double) {
  Matrix scores(2, 1);
  scores(0, 0) = 30;
  const Results r = in_packs<TestType>(SampledSoftmax{}, scores);
  CHECK(r.losses(0) == Approx(std::exp(-30.0)).epsilon(1e-6));
  CHECK(r.slopes(0, 0) == Approx(-std::exp(-30.0)).epsilon(1e-6));  // 1 - p, which rounds to 0 as a difference
  CHECK(r.slopes(1, 0) == Approx(std::exp(-30.0)).epsilon(1e-6));
}
