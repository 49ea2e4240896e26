// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/dropout_residual_layer_norm.hpp"

#include <array>
#include <cmath>
#include <vector>

#include "seqrec/cpu/dropout_residual_layer_norm.hpp"
#include "seqrec/cuda/dropout_residual_layer_norm.cuh"
#include "support/all_backends.hpp"
#include "support/catch.hpp"
#include "support/finite_differences.hpp"
#include "support/golden.hpp"
#include "support/masks.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

struct Problem {
  Matrix x, residual, gamma, beta;  ///< (N, D), (N, D) or empty, (1, D), (1, D)
  Matrix dy, dsum;                  ///< (N, D)
  double epsilon = 1e-5;
  Dropout mask = {};
  Layout layout = Layout::dense;

  bool has_residual() const { return residual.columns != 0; }
};

Problem problem(index_t rows, index_t width) {
  return {random_matrix(rows, width, 1), random_matrix(rows, width, 2, 2, 1), random_matrix(1, width, 3, 0.3, 1),
          random_matrix(1, width, 4),    random_matrix(rows, width, 5),       random_matrix(rows, width, 6)};
}

template <class Check>
void for_each_problem(Check check) {
  for (const auto& [rows, width] : {std::array<index_t, 2>{1, 7}, {0, 5}, {33, 50}, {5, 64}, {70, 130}, {9, 260}})
    for (const double probability : {0.0, 0.3})
      for (const Layout layout : {Layout::dense, Layout::strided}) {
        CAPTURE(rows, width, probability, layout == Layout::strided);
        Problem p = problem(rows, width);
        p.layout = layout;
        p.mask = mask_of(probability, 11);
        check(p);
        if (probability != 0) continue;
        p.residual = {};
        p.epsilon = 1e-8;
        check(p);
      }
}

struct Results {
  Matrix sum, y, mean, rstd;
  std::vector<Matrix> parts() const { return {sum, y, mean, rstd}; }
};

Results forward_by_loops(const Problem& p) {
  const index_t rows = p.x.rows, width = p.x.columns;
  Results r{p.x, Matrix(rows, width), Matrix(1, rows), Matrix(1, rows)};
  for (index_t i = 0; i < rows; ++i) {
    double mean = 0, variance = 0;
    for (index_t d = 0; d < width; ++d) {
      if (p.has_residual()) r.sum(i, d) = p.residual(i, d) + p.x(i, d) * factor(p.mask, i, d);
      mean += r.sum(i, d) / static_cast<double>(width);
    }
    for (index_t d = 0; d < width; ++d) variance += std::pow(r.sum(i, d) - mean, 2) / static_cast<double>(width);
    r.mean(i) = mean;
    r.rstd(i) = 1 / std::sqrt(variance + p.epsilon);
    for (index_t d = 0; d < width; ++d) r.y(i, d) = (r.sum(i, d) - mean) * r.rstd(i) * p.gamma(d) + p.beta(d);
  }
  return r;
}

struct Gradients {
  Matrix dx, dresidual, dgamma, dbeta;
  std::vector<Matrix> parts() const { return {dx, dresidual, dgamma, dbeta}; }
};

/// Which of the optional arguments of backward have a view.
struct Given {
  bool dy = true, dsum = true, dx = true, dresidual = true, dgamma = true, dbeta = true;
};

/// The Jacobian of a row, element by element: d y_d / d s_e = gamma_d rstd (1[d = e] - 1/D - n_d n_e / D).
Gradients backward_by_loops(const Problem& p, Given given = {}) {
  const index_t rows = p.x.rows, width = p.x.columns;
  const Results r = forward_by_loops(p);
  Gradients g{Matrix(rows, width), Matrix(rows, width), Matrix(1, width), Matrix(1, width)};
  for (index_t i = 0; i < rows; ++i) {
    const auto normalised = [&](index_t d) { return (r.sum(i, d) - r.mean(i)) * r.rstd(i); };
    for (index_t e = 0; e < width; ++e) {
      double ds = given.dsum ? p.dsum(i, e) : 0;
      for (index_t d = 0; given.dy && d < width; ++d)
        ds += p.dy(i, d) * p.gamma(d) * r.rstd(i) *
              ((d == e ? 1.0 : 0.0) - (1 + normalised(d) * normalised(e)) / static_cast<double>(width));
      g.dresidual(i, e) = ds;
      g.dx(i, e) = ds * factor(p.mask, i, e);
      if (given.dy) g.dgamma(e) += p.dy(i, e) * normalised(e);
      if (given.dy) g.dbeta(e) += p.dy(i, e);
    }
  }
  return g;
}

/// Where the sum goes: memory of its own, or over one of the operands.
enum class SumPlace { own, over_x, over_residual };

template <class Context>
Results forward(const Problem& p, SumPlace place = SumPlace::own) {
  Context context;
  const index_t rows = p.x.rows, width = p.x.columns;
  PlacedScalars<Context> x(p.x, p.layout), residual(p.residual, p.layout), gamma(p.gamma, p.layout),
      beta(p.beta, p.layout);
  PlacedScalars<Context> own_sum(unwritten(rows, width), p.layout), y(unwritten(rows, width), p.layout),
      mean(unwritten(1, rows), p.layout), rstd(unwritten(1, rows), p.layout);
  auto& sum = place == SumPlace::own ? own_sum : place == SumPlace::over_x ? x : residual;
  DropoutResidualLayerNormForward<Context> a{.x = x.matrix(),
                                             .residual = {},
                                             .gamma = gamma.vector(),
                                             .beta = beta.vector(),
                                             .sum = {},
                                             .y = y.matrix(),
                                             .mean = mean.vector(),
                                             .rstd = rstd.vector(),
                                             .epsilon = p.epsilon,
                                             .dropout = p.mask};
  if (p.has_residual()) {
    a.residual = residual.matrix();
    a.sum = sum.matrix();
  }
  ops::dropout_residual_layer_norm_forward(context, a);
  return {p.has_residual() ? sum.read() : x.read(), y.read(), mean.read(), rstd.read()};
}

template <class Context>
Gradients backward(const Problem& p, const Gradients& before, GradientMode mode, Given given = {}) {
  Context context;
  const Results r = forward_by_loops(p);
  PlacedScalars<Context> sum(r.sum, p.layout), gamma(p.gamma, p.layout), mean(r.mean, p.layout), rstd(r.rstd, p.layout),
      dy(p.dy, p.layout), dsum(p.dsum, p.layout);
  PlacedScalars<Context> dx(before.dx, p.layout), dresidual(before.dresidual, p.layout);
  PlacedMasters<Context> dgamma(before.dgamma, p.layout), dbeta(before.dbeta, p.layout);
  DropoutResidualLayerNormBackward<Context> a{.sum = sum.matrix(),
                                              .gamma = gamma.vector(),
                                              .mean = mean.vector(),
                                              .rstd = rstd.vector(),
                                              .dy = {},
                                              .dsum = {},
                                              .dx = {},
                                              .dresidual = {},
                                              .dgamma = {},
                                              .dbeta = {},
                                              .dropout = p.mask};
  if (given.dy) a.dy = dy.matrix();
  if (given.dsum) a.dsum = dsum.matrix();
  if (given.dx) a.dx = {dx.matrix(), mode};
  if (given.dresidual) a.dresidual = {dresidual.matrix(), mode};
  if (given.dgamma) a.dgamma = dgamma.vector();
  if (given.dbeta) a.dbeta = dbeta.vector();
  ops::dropout_residual_layer_norm_backward(context, a);
  return {dx.read(), dresidual.read(), dgamma.read(), dbeta.read()};
}

Gradients earlier(const Problem& p) {
  const index_t rows = p.x.rows, width = p.x.columns;
  return {random_matrix(rows, width, 7), random_matrix(rows, width, 8), random_matrix(1, width, 9),
          random_matrix(1, width, 10)};
}

Gradients zeros(const Problem& p) {
  const index_t rows = p.x.rows, width = p.x.columns;
  return {Matrix(rows, width), Matrix(rows, width), Matrix(1, width), Matrix(1, width)};
}

}  // namespace

TEMPLATE_TEST_CASE("dropout_residual_layer_norm: forward against loops", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for_each_problem([](const Problem& p) {
    const auto r = repeatable<TestType>([&] { return forward<TestType>(p).parts(); });
    const auto expected = forward_by_loops(p).parts();
    for (std::size_t i = 0; i < 4; ++i) CHECK(difference(r[i], expected[i]) <= tolerance<TestType>::value);
  });
}

TEMPLATE_TEST_CASE("dropout_residual_layer_norm: a row has the same bits wherever it stands", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  for (const index_t width : {6, 50, 51}) {  // rows that begin on a vector register's boundary, and others
    const Problem one = problem(1, width);
    Problem p = problem(9, width);
    for (index_t i = 0; i < p.x.size(); ++i) {
      p.x(i) = one.x(i % width);
      p.residual(i) = one.residual(i % width);
    }
    for (const bool has_residual : {true, false}) {
      CAPTURE(width, has_residual);
      if (!has_residual) p.residual = {};
      const Results r = forward<TestType>(p);
      index_t different = 0;
      for (index_t i = 1; i < 9; ++i) {
        different += r.mean(i) != r.mean(0) || r.rstd(i) != r.rstd(0);
        for (index_t d = 0; d < width; ++d) different += r.y(i, d) != r.y(0, d);
      }
      CHECK(different == 0);
    }
  }
}

TEMPLATE_TEST_CASE("dropout_residual_layer_norm: the sum may lie over x or the residual", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  Problem p = problem(9, 50);
  p.mask = mask_of(0.3);
  const auto own = forward<TestType>(p).parts();
  for (const SumPlace place : {SumPlace::over_x, SumPlace::over_residual})
    CHECK(same_bits(forward<TestType>(p, place).parts(), own));
}

TEMPLATE_TEST_CASE("dropout_residual_layer_norm: backward against loops, written and added", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  for_each_problem([](const Problem& p) {
    const Gradients expected = backward_by_loops(p), before = earlier(p);
    Gradients unset = before;
    unset.dx = unset.dresidual = unwritten(p.x.rows, p.x.columns);
    Given given;
    given.dresidual = p.has_residual();
    for (const GradientMode mode : {GradientMode::write, GradientMode::add}) {
      const bool adds = mode == GradientMode::add;
      CAPTURE(adds, p.has_residual());
      const auto g =
          repeatable<TestType>([&] { return backward<TestType>(p, adds ? before : unset, mode, given).parts(); });
      CHECK(difference(g[0], adds ? sum(before.dx, expected.dx) : expected.dx) <= tolerance<TestType>::gradient);
      if (given.dresidual)
        CHECK(difference(g[1], adds ? sum(before.dresidual, expected.dresidual) : expected.dresidual) <=
              tolerance<TestType>::gradient);
      CHECK(difference(g[2], sum(before.dgamma, expected.dgamma)) <= tolerance<TestType>::gradient);
      CHECK(difference(g[3], sum(before.dbeta, expected.dbeta)) <= tolerance<TestType>::gradient);
    }
  });
}

TEMPLATE_TEST_CASE("dropout_residual_layer_norm: gradients of more rows than a device has blocks at once", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  const Problem p = problem(264 * 8 + 5, 130);
  const auto expected = backward_by_loops(p).parts(), g = backward<TestType>(p, zeros(p), GradientMode::write).parts();
  for (std::size_t i = 0; i < 4; ++i) CHECK(difference(g[i], expected[i]) <= tolerance<TestType>::gradient);
}

TEMPLATE_TEST_CASE("dropout_residual_layer_norm: gradients that do not arrive count as zero", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  Problem p = problem(9, 50);
  p.mask = mask_of(0.3);
  for (const Given given : {Given{.dy = false}, Given{.dsum = false}, Given{.dy = false, .dsum = false}}) {
    CAPTURE(given.dy, given.dsum);
    const auto expected = backward_by_loops(p, given).parts();
    const auto g = backward<TestType>(p, zeros(p), GradientMode::write, given).parts();
    for (std::size_t i = 0; i < 4; ++i) CHECK(difference(g[i], expected[i]) <= tolerance<TestType>::gradient);
  }
}

TEMPLATE_TEST_CASE("dropout_residual_layer_norm: a gradient that nobody wants is left alone, the others are the same",
                   "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  Problem p = problem(9, 50);
  p.mask = mask_of(0.3);
  const Gradients before = earlier(p);
  const auto all = backward<TestType>(p, before, GradientMode::write).parts();
  for (std::size_t missing = 0; missing < 4; ++missing) {
    CAPTURE(missing);
    const Given given{.dx = missing != 0, .dresidual = missing != 1, .dgamma = missing != 2, .dbeta = missing != 3};
    const auto some = backward<TestType>(p, before, GradientMode::write, given).parts();
    for (std::size_t i = 0; i < 4; ++i)
      CHECK(difference(some[i], i == missing ? before.parts()[i] : all[i]) <= tolerance<TestType>::gradient);
  }
}

TEST_CASE("dropout_residual_layer_norm: gradients against central differences", "[ops]") {
  for (const bool has_residual : {true, false}) {
    CAPTURE(has_residual);
    Problem p = problem(5, 7);
    if (has_residual)
      p.mask = mask_of(0.3, 11);
    else
      p.residual = {};
    Given given;
    given.dresidual = has_residual;
    const Gradients g = backward<CpuDouble>(p, zeros(p), GradientMode::write, given);
    const auto loss = [&] {
      const Results r = forward<CpuDouble>(p);
      return dot(r.y, p.dy) + dot(r.sum, p.dsum);
    };
    CHECK(difference(g.dx, central_differences(p.x, loss)) <= central_difference_tolerance);
    if (has_residual)
      CHECK(difference(g.dresidual, central_differences(p.residual, loss)) <= central_difference_tolerance);
    CHECK(difference(g.dgamma, central_differences(p.gamma, loss)) <= central_difference_tolerance);
    CHECK(difference(g.dbeta, central_differences(p.beta, loss)) <= central_difference_tolerance);
  }
}

TEST_CASE("dropout_residual_layer_norm: values and gradients of PyTorch", "[ops][golden]") {
  for (const bool has_residual : {true, false}) {
    CAPTURE(has_residual);
    Golden golden(has_residual ? "dropout_residual_layer_norm" : "layer_norm");
    Problem p;
    p.x = golden.matrix("x");
    p.gamma = golden.matrix("gamma");
    p.beta = golden.matrix("beta");
    p.dy = golden.matrix("dy");
    p.epsilon = golden.number("epsilon");
    if (has_residual) {
      p.residual = golden.matrix("residual");
      p.dsum = golden.matrix("dsum");
    }
    const Results r = forward<CpuDouble>(p);
    CHECK(difference(r.y, golden.matrix("y")) <= golden_tolerance);
    CHECK(difference(r.mean, golden.matrix("mean")) <= golden_tolerance);
    CHECK(difference(r.rstd, golden.matrix("rstd")) <= golden_tolerance);
    if (has_residual) CHECK(difference(r.sum, golden.matrix("sum")) <= golden_tolerance);
    Given given;
    given.dsum = given.dresidual = has_residual;
    const Gradients g = backward<CpuDouble>(p, zeros(p), GradientMode::write, given);
    CHECK(difference(g.dx, golden.matrix("dx")) <= golden_tolerance);
    if (has_residual) CHECK(difference(g.dresidual, golden.matrix("dresidual")) <= golden_tolerance);
    CHECK(difference(g.dgamma, golden.matrix("dgamma")) <= golden_tolerance);
    CHECK(difference(g.dbeta, golden.matrix("dbeta")) <= golden_tolerance);
  }
}

TEMPLATE_TEST_CASE("dropout_residual_layer_norm: dropout keeps what its mask keeps, times the scale exactly", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  using Scalar = typename TestType::Scalar;
  Problem p = problem(37, 70);
  p.x = Matrix(37, 70, 1.0);
  p.residual = Matrix(37, 70);
  p.dsum = Matrix(37, 70, 1.0);
  p.mask = mask_of(0.3, 1000);
  const Matrix result = forward<TestType>(p).sum;
  const Matrix dx = backward<TestType>(p, zeros(p), GradientMode::write, {.dy = false}).dx;
  const auto scale = static_cast<double>(static_cast<Scalar>(p.mask.scale()));
  for (index_t i = 0; i < 37; ++i)
    for (index_t d = 0; d < 70; ++d) {
      const bool keeps = p.mask.keeps(static_cast<std::uint32_t>(1000 + i), static_cast<std::uint32_t>(d));
      REQUIRE(result(i, d) == (keeps ? scale : 0.0));
      REQUIRE(dx(i, d) == result(i, d));
    }
}

TEMPLATE_TEST_CASE("dropout_residual_layer_norm: a batch cut in two has the same rows", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  Problem whole = problem(41, 50);
  whole.mask = mask_of(0.5, 0);
  const auto rows_of = [](const Problem& p) {
    const Results r = forward<TestType>(p);
    const Gradients g = backward<TestType>(p, zeros(p), GradientMode::write);
    return std::vector{r.sum, r.y, g.dx, g.dresidual};
  };
  const auto expected = rows_of(whole);
  std::vector<Matrix> cut(4, Matrix(0, 50));
  for (const auto& [first, count] : {std::array<index_t, 2>{0, 13}, {13, 28}}) {
    Problem part = whole;
    for (Matrix* rows : {&part.x, &part.residual, &part.dy, &part.dsum}) *rows = rows->row_range(first, count);
    part.mask.first_row = static_cast<std::uint32_t>(first);
    const auto of_part = rows_of(part);
    for (std::size_t i = 0; i < 4; ++i) cut[i] = stacked(cut[i], of_part[i]);
  }
  for (std::size_t i = 0; i < 4; ++i) CHECK(difference(cut[i], expected[i]) <= tolerance<TestType>::gradient);
}

TEMPLATE_TEST_CASE("dropout_residual_layer_norm: every backend agrees with the CPU in double", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  Problem p = problem(150, 50);
  p.mask = mask_of(0.2, 5);
  p.layout = Layout::strided;
  const auto r = forward<TestType>(p).parts(), expected_r = forward<CpuDouble>(p).parts();
  for (std::size_t i = 0; i < 4; ++i) CHECK(difference(r[i], expected_r[i]) <= tolerance<TestType>::value);
  const auto g = backward<TestType>(p, earlier(p), GradientMode::add).parts();
  const auto expected_g = backward<CpuDouble>(p, earlier(p), GradientMode::add).parts();
  for (std::size_t i = 0; i < 4; ++i) CHECK(difference(g[i], expected_g[i]) <= tolerance<TestType>::gradient);
}

TEMPLATE_TEST_CASE("dropout_residual_layer_norm: the variance of large values does not cancel", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  Problem p = problem(3, 50);
  p.residual = {};
  for (double& value : p.x.values) value = 4096 + std::round(value * 64) / 64;  // exact in float
  const Results r = forward<TestType>(p), expected = forward_by_loops(p);
  CHECK(difference(r.y, expected.y) <= (std::is_same_v<typename TestType::Scalar, float> ? 1e-3 : 1e-11));
}

TEST_CASE("dropout_residual_layer_norm: what does not fit is named", "[ops][errors]") {
  using Context = CpuDouble;
  Context context;
  const auto rows_3 = [&] { return context.matrix(3, 5); };
  const auto columns_6 = [&] { return context.matrix(4, 6); };

  auto forward_arguments = [&] {
    return DropoutResidualLayerNormForward<Context>{.x = context.matrix(4, 5),
                                                    .residual = context.matrix(4, 5),
                                                    .gamma = context.vector(5),
                                                    .beta = context.vector(5),
                                                    .sum = context.matrix(4, 5),
                                                    .y = context.matrix(4, 5),
                                                    .mean = context.vector(4),
                                                    .rstd = context.vector(4),
                                                    .dropout = {}};
  };
  const auto forward_message = [&](auto change) {
    auto a = forward_arguments();
    change(a);
    return message_of<ShapeError>([&] { ops::dropout_residual_layer_norm_forward(context, a); });
  };
  const std::string op = "dropout_residual_layer_norm: ";
  CHECK(forward_message([&](auto& a) { a.gamma = context.vector(4); }) == op + "size of gamma is 4, expected 5");
  CHECK(forward_message([&](auto& a) { a.beta = context.vector(6); }) == op + "size of beta is 6, expected 5");
  CHECK(forward_message([&](auto& a) { a.y = rows_3(); }) == op + "rows of y is 3, expected 4");
  CHECK(forward_message([&](auto& a) { a.y = columns_6(); }) == op + "columns of y is 6, expected 5");
  CHECK(forward_message([&](auto& a) { a.mean = context.vector(5); }) == op + "size of mean is 5, expected 4");
  CHECK(forward_message([&](auto& a) { a.rstd = context.vector(3); }) == op + "size of rstd is 3, expected 4");
  CHECK(forward_message([&](auto& a) { a.residual = rows_3(); }) == op + "rows of residual is 3, expected 4");
  CHECK(forward_message([&](auto& a) { a.residual = columns_6(); }) == op + "columns of residual is 6, expected 5");
  CHECK(forward_message([&](auto& a) { a.sum = rows_3(); }) == op + "rows of sum is 3, expected 4");
  CHECK(forward_message([&](auto& a) { a.sum = {}; }) == op + "rows of sum is 0, expected 4");
  CHECK(forward_message([&](auto& a) { a.sum = columns_6(); }) == op + "columns of sum is 6, expected 5");

  auto plain = forward_arguments();
  plain.residual = {};
  CHECK(message_of<ArgumentError>([&] { ops::dropout_residual_layer_norm_forward(context, plain); }) ==
        op + "sum without a residual; expected null, because x is its own sum");
  plain.sum = {};
  plain.dropout = mask_of(0.5);
  CHECK(message_of<ArgumentError>([&] { ops::dropout_residual_layer_norm_forward(context, plain); }) ==
        op + "dropout without a residual; expected an inactive dropout");

  const auto backward_message = [&](auto change) {
    auto a = DropoutResidualLayerNormBackward<Context>{.sum = context.matrix(4, 5),
                                                       .gamma = context.vector(5),
                                                       .mean = context.vector(4),
                                                       .rstd = context.vector(4),
                                                       .dy = context.matrix(4, 5),
                                                       .dsum = context.matrix(4, 5),
                                                       .dx = {context.matrix(4, 5), GradientMode::write},
                                                       .dresidual = {context.matrix(4, 5), GradientMode::write},
                                                       .dgamma = context.vector(5),
                                                       .dbeta = context.vector(5),
                                                       .dropout = {}};
    change(a);
    return message_of<ShapeError>([&] { ops::dropout_residual_layer_norm_backward(context, a); });
  };
  const std::string back = "dropout_residual_layer_norm backward: ";
  CHECK(backward_message([&](auto& a) { a.gamma = context.vector(4); }) == back + "size of gamma is 4, expected 5");
  CHECK(backward_message([&](auto& a) { a.mean = context.vector(5); }) == back + "size of mean is 5, expected 4");
  CHECK(backward_message([&](auto& a) { a.rstd = context.vector(3); }) == back + "size of rstd is 3, expected 4");
  CHECK(backward_message([&](auto& a) { a.dy = rows_3(); }) == back + "rows of dy is 3, expected 4");
  CHECK(backward_message([&](auto& a) { a.dy = columns_6(); }) == back + "columns of dy is 6, expected 5");
  CHECK(backward_message([&](auto& a) { a.dsum = rows_3(); }) == back + "rows of dsum is 3, expected 4");
  CHECK(backward_message([&](auto& a) { a.dsum = columns_6(); }) == back + "columns of dsum is 6, expected 5");
  CHECK(backward_message([&](auto& a) { a.dx.view = rows_3(); }) == back + "rows of dx is 3, expected 4");
  CHECK(backward_message([&](auto& a) { a.dx.view = columns_6(); }) == back + "columns of dx is 6, expected 5");
  CHECK(backward_message([&](auto& a) { a.dresidual.view = rows_3(); }) == back + "rows of dresidual is 3, expected 4");
  CHECK(backward_message([&](auto& a) { a.dresidual.view = columns_6(); }) ==
        back + "columns of dresidual is 6, expected 5");
  CHECK(backward_message([&](auto& a) { a.dgamma = context.vector(4); }) == back + "size of dgamma is 4, expected 5");
  CHECK(backward_message([&](auto& a) { a.dbeta = context.vector(6); }) == back + "size of dbeta is 6, expected 5");
}
