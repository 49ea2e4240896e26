// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/click_loss.hpp"

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "seqrec/cpu/click_loss.hpp"
#include "seqrec/cuda/click_loss.cuh"
#include "support/all_backends.hpp"
#include "support/catch.hpp"
#include "support/finite_differences.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

struct Problem {
  Matrix scores, labels;  ///< (C, 1), (1, C)
  double scale = 0.25;
  Layout layout = Layout::dense;
  Matrix items{};            ///< (1, C), or empty: scores are not corrected
  Matrix log_probability{};  ///< (1, V)
};

Problem problem(index_t rows, bool corrected = false) {
  Problem p{random_matrix(rows, 1, 1, 3.0), Matrix(1, rows)};
  for (index_t c = 0; c < rows; ++c) p.labels(c) = c % 4 == 0 ? 1 : c % 4 == 3 ? 0.25 : 0;  // float has these exactly
  if (corrected) {
    p.items = Matrix(1, rows);
    for (index_t c = 0; c < rows; ++c) p.items(c) = static_cast<double>(c * 5 % 7);
    p.log_probability = random_matrix(1, 7, 4, 1.0, -3.0);
  }
  return p;
}

struct Results {
  Matrix losses, dscores;  ///< (1, C), (C, 1)
};

Results by_loops(const Problem& p) {
  Results r{Matrix(1, p.scores.rows), Matrix(p.scores.rows, 1)};
  for (index_t c = 0; c < p.scores.rows; ++c) {
    double score = p.scores(c);
    const double label = p.labels(c);  // -log sigmoid(x) = log(1 + exp(-x))
    if (p.items.size() != 0) {
      const double q = std::exp(p.log_probability(static_cast<index_t>(p.items(c))));
      score -= std::log(q * static_cast<double>(p.log_probability.size()));
    }
    r.losses(c) = p.scale * (label * std::log1p(std::exp(-score)) + (1 - label) * std::log1p(std::exp(score)));
    r.dscores(c) = p.scale * (1 / (1 + std::exp(-score)) - label);
  }
  return r;
}

template <class Context>
Results evaluated(const Problem& p, bool with_gradient = true) {
  Context context;
  PlacedScalars<Context> scores(p.scores, p.layout), dscores(unwritten(p.scores.rows, 1), p.layout);
  Placed<float, typename Context::Space> labels(p.labels, p.layout);
  Placed<double, typename Context::Space> losses(unwritten(1, p.scores.rows), p.layout);
  Placed<item_t, typename Context::Space> items(p.items, p.layout);
  Placed<float, typename Context::Space> log_probability(p.log_probability, p.layout);
  ClickLoss<Context> a{scores.matrix(), labels.vector(), p.scale, losses.vector(),
                       with_gradient ? dscores.matrix() : matrix_of<Context>{}};
  if (p.items.size() != 0) {
    a.items = items.vector();
    a.log_probability = log_probability.vector();
  }
  ops::click_loss(context, a);
  return {losses.read(), dscores.read()};
}

}  // namespace

TEMPLATE_TEST_CASE("click_loss: against the logarithms of probabilities", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  const bool corrected = GENERATE(false, true);
  for (const index_t rows : {0, 1, 7, 33, 130, 300})
    for (const Layout layout : {Layout::dense, Layout::strided}) {
      CAPTURE(rows, layout == Layout::strided);
      Problem p = problem(rows, corrected);
      p.layout = layout;
      const Results r = evaluated<TestType>(p), expected = by_loops(p);
      CHECK(difference(r.losses, expected.losses) <= tolerance<TestType>::value);
      CHECK(difference(r.dscores, expected.dscores) <= tolerance<TestType>::gradient);
      const Results without = evaluated<TestType>(p, false);
      CHECK(same_bits(without.losses, r.losses));
      CHECK(same_bits(without.dscores, unwritten(rows, 1)));
    }
}

TEST_CASE("click_loss: gradient against central differences", "[ops]") {
  Problem p = problem(9, GENERATE(false, true));
  const Matrix dscores = evaluated<CpuDouble>(p).dscores;
  const auto loss = [&] {
    double sum = 0;
    for (const double value : evaluated<CpuDouble>(p, false).losses.values) sum += value;
    return sum;
  };
  CHECK(difference(dscores, central_differences(p.scores, loss)) <= central_difference_tolerance);
}

TEMPLATE_TEST_CASE("click_loss: scores of ten thousand either way stay finite", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  Problem p{Matrix(4, 1), Matrix(1, 4), 1};
  p.scores.values = {1e4, 1e4, -1e4, -1e4};
  p.labels.values = {1, 0, 1, 0};
  const Results r = evaluated<TestType>(p);
  CHECK(r.losses.values == std::vector<double>{0, 1e4, 1e4, 0});
  CHECK(r.dscores.values == std::vector<double>{0, 1, -1, 0});
}

TEMPLATE_TEST_CASE("click_loss: a score of zero costs log 2 and pulls by half", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  Problem p{Matrix(2, 1), Matrix(1, 2), 1};
  p.labels.values = {1, 0};
  const Results r = evaluated<TestType>(p);
  CHECK(r.losses(0) == Approx(std::log(2.0)).epsilon(std::is_same_v<typename TestType::Scalar, float> ? 1e-7 : 1e-15));
  CHECK(r.losses(1) == r.losses(0));
  CHECK(r.dscores.values == std::vector<double>{-0.5, 0.5});
}

TEMPLATE_TEST_CASE("click_loss: a certain and right score keeps its loss and slope", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  Problem p{Matrix(2, 1), Matrix(1, 2), 1};
  p.scores.values = {25, -25};
  p.labels.values = {1, 0};
  const Results r = evaluated<TestType>(p);
  for (index_t c = 0; c < 2; ++c) {  // 25 - 25 and 1 - 1 would leave nothing of either
    CHECK(r.losses(c) == Approx(std::exp(-25.0)).epsilon(1e-6));
    CHECK(r.dscores(c) == Approx(c == 0 ? -std::exp(-25.0) : std::exp(-25.0)).epsilon(1e-6));
  }
}

TEMPLATE_TEST_CASE("click_loss: a score that is not a number shows in its loss", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  Problem p = problem(11);
  p.scores(4) = std::nan("");
  const Results r = evaluated<TestType>(p);
  for (index_t c = 0; c < 11; ++c) CHECK(std::isnan(r.losses(c)) == (c == 4));
}

TEST_CASE("click_loss: float agrees with double", "[ops]") {
  const Problem p = problem(150);
  CHECK(difference(evaluated<CpuFloat>(p).losses, evaluated<CpuDouble>(p).losses) <= tolerance<CpuFloat>::value);
  CHECK(difference(evaluated<CpuFloat>(p).dscores, evaluated<CpuDouble>(p).dscores) <= tolerance<CpuFloat>::gradient);
}

TEST_CASE("click_loss: what does not fit is named", "[ops][errors]") {
  using Context = CpuDouble;
  Context context;
  const std::vector<float> labels(5, 1.0f);
  const auto message = [&](auto change) {
    ClickLoss<Context> a{context.matrix(4, 1), {labels.data(), 4}, 1, context.vector<double>(4), context.matrix(4, 1)};
    change(a);
    return message_of<ShapeError>([&] { ops::click_loss(context, a); });
  };
  const std::string op = "click_loss: ";
  CHECK(message([&](auto& a) { a.scores = context.matrix(4, 2); }) == op + "columns of scores is 2, expected 1");
  CHECK(message([&](auto& a) { a.labels = {labels.data(), 5}; }) == op + "size of labels is 5, expected 4");
  CHECK(message([&](auto& a) { a.losses = context.vector<double>(3); }) == op + "size of losses is 3, expected 4");
  CHECK(message([&](auto& a) { a.dscores = context.matrix(3, 1); }) == op + "rows of dscores is 3, expected 4");
  CHECK(message([&](auto& a) { a.dscores = context.matrix(4, 2); }) == op + "columns of dscores is 2, expected 1");
  const std::vector<item_t> items(5, 0);
  CHECK(message([&](auto& a) { a.items = {items.data(), 5}; }) == op + "size of items is 5, expected 4");
  ClickLoss<Context> a{context.matrix(4, 1), {labels.data(), 4}, 1, context.vector<double>(4), {}};
  a.items = {items.data(), 4};
  CHECK(message_of<ArgumentError>([&] { ops::click_loss(context, a); }) ==
        "click_loss log_probability is null, expected one for each item of the catalogue where there are items");
}
