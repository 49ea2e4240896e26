// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/linear.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "seqrec/core/option_text.hpp"
#include "seqrec/cpu/linear.hpp"
#include "seqrec/cuda/linear.cuh"
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
  Matrix x, weight, bias, dy;  ///< (N, I), (O, I), (1, O) or empty, (N, O)
  Activation activation = Activation::none;
  Dropout mask = {};
  Layout layout = Layout::dense;
  ProductPrecision products = ProductPrecision::full;
  bool exact = false;
};

Problem problem(index_t rows, index_t inputs, index_t outputs) {
  return {random_matrix(rows, inputs, 1), random_matrix(outputs, inputs, 2), random_matrix(1, outputs, 3),
          random_matrix(rows, outputs, 4)};
}

/// Those without parameters.
constexpr std::initializer_list<Activation> epilogues = {Activation::none, Activation::relu, Activation::sigmoid,
                                                         Activation::tanh};

/// One row, no row, rows that are no multiple of 32, widths that are no multiple of 4; with every epilogue.
template <class Check>
void for_each_problem(Check check) {
  for (const auto& [rows, inputs, outputs] :
       {std::array<index_t, 3>{1, 1, 1}, {1, 7, 50}, {0, 4, 3}, {33, 50, 7}, {70, 8, 96}})
    for (const Activation activation : epilogues)
      for (const double probability : {0.0, 0.3})
        for (const bool biased : {true, false})
          for (const Layout layout : {Layout::dense, Layout::strided}) {
            CAPTURE(rows, inputs, outputs, name_of(activation), probability, biased, layout == Layout::strided);
            Problem p = problem(rows, inputs, outputs);
            if (!biased) p.bias = {};
            p.activation = activation;
            p.mask = mask_of(probability, 11);
            p.layout = layout;
            check(p);
          }
}

/// Without dropout.
Matrix activated_by_loops(const Problem& p) {
  Matrix y(p.x.rows, p.weight.rows);
  for (index_t i = 0; i < y.rows; ++i)
    for (index_t o = 0; o < y.columns; ++o) {
      for (index_t j = 0; j < p.x.columns; ++j) y(i, o) += p.x(i, j) * p.weight(o, j);
      if (p.bias.size() != 0) y(i, o) += p.bias(o);
      if (p.activation == Activation::relu) y(i, o) = std::max(y(i, o), 0.0);
      if (p.activation == Activation::sigmoid) y(i, o) = 1 / (1 + std::exp(-y(i, o)));
      if (p.activation == Activation::tanh) y(i, o) = std::tanh(y(i, o));
    }
  return y;
}

Matrix forward_by_loops(const Problem& p) {
  Matrix y = activated_by_loops(p);
  for (index_t i = 0; i < y.rows; ++i)
    for (index_t o = 0; o < y.columns; ++o) y(i, o) *= factor(p.mask, i, o);
  return y;
}

/// d activation / d x, where the activation is y.
double slope_at(Activation activation, double y) {
  if (activation == Activation::relu) return y > 0 ? 1 : 0;
  if (activation == Activation::sigmoid) return y * (1 - y);
  return activation == Activation::tanh ? 1 - y * y : 1;
}

struct Gradients {
  Matrix dx, dweight, dbias;
};

Gradients backward_by_loops(const Problem& p) {
  const Matrix y = activated_by_loops(p);
  Gradients g{Matrix(p.x.rows, p.x.columns), Matrix(p.weight.rows, p.weight.columns), Matrix(1, p.weight.rows)};
  for (index_t i = 0; i < y.rows; ++i)
    for (index_t o = 0; o < y.columns; ++o) {
      const double d = p.dy(i, o) * factor(p.mask, i, o) * slope_at(p.activation, y(i, o));
      g.dbias(o) += d;
      for (index_t j = 0; j < p.x.columns; ++j) {
        g.dx(i, j) += d * p.weight(o, j);
        g.dweight(o, j) += d * p.x(i, j);
      }
    }
  return g;
}

template <class Context>
Matrix forward(const Problem& p) {
  Context context;
  context.set_products(p.products);
  PlacedScalars<Context> x(p.x, p.layout), weight(p.weight, p.layout), bias(p.bias, p.layout);
  PlacedScalars<Context> y(unwritten(p.x.rows, p.weight.rows), p.layout);
  LinearForward<Context> a{.x = x.matrix(),
                           .weight = weight.matrix(),
                           .bias = {},
                           .y = y.matrix(),
                           .activation = p.activation,
                           .dropout = p.mask,
                           .exact = p.exact};
  if (p.bias.size() != 0) a.bias = bias.vector();
  ops::linear_forward(context, a);
  return y.read();
}

/// @param before what the gradients hold beforehand   @param wanted which of dx, dweight and dbias have a view
template <class Context>
Gradients backward(const Problem& p, const Matrix& y_values, const Gradients& before, GradientMode mode,
                   std::array<bool, 3> wanted = {true, true, true}) {
  Context context;
  context.set_products(p.products);
  PlacedScalars<Context> x(p.x, p.layout), weight(p.weight, p.layout), y(y_values, p.layout), dy(p.dy, p.layout),
      dx(before.dx, p.layout);
  PlacedMasters<Context> dweight(before.dweight, p.layout), dbias(before.dbias, p.layout);
  LinearBackward<Context> a{.x = x.matrix(),
                            .weight = weight.matrix(),
                            .y = {},
                            .dy = dy.matrix(),
                            .dx = {},
                            .dweight = {},
                            .dbias = {},
                            .activation = p.activation,
                            .dropout = p.mask,
                            .exact = p.exact};
  if (p.activation != Activation::none) a.y = y.matrix();
  if (wanted[0]) a.dx = {dx.matrix(), mode};
  if (wanted[1]) a.dweight = dweight.matrix();
  if (wanted[2]) a.dbias = dbias.vector();
  ops::linear_backward(context, a);
  static_cast<void>(dy.read());  // throws when the epilogue left its rows
  return {dx.read(), dweight.read(), dbias.read()};
}

Gradients earlier(const Problem& p) {
  return {random_matrix(p.x.rows, p.x.columns, 5), random_matrix(p.weight.rows, p.weight.columns, 6),
          random_matrix(1, p.weight.rows, 7)};
}

std::vector<Matrix> parts(const Gradients& g) { return {g.dx, g.dweight, g.dbias}; }

}  // namespace

TEMPLATE_TEST_CASE("linear: forward against loops", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for_each_problem([](const Problem& p) {
    const auto y = repeatable<TestType>([&] { return std::vector{forward<TestType>(p)}; });
    CHECK(difference(y[0], forward_by_loops(p)) <= tolerance<TestType>::value);
  });
}

TEMPLATE_TEST_CASE("linear: backward against loops, written and added", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for_each_problem([](const Problem& p) {
    const Matrix y = forward_by_loops(p);
    const Gradients expected = backward_by_loops(p), before = earlier(p);
    Gradients unset = before;
    unset.dx = unwritten(p.x.rows, p.x.columns);
    for (const GradientMode mode : {GradientMode::write, GradientMode::add}) {
      const bool adds = mode == GradientMode::add;
      CAPTURE(adds);
      const auto g = repeatable<TestType>([&] { return parts(backward<TestType>(p, y, adds ? before : unset, mode)); });
      CHECK(difference(g[0], adds ? sum(before.dx, expected.dx) : expected.dx) <= tolerance<TestType>::gradient);
      CHECK(difference(g[1], sum(before.dweight, expected.dweight)) <= tolerance<TestType>::gradient);
      CHECK(difference(g[2], sum(before.dbias, expected.dbias)) <= tolerance<TestType>::gradient);
    }
  });
}

TEST_CASE("linear: rounded products are as far from loops as they are said to be", "[ops][cuda]") {
  with_cuda_float([&]<class Context>() {
    for (const auto& [products, far] : {std::pair{ProductPrecision::tf32, 2e-3}, {ProductPrecision::bf16, 2e-2}}) {
      double furthest = 0;
      for_each_problem([&, products = products, far = far](Problem p) {
        p.products = products;
        const Matrix y = forward_by_loops(p);
        const Gradients expected = backward_by_loops(p);
        Gradients before = earlier(p);
        for (Matrix* gradient : {&before.dx, &before.dweight, &before.dbias})
          std::fill(gradient->values.begin(), gradient->values.end(), 0.0);
        const auto r = repeatable<Context>([&] {
          auto all = parts(backward<Context>(p, y, before, GradientMode::write));
          all.push_back(forward<Context>(p));
          return all;
        });
        const bool bends = p.activation == Activation::sigmoid || p.activation == Activation::tanh;
        CHECK(difference(r.back(), y) <=
              (bends ? 4 * far : far));  // a sum is large where what is made of it is at most 1
        furthest = std::max(furthest, difference(r.back(), y));
        CHECK(difference(r[0], expected.dx) <= far);
        CHECK(difference(r[1], expected.dweight) <= far);
        CHECK(difference(r[2], expected.dbias) <= far);
      });
      CHECK(furthest > far / 100);  // they were rounded
    }
  });
}

TEST_CASE("linear: what is exact is so whatever products the context takes", "[ops][cuda]") {
  with_cuda_float([&]<class Context>() {
    Problem p = problem(33, 50, 7);
    const Matrix y = forward_by_loops(p);
    const auto results = [&](ProductPrecision products, bool exact, std::array<bool, 3> wanted) {
      p.products = products;
      p.exact = exact;
      auto all = parts(backward<Context>(p, y, earlier(p), GradientMode::write, wanted));
      all.push_back(forward<Context>(p));
      return all;
    };
    const auto same = [](const std::vector<Matrix>& a, const std::vector<Matrix>& b) {
      return std::equal(a.begin(), a.end(), b.begin(),
                        [](const Matrix& one, const Matrix& other) { return one.values == other.values; });
    };
    // Both gradients of products come from one launch, or that of the weights alone from another.
    for (const std::array<bool, 3>& wanted : {std::array{true, true, true}, {false, true, true}})
      for (const ProductPrecision products : {ProductPrecision::tf32, ProductPrecision::bf16}) {
        CAPTURE(wanted[0], option_text(products));
        const auto full = results(ProductPrecision::full, false, wanted);
        CHECK(same(results(products, true, wanted), full));
        CHECK_FALSE(same(results(products, false, wanted), full));
      }
  });
}

TEMPLATE_TEST_CASE("linear: a gradient that nobody wants is left alone, the others are the same", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  Problem p = problem(5, 7, 6);
  p.activation = Activation::relu;
  const Matrix y = forward_by_loops(p);
  const Gradients before = earlier(p);
  const auto all = parts(backward<TestType>(p, y, before, GradientMode::write));
  for (std::size_t missing = 0; missing < 3; ++missing) {
    CAPTURE(missing);
    std::array<bool, 3> wanted = {true, true, true};
    wanted[missing] = false;
    const auto some = parts(backward<TestType>(p, y, before, GradientMode::write, wanted));
    for (std::size_t i = 0; i < 3; ++i)
      CHECK(difference(some[i], i == missing ? parts(before)[i] : all[i]) <= tolerance<TestType>::gradient);
  }
}

TEST_CASE("linear: gradients against central differences", "[ops]") {
  for (const Activation activation : epilogues) {
    Problem p = problem(9, 7, 6);
    p.activation = activation;
    p.mask = mask_of(0.3, 11);
    const Gradients zero{Matrix(9, 7), Matrix(6, 7), Matrix(1, 6)};
    const Gradients g = backward<CpuDouble>(p, forward<CpuDouble>(p), zero, GradientMode::write);
    const auto loss = [&] { return dot(forward<CpuDouble>(p), p.dy); };
    CHECK(difference(g.dx, central_differences(p.x, loss)) <= central_difference_tolerance);
    CHECK(difference(g.dweight, central_differences(p.weight, loss)) <= central_difference_tolerance);
    CHECK(difference(g.dbias, central_differences(p.bias, loss)) <= central_difference_tolerance);
  }
}

TEST_CASE("linear: values and gradients of PyTorch", "[ops][golden]") {
  for (const char* name : {"none", "relu"}) {
    CAPTURE(name);
    Golden golden(std::string("linear_") + name);
    Problem p{golden.matrix("x"), golden.matrix("weight"), golden.matrix("bias"), golden.matrix("dy")};
    p.activation = golden.text("activation") == "relu" ? Activation::relu : Activation::none;
    const Matrix y = forward<CpuDouble>(p);
    CHECK(difference(y, golden.matrix("y")) <= golden_tolerance);
    const Gradients zero{Matrix(p.x.rows, p.x.columns), Matrix(p.weight.rows, p.weight.columns),
                         Matrix(1, p.weight.rows)};
    const Gradients g = backward<CpuDouble>(p, y, zero, GradientMode::write);
    CHECK(difference(g.dx, golden.matrix("dx")) <= golden_tolerance);
    CHECK(difference(g.dweight, golden.matrix("dweight")) <= golden_tolerance);
    CHECK(difference(g.dbias, golden.matrix("dbias")) <= golden_tolerance);
  }
}

TEMPLATE_TEST_CASE("linear: dropout keeps what its mask keeps, times the scale exactly", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  using Scalar = typename TestType::Scalar;
  Problem p = problem(37, 3, 70);
  p.weight = Matrix(70, 3);
  p.bias = Matrix(1, 70, 1.0);
  p.mask = mask_of(0.3, 1000);
  const Matrix y = forward<TestType>(p);
  index_t kept = 0;
  for (index_t i = 0; i < 37; ++i)
    for (index_t o = 0; o < 70; ++o) {
      const bool keeps = p.mask.keeps(static_cast<std::uint32_t>(1000 + i), static_cast<std::uint32_t>(o));
      REQUIRE(y(i, o) == (keeps ? static_cast<double>(static_cast<Scalar>(p.mask.scale())) : 0.0));
      kept += keeps;
    }
  CHECK(kept > 37 * 70 * 6 / 10);
  CHECK(kept < 37 * 70 * 8 / 10);
}

TEMPLATE_TEST_CASE("linear: a batch cut in two has the same masks", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for (const Activation activation : {Activation::none, Activation::relu}) {
    Problem whole = problem(41, 7, 50);
    whole.activation = activation;
    whole.mask = mask_of(0.5, 0);
    const Matrix y = forward<TestType>(whole);
    const Gradients zero{Matrix(41, 7), Matrix(50, 7), Matrix(1, 50)};
    const Gradients g = backward<TestType>(whole, y, zero, GradientMode::write);
    Matrix ys(0, 50), dxs(0, 7);
    for (const auto& [first, count] : {std::array<index_t, 2>{0, 13}, {13, 28}}) {
      Problem part = whole;
      part.x = whole.x.row_range(first, count);
      part.dy = whole.dy.row_range(first, count);
      part.mask.first_row = static_cast<std::uint32_t>(first);
      ys = stacked(ys, forward<TestType>(part));
      const Gradients none{Matrix(count, 7), Matrix(50, 7), Matrix(1, 50)};
      dxs = stacked(dxs, backward<TestType>(part, y.row_range(first, count), none, GradientMode::write).dx);
    }
    CHECK(difference(ys, y) <= tolerance<TestType>::value);
    CHECK(difference(dxs, g.dx) <= tolerance<TestType>::gradient);
  }
}

TEMPLATE_TEST_CASE("linear: every backend agrees with the CPU in double", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  Problem p = problem(150, 50, 64);
  p.activation = Activation::relu;
  p.mask = mask_of(0.2, 5);
  p.layout = Layout::strided;
  const Matrix y = forward<CpuDouble>(p);
  CHECK(difference(forward<TestType>(p), y) <= tolerance<TestType>::value);
  const auto expected = parts(backward<CpuDouble>(p, y, earlier(p), GradientMode::add));
  const auto g = parts(backward<TestType>(p, y, earlier(p), GradientMode::add));
  for (std::size_t i = 0; i < 3; ++i) CHECK(difference(g[i], expected[i]) <= tolerance<TestType>::gradient);
}

TEMPLATE_TEST_CASE("linear: ReLU does not hide a NaN", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for (const index_t where : {0, 3, 6, 16}) {
    Problem p = problem(2, 5, 19);
    p.activation = Activation::relu;
    p.bias(where) = std::numeric_limits<double>::quiet_NaN();
    const Matrix y = forward<TestType>(p);
    for (index_t i = 0; i < 2; ++i)
      for (index_t o = 0; o < 19; ++o) CHECK(std::isnan(y(i, o)) == (o == where));
  }
}

TEST_CASE("linear: a row has the same bits wherever it stands", "[ops]") {
  for (const auto& [inputs, outputs] : {std::array<index_t, 2>{3, 5}, {7, 1}, {50, 36}, {130, 67}})
    for (const Activation activation : epilogues)
      for (const index_t rows : {1, 2, 3, 4, 5, 7, 16, 21, 33}) {
        CAPTURE(inputs, outputs, name_of(activation), rows);
        Problem alone = problem(1, inputs, outputs);
        alone.activation = activation;
        const Matrix y = forward<CpuFloat>(alone);
        for (const Layout layout : {Layout::dense, Layout::strided}) {
          Problem p = problem(rows, inputs, outputs);
          p.activation = activation;
          p.layout = layout;
          for (index_t i = 0; i < rows; ++i) {  // every row the same
            for (index_t j = 0; j < inputs; ++j) p.x(i, j) = alone.x(j);
          }
          const Matrix ys = forward<CpuFloat>(p);
          for (index_t i = 0; i < rows; ++i) REQUIRE(same_bits(ys.row_range(i, 1), y));
        }
      }
}

TEST_CASE("linear: an activation with parameters is no epilogue", "[ops][errors]") {
  CpuDouble context;
  const std::string rest = ", expected none, relu, sigmoid or tanh; hint: unit_activation has the others";
  LinearForward<CpuDouble> forward;
  forward.activation = Activation::prelu;
  CHECK(message_of<ArgumentError>([&] { ops::linear_forward(context, forward); }) ==
        "linear: activation is prelu" + rest);
  LinearBackward<CpuDouble> backward;
  backward.activation = Activation::dice;
  CHECK(message_of<ArgumentError>([&] { ops::linear_backward(context, backward); }) ==
        "linear backward: activation is dice" + rest);
}

TEST_CASE("linear: what does not fit is named", "[ops][errors]") {
  using Context = CpuDouble;
  const auto forward_message = [](auto change) {
    Context context;
    auto a = LinearForward<Context>{.x = context.matrix(4, 3),
                                    .weight = context.matrix(5, 3),
                                    .bias = context.vector(5),
                                    .y = context.matrix(4, 5),
                                    .activation = Activation::none,
                                    .dropout = {}};
    change(a, context);
    return message_of<ShapeError>([&] { ops::linear_forward(context, a); });
  };
  CHECK(forward_message([](auto& a, auto& c) { a.weight = c.matrix(5, 2); }) ==
        "linear: columns of weight is 2, expected 3");
  CHECK(forward_message([](auto& a, auto& c) { a.y = c.matrix(3, 5); }) == "linear: rows of y is 3, expected 4");
  CHECK(forward_message([](auto& a, auto& c) { a.y = c.matrix(4, 6); }) == "linear: columns of y is 6, expected 5");
  CHECK(forward_message([](auto& a, auto& c) { a.bias = c.vector(4); }) == "linear: size of bias is 4, expected 5");

  const auto backward_message = [](auto change) {
    Context context;
    auto a = LinearBackward<Context>{.x = context.matrix(4, 3),
                                     .weight = context.matrix(5, 3),
                                     .y = context.matrix(4, 5),
                                     .dy = context.matrix(4, 5),
                                     .dx = {context.matrix(4, 3), GradientMode::write},
                                     .dweight = context.matrix(5, 3),
                                     .dbias = context.vector(5),
                                     .activation = Activation::relu,
                                     .dropout = {}};
    change(a, context);
    return message_of<ShapeError>([&] { ops::linear_backward(context, a); });
  };
  CHECK(backward_message([](auto& a, auto& c) { a.weight = c.matrix(5, 2); }) ==
        "linear backward: columns of weight is 2, expected 3");
  CHECK(backward_message([](auto& a, auto& c) { a.dy = c.matrix(3, 5); }) ==
        "linear backward: rows of dy is 3, expected 4");
  CHECK(backward_message([](auto& a, auto& c) { a.dy = c.matrix(4, 6); }) ==
        "linear backward: columns of dy is 6, expected 5");
  CHECK(backward_message([](auto& a, auto& c) { a.y = c.matrix(3, 5); }) ==
        "linear backward: rows of y is 3, expected 4");
  CHECK(backward_message([](auto& a, auto&) { a.y = {}; }) == "linear backward: rows of y is 0, expected 4");
  CHECK(backward_message([](auto& a, auto& c) { a.y = c.matrix(4, 6); }) ==
        "linear backward: columns of y is 6, expected 5");
  CHECK(backward_message([](auto& a, auto& c) { a.dx.view = c.matrix(3, 3); }) ==
        "linear backward: rows of dx is 3, expected 4");
  CHECK(backward_message([](auto& a, auto& c) { a.dx.view = c.matrix(4, 2); }) ==
        "linear backward: columns of dx is 2, expected 3");
  CHECK(backward_message([](auto& a, auto& c) { a.dweight = c.matrix(4, 3); }) ==
        "linear backward: rows of dweight is 4, expected 5");
  CHECK(backward_message([](auto& a, auto& c) { a.dweight = c.matrix(5, 4); }) ==
        "linear backward: columns of dweight is 4, expected 3");
  CHECK(backward_message([](auto& a, auto& c) { a.dbias = c.vector(6); }) ==
        "linear backward: size of dbias is 6, expected 5");
}
