// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/gated_silu.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "seqrec/cpu/gated_silu.hpp"
#include "seqrec/cuda/gated_silu.cuh"
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
  Matrix gate, x, dy;  ///< (N, F)
  Layout layout = Layout::dense;
  double dropout = 0;

  Dropout mask() const { return mask_of(dropout, 100); }
};

Problem problem(index_t rows, index_t columns, Layout layout = Layout::dense, double dropout = 0) {
  return {random_matrix(rows, columns, 1, 3.0), random_matrix(rows, columns, 2), random_matrix(rows, columns, 3),
          layout, dropout};
}

template <class Check>
void for_each_problem(Check check) {
  for (const auto& [rows, columns] : {std::array<index_t, 2>{1, 1}, {0, 5}, {33, 7}, {70, 64}, {5, 50}})
    for (const Layout layout : {Layout::dense, Layout::strided})
      for (const double dropout : {0.0, 0.4}) {
        CAPTURE(rows, columns, layout == Layout::strided, dropout);
        check(problem(rows, columns, layout, dropout));
      }
}

struct Results {
  Matrix y, dgate, dx;
};

Results by_loops(const Problem& p) {
  Results r{p.x, p.x, p.x};
  for (index_t i = 0; i < p.x.rows; ++i)
    for (index_t j = 0; j < p.x.columns; ++j) {
      const double g = p.gate(i, j), open = 1 / (1 + std::exp(-g)), kept = factor(p.mask(), i, j),
                   dy = p.dy(i, j) * kept;
      r.y(i, j) = kept * g * open * p.x(i, j);
      r.dgate(i, j) = dy * p.x(i, j) * (open + g * open * (1 - open));
      r.dx(i, j) = dy * g * open;
    }
  return r;
}

template <class Context>
Matrix forward(const Problem& p) {
  Context context;
  PlacedScalars<Context> gate(p.gate, p.layout), x(p.x, p.layout), y(unwritten(p.x.rows, p.x.columns), p.layout);
  ops::gated_silu_forward(context, GatedSiluForward<Context>{gate.matrix(), x.matrix(), y.matrix(), p.mask()});
  return y.read();
}

template <class Context>
Results backward(const Problem& p, const Results& before, GradientMode mode) {
  Context context;
  PlacedScalars<Context> gate(p.gate, p.layout), x(p.x, p.layout), dy(p.dy, p.layout), dgate(before.dgate, p.layout),
      dx(before.dx, p.layout);
  ops::gated_silu_backward(
      context, GatedSiluBackward<Context>{
                   gate.matrix(), x.matrix(), dy.matrix(), {dgate.matrix(), mode}, {dx.matrix(), mode}, p.mask()});
  return {{}, dgate.read(), dx.read()};
}

}  // namespace

TEMPLATE_TEST_CASE("gated_silu: against loops, written and added", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for_each_problem([](const Problem& p) {
    const Results expected = by_loops(p);
    const Matrix y = repeatable<TestType>([&] { return forward<TestType>(p); });
    CHECK(difference(y, expected.y) <= tolerance<TestType>::value);
    const Matrix empty = unwritten(p.x.rows, p.x.columns);
    const Results written = backward<TestType>(p, {{}, empty, empty}, GradientMode::write);
    CHECK(difference(written.dgate, expected.dgate) <= tolerance<TestType>::gradient);
    CHECK(difference(written.dx, expected.dx) <= tolerance<TestType>::gradient);
    const Results added = backward<TestType>(p, {{}, p.x, p.gate}, GradientMode::add);
    CHECK(difference(added.dgate, sum(p.x, expected.dgate)) <= tolerance<TestType>::gradient);
    CHECK(difference(added.dx, sum(p.gate, expected.dx)) <= tolerance<TestType>::gradient);
  });
}

TEMPLATE_TEST_CASE("gated_silu: without x it is silu", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for_each_problem([](Problem p) {
    std::fill(p.x.values.begin(), p.x.values.end(), 1.0);
    TestType context;
    const index_t rows = p.x.rows, columns = p.x.columns;
    PlacedScalars<TestType> gate(p.gate, p.layout), y(unwritten(rows, columns), p.layout), dy(p.dy, p.layout),
        dgate(p.gate, p.layout);
    ops::gated_silu_forward(context, GatedSiluForward<TestType>{gate.matrix(), {}, y.matrix(), p.mask()});
    ops::gated_silu_backward(
        context,
        GatedSiluBackward<TestType>{gate.matrix(), {}, dy.matrix(), {dgate.matrix(), GradientMode::add}, {}, p.mask()});
    const Results expected = by_loops(p);
    CHECK(difference(y.read(), expected.y) <= tolerance<TestType>::value);
    CHECK(difference(dgate.read(), sum(p.gate, expected.dgate)) <= tolerance<TestType>::gradient);
  });
}

TEST_CASE("gated_silu: gradients against central differences", "[ops]") {
  Problem p = problem(6, 5, Layout::dense, 0.3);
  const Results g = backward<CpuDouble>(p, {{}, p.x, p.x}, GradientMode::write);
  const auto loss = [&] { return dot(forward<CpuDouble>(p), p.dy); };
  CHECK(difference(g.dgate, central_differences(p.gate, loss)) <= central_difference_tolerance);
  CHECK(difference(g.dx, central_differences(p.x, loss)) <= central_difference_tolerance);
}

TEST_CASE("gated_silu: values and gradients of PyTorch", "[ops][golden]") {
  Golden golden("gated_silu");
  const Problem p{golden.matrix("gate"), golden.matrix("x"), golden.matrix("dy")};
  CHECK(difference(forward<CpuDouble>(p), golden.matrix("y")) <= golden_tolerance);
  const Results g = backward<CpuDouble>(p, {{}, p.x, p.x}, GradientMode::write);
  CHECK(difference(g.dgate, golden.matrix("dgate")) <= golden_tolerance);
  CHECK(difference(g.dx, golden.matrix("dx")) <= golden_tolerance);
}

TEMPLATE_TEST_CASE("gated_silu: gates of any size keep everything finite", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  Problem p = problem(1, 4);
  const double gates[] = {-1e4, 1e4, -200, 0};
  std::copy(std::begin(gates), std::end(gates), p.gate.values.begin());
  const Matrix y = forward<TestType>(p);
  const Results g = backward<TestType>(p, {{}, p.x, p.x}, GradientMode::write);
  CHECK(y(0, 1) == Approx(1e4 * p.x(0, 1)));
  for (const index_t i : {0, 2, 3}) CHECK(std::abs(y(0, i)) < 1e-30);
  CHECK(g.dgate(0, 1) == Approx(p.dy(0, 1) * p.x(0, 1)));
  CHECK(std::abs(g.dgate(0, 0)) < 1e-30);
  CHECK(g.dgate(0, 3) == Approx(p.dy(0, 3) * p.x(0, 3) / 2));
}

TEST_CASE("gated_silu: equal rows have equal bits, wherever they stand", "[ops]") {
  for (const index_t columns : {5, 50}) {
    Problem p = problem(7, columns);
    for (index_t i = 1; i < 7; ++i)
      for (index_t j = 0; j < columns; ++j) {
        p.gate(i, j) = p.gate(0, j);
        p.x(i, j) = p.x(0, j);
      }
    const Matrix y = forward<CpuFloat>(p);
    for (index_t i = 1; i < 7; ++i) CHECK(same_bits(y.row_range(i, 1), y.row_range(0, 1)));
  }
}

TEST_CASE("gated_silu: what does not fit is named", "[ops][errors]") {
  using Context = CpuDouble;
  Context context;
  const auto good = context.matrix(4, 5), rows_3 = context.matrix(3, 5), columns_6 = context.matrix(4, 6);
  const auto forward_message = [&](auto change) {
    GatedSiluForward<Context> a{good, good, good, {}};
    change(a);
    return message_of<ShapeError>([&] { ops::gated_silu_forward(context, a); });
  };
  const auto backward_message = [&](auto change) {
    GatedSiluBackward<Context> a{good, good, good, {good}, {good}, {}};
    change(a);
    return message_of<ShapeError>([&] { ops::gated_silu_backward(context, a); });
  };
  const std::string op = "gated_silu: ", back = "gated_silu backward: ";
  CHECK(forward_message([&](auto& a) { a.x = rows_3; }) == op + "rows of x is 3, expected 4");
  CHECK(forward_message([&](auto& a) { a.x = columns_6; }) == op + "columns of x is 6, expected 5");
  CHECK(forward_message([&](auto& a) { a.y = rows_3; }) == op + "rows of y is 3, expected 4");
  CHECK(forward_message([&](auto& a) { a.y = {}; }) == op + "rows of y is 0, expected 4");
  CHECK(backward_message([&](auto& a) { a.x = columns_6; }) == back + "columns of x is 6, expected 5");
  CHECK(backward_message([&](auto& a) { a.dy = rows_3; }) == back + "rows of dy is 3, expected 4");
  CHECK(backward_message([&](auto& a) { a.dgate.view = rows_3; }) == back + "rows of dgate is 3, expected 4");
  CHECK(backward_message([&](auto& a) { a.dx.view = columns_6; }) == back + "columns of dx is 6, expected 5");
  CHECK(backward_message([&](auto& a) { a.x = {}; }) == back + "rows of dx is 4, expected 0");
}
