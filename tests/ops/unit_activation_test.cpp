// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/unit_activation.hpp"

#include <array>
#include <limits>
#include <string>
#include <vector>

#include "seqrec/cpu/unit_activation.hpp"
#include "seqrec/cuda/unit_activation.cuh"
#include "support/all_backends.hpp"
#include "support/catch.hpp"
#include "support/finite_differences.hpp"
#include "support/golden.hpp"
#include "support/masks.hpp"
#include "support/tensors.hpp"
#include "support/unit_activations.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

struct Problem {
  Matrix x, dy;  ///< (N, H)
  HostActivation f;
  Dropout mask = {};
  Layout layout = Layout::dense;
};

Problem problem(Activation kind, index_t rows, index_t units) {
  return {random_matrix(rows, units, 1, 2.0), random_matrix(rows, units, 2), random_activation(kind, units, 3)};
}

template <class Check>
void for_each_problem(Check check) {
  for (const Activation kind : all_activations)
    for (const auto& [rows, units] : {std::array<index_t, 2>{1, 1}, {0, 3}, {5, 7}, {33, 36}, {70, 50}})
      for (const double probability : {0.0, 0.3})
        for (const Layout layout : {Layout::dense, Layout::strided}) {
          CAPTURE(names_of(kind)[static_cast<std::size_t>(kind)], rows, units, probability, layout == Layout::strided);
          Problem p = problem(kind, rows, units);
          p.mask = mask_of(probability, 11);
          p.layout = layout;
          check(p);
        }
}

Matrix forward_by_loops(const Problem& p) {
  Matrix y(p.x.rows, p.x.columns);
  for (index_t i = 0; i < y.rows; ++i)
    for (index_t h = 0; h < y.columns; ++h) y(i, h) = p.f.value(p.x(i, h), h) * factor(p.mask, i, h);
  return y;
}

struct Gradients {
  Matrix dx;
  ActivationSums sums;
};

[[maybe_unused]] bool same_bits(const Gradients& a, const Gradients& b) {
  const auto parts = [](const Gradients& g) {
    return std::vector{g.dx, g.sums.dalpha, g.sums.sum, g.sums.squares, g.sums.rows};
  };
  return seqrec_test::same_bits(parts(a), parts(b));
}

Gradients backward_by_loops(const Problem& p) {
  Gradients g{Matrix(p.x.rows, p.x.columns), ActivationSums(p.x.columns)};
  for (index_t i = 0; i < p.x.rows; ++i)
    for (index_t h = 0; h < p.x.columns; ++h) {
      const double dy = p.dy(i, h) * factor(p.mask, i, h);
      g.dx(i, h) = dy * p.f.slope(p.x(i, h), h);
      g.sums.add(p.f, p.x(i, h), dy, h);
    }
  return g;
}

template <class Context>
Matrix forward(const Problem& p, bool in_place = false) {
  Context context;
  PlacedScalars<Context> x(p.x, p.layout), y(unwritten(p.x.rows, p.x.columns), p.layout);
  PlacedActivation<Context> f(p.f, ActivationSums(p.x.columns), p.layout);
  ops::unit_activation_forward(
      context, UnitActivationForward<Context>{x.matrix(), f.view(false), in_place ? x.matrix() : y.matrix(), p.mask});
  return in_place ? x.read() : y.read();
}

enum class Target { written, added, in_place, unwanted };

/// @param before what dx holds beforehand   @param fill  what sums hold beforehand
template <class Context>
Gradients backward(const Problem& p, const Matrix& before, Target target = Target::written, double fill = 0,
                   bool with_sums = true) {
  Context context;
  PlacedScalars<Context> x(p.x, p.layout), dy(p.dy, p.layout), dx(before, p.layout);
  PlacedActivation<Context> f(p.f, ActivationSums(p.x.columns, fill), p.layout);
  UnitActivationBackward<Context> a{x.matrix(), f.view(with_sums), dy.matrix(), {}, p.mask};
  if (target == Target::in_place) a.dx = {dy.matrix(), GradientMode::write};
  if (target == Target::written) a.dx = {dx.matrix(), GradientMode::write};
  if (target == Target::added) a.dx = {dx.matrix(), GradientMode::add};
  ops::unit_activation_backward(context, a);
  return {target == Target::in_place ? dy.read() : dx.read(), f.read()};
}

void check_sums(const ActivationSums& found, const ActivationSums& expected, double tolerance) {
  CHECK(difference(found.dalpha, expected.dalpha) <= tolerance);
  CHECK(difference(found.sum, expected.sum) <= tolerance);
  CHECK(difference(found.squares, expected.squares) <= tolerance);
  CHECK(same_bits(found.rows, expected.rows));
}

}  // namespace

TEMPLATE_TEST_CASE("unit_activation: forward against loops, also in place", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for_each_problem([](const Problem& p) {
    const Matrix y = repeatable<TestType>([&] { return forward<TestType>(p); });
    CHECK(difference(y, forward_by_loops(p)) <= tolerance<TestType>::value);
    CHECK(same_bits(forward<TestType>(p, true), y));
  });
}

TEMPLATE_TEST_CASE("unit_activation: backward against loops; written, added and in place", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  for_each_problem([](const Problem& p) {
    const Gradients expected = backward_by_loops(p);
    const Matrix nothing = unwritten(p.x.rows, p.x.columns), before = random_matrix(p.x.rows, p.x.columns, 9);
    const Gradients written = repeatable<TestType>([&] { return backward<TestType>(p, nothing); });
    const Gradients added = backward<TestType>(p, before, Target::added);
    CHECK(difference(written.dx, expected.dx) <= tolerance<TestType>::gradient);
    check_sums(written.sums, expected.sums, tolerance<TestType>::gradient);
    CHECK(difference(added.dx, sum(before, expected.dx)) <= tolerance<TestType>::gradient);
    CHECK(same_bits(backward<TestType>(p, nothing, Target::in_place).dx, written.dx));
    const Gradients unwanted = backward<TestType>(p, nothing, Target::unwanted);
    CHECK(same_bits(unwanted.dx, nothing));
    CHECK(same_bits(unwanted.sums.dalpha, written.sums.dalpha));
  });
}

TEMPLATE_TEST_CASE("unit_activation: sums are added to, and to none that is not wanted", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  const Problem p = problem(Activation::dice, 33, 5);
  const Matrix nothing = unwritten(33, 5);
  const Gradients from_zero = backward<TestType>(p, nothing), from_two = backward<TestType>(p, nothing, {}, 2);
  const Matrix two(1, 5, 2.0);
  CHECK(difference(from_two.sums.dalpha, sum(two, from_zero.sums.dalpha)) <= tolerance<TestType>::gradient);
  CHECK(difference(from_two.sums.sum, sum(two, from_zero.sums.sum)) <= tolerance<TestType>::gradient);
  CHECK(difference(from_two.sums.squares, sum(two, from_zero.sums.squares)) <= tolerance<TestType>::gradient);
  CHECK(from_two.sums.rows(0) == 35);
  const Gradients without = backward<TestType>(p, nothing, Target::written, 2, false);
  CHECK(same_bits(without.dx, from_zero.dx));
  for (const Matrix& untouched : {without.sums.dalpha, without.sums.sum, without.sums.squares})
    CHECK(same_bits(untouched, two));
  CHECK(without.sums.rows(0) == 2);
}

TEMPLATE_TEST_CASE("unit_activation: rows are counted beyond the integers of a float", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  const Problem p = problem(Activation::dice, 34, 5);
  CHECK(backward<TestType>(p, unwritten(34, 5), Target::written, 0x1p24).sums.rows(0) == 0x1p24 + 34);
}

TEST_CASE("unit_activation: gradients against central differences", "[ops]") {
  for (const Activation kind : all_activations) {
    CAPTURE(names_of(kind)[static_cast<std::size_t>(kind)]);
    Problem p = problem(kind, 6, 5);
    p.mask = mask_of(0.3, 11);
    const Gradients g = backward<CpuDouble>(p, unwritten(6, 5));
    const auto loss = [&] { return dot(forward<CpuDouble>(p), p.dy); };
    CHECK(difference(g.dx, central_differences(p.x, loss)) <= central_difference_tolerance);
    if (has_slope(kind))
      CHECK(difference(g.sums.dalpha, central_differences(p.f.alpha, loss)) <= central_difference_tolerance);
  }
}

TEST_CASE("unit_activation: values and gradients of PyTorch", "[ops][golden]") {
  for (const Activation kind : {Activation::prelu, Activation::dice}) {
    const std::string name = names_of(kind)[static_cast<std::size_t>(kind)];
    CAPTURE(name);
    Golden golden("unit_activation_" + name);
    const bool dice = kind == Activation::dice;
    Problem p{golden.matrix("x"), golden.matrix("dy"), {kind, golden.matrix("alpha"), {}, {}}};
    p.f.epsilon = golden.number("epsilon");
    p.f.mean = p.f.variance = Matrix(1, p.x.columns, 1.0);
    if (dice) {
      p.f.mean = golden.matrix("mean");
      p.f.variance = golden.matrix("variance");
    }
    CHECK(difference(forward<CpuDouble>(p), golden.matrix("y")) <= golden_tolerance);
    const Gradients g = backward<CpuDouble>(p, unwritten(p.x.rows, p.x.columns));
    CHECK(difference(g.dx, golden.matrix("dx")) <= golden_tolerance);
    CHECK(difference(g.sums.dalpha, golden.matrix("dalpha")) <= golden_tolerance);
    if (!dice) continue;
    ActivationSums sums;
    sums.sum = golden.matrix("sum.running_mean");
    sums.squares = golden.matrix("sum.running_var");
    sums.rows = golden.matrix("sum.num_batches_tracked");
    centre(sums, p.f);
    CHECK(difference(g.sums.sum, sums.sum) <= golden_tolerance);
    CHECK(difference(g.sums.squares, sums.squares) <= golden_tolerance);
    CHECK(same_bits(g.sums.rows, sums.rows));
  }
}

TEMPLATE_TEST_CASE("unit_activation: inputs of ten thousand either way stay finite", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  const Matrix zero(1, 2), one(1, 2, 1.0);
  const auto check = [&](Activation kind, const std::vector<double>& y, const std::vector<double>& dx) {
    Problem p{Matrix(1, 2), one, {kind, Matrix(1, 2, 0.25), zero, one}};
    p.x.values = {1e4, -1e4};
    CHECK(forward<TestType>(p).values == y);
    CHECK(backward<TestType>(p, unwritten(1, 2)).dx.values == dx);
  };
  check(Activation::relu, {1e4, 0}, {1, 0});
  check(Activation::prelu, {1e4, -2500}, {1, 0.25});
  check(Activation::dice, {1e4, -2500}, {1, 0.25});
  Problem p{Matrix(1, 2), one, {Activation::sigmoid, one, zero, one}};
  p.x.values = {1e4, -1e4};
  const Matrix y = forward<TestType>(p);
  CHECK(y(0) == 1);
  CHECK((y(1) >= 0 && y(1) < 1e-7));
}

TEMPLATE_TEST_CASE("unit_activation: a batch cut in two gives the same rows", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  constexpr index_t units = 13;  // rows begin and end in the middle of vectors
  for (const Activation kind : all_activations) {
    Problem whole = problem(kind, 40, units);
    whole.mask = mask_of(0.3);
    Matrix y(0, units), dx(0, units);
    for (const auto& [first, count] : {std::array<index_t, 2>{0, 13}, {13, 27}}) {
      Problem part = whole;
      part.x = whole.x.row_range(first, count);
      part.dy = whole.dy.row_range(first, count);
      part.mask = mask_of(0.3, first);
      y = stacked(y, forward<TestType>(part));
      dx = stacked(dx, backward<TestType>(part, unwritten(count, units)).dx);
    }
    CHECK(same_bits(y, forward<TestType>(whole)));
    CHECK(difference(dx, backward<TestType>(whole, unwritten(40, units)).dx) <= tolerance<TestType>::gradient);
  }
}

TEST_CASE("unit_activation: what does not fit is named", "[ops][errors]") {
  using Context = CpuDouble;
  Context context;
  const auto activation = [&] {
    UnitActivation<Context> f;
    f.kind = Activation::dice;
    f.alpha = f.mean = f.variance = f.dalpha = f.sum = f.squares = context.vector(5);
    f.rows = context.vector(1);
    return f;
  };
  const auto forward_message = [&](auto change) {
    UnitActivationForward<Context> a{context.matrix(4, 5), activation(), context.matrix(4, 5), {}};
    change(a);
    return message_of<ShapeError>([&] { ops::unit_activation_forward(context, a); });
  };
  const std::string op = "unit_activation: ", back = "unit_activation backward: ";
  const auto wrong = [&] { return context.vector(4); };
  CHECK(forward_message([&](auto& a) { a.f.alpha = wrong(); }) == op + "size of alpha is 4, expected 5");
  CHECK(forward_message([&](auto& a) { a.f.mean = wrong(); }) == op + "size of mean is 4, expected 5");
  CHECK(forward_message([&](auto& a) { a.f.variance = wrong(); }) == op + "size of variance is 4, expected 5");
  CHECK(forward_message([&](auto& a) { a.f.dalpha = wrong(); }) == op + "size of dalpha is 4, expected 5");
  CHECK(forward_message([&](auto& a) { a.f.sum = wrong(); }) == op + "size of sum is 4, expected 5");
  CHECK(forward_message([&](auto& a) { a.f.squares = {}; }) == op + "size of squares is 0, expected 5");
  CHECK(forward_message([&](auto& a) { a.f.rows = wrong(); }) == op + "size of rows is 4, expected 1");
  CHECK(forward_message([&](auto& a) { a.y = context.matrix(3, 5); }) == op + "rows of y is 3, expected 4");
  CHECK(forward_message([&](auto& a) { a.y = context.matrix(4, 6); }) == op + "columns of y is 6, expected 5");
  const auto backward_message = [&](auto change) {
    UnitActivationBackward<Context> a{
        context.matrix(4, 5), activation(), context.matrix(4, 5), {context.matrix(4, 5)}, {}};
    change(a);
    return message_of<ShapeError>([&] { ops::unit_activation_backward(context, a); });
  };
  CHECK(backward_message([&](auto& a) { a.f.alpha = wrong(); }) == back + "size of alpha is 4, expected 5");
  CHECK(backward_message([&](auto& a) { a.dy = context.matrix(3, 5); }) == back + "rows of dy is 3, expected 4");
  CHECK(backward_message([&](auto& a) { a.dy = context.matrix(4, 6); }) == back + "columns of dy is 6, expected 5");
  CHECK(backward_message([&](auto& a) { a.dx.view = context.matrix(3, 5); }) == back + "rows of dx is 3, expected 4");
  CHECK(backward_message([&](auto& a) { a.dx.view = context.matrix(4, 6); }) ==
        back + "columns of dx is 6, expected 5");
}
