// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/row_dot.hpp"

#include <array>
#include <string>
#include <vector>

#include "seqrec/cpu/row_dot.hpp"
#include "seqrec/cuda/row_dot.cuh"
#include "support/all_backends.hpp"
#include "support/catch.hpp"
#include "support/finite_differences.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

struct Problem {
  Matrix a, b, dy;  ///< (C, D), (C, D), (C, 1)
  Layout layout = Layout::dense;
};

Problem problem(index_t rows, index_t width, Layout layout = Layout::dense) {
  return {random_matrix(rows, width, 1), random_matrix(rows, width, 2), random_matrix(rows, 1, 3), layout};
}

template <class Check>
void for_each_problem(Check check) {
  for (const auto& [rows, width] : {std::array<index_t, 2>{1, 1}, {0, 5}, {33, 7}, {70, 64}, {5, 50}})
    for (const Layout layout : {Layout::dense, Layout::strided}) {
      CAPTURE(rows, width, layout == Layout::strided);
      check(problem(rows, width, layout));
    }
}

template <class Context>
Matrix forward(const Problem& p) {
  Context context;
  PlacedScalars<Context> a(p.a, p.layout), b(p.b, p.layout), y(unwritten(p.a.rows, 1), p.layout);
  ops::row_dot_forward(context, RowDotForward<Context>{a.matrix(), b.matrix(), y.matrix()});
  return y.read();
}

/// @param before what both gradients hold beforehand   @return da, db
template <class Context>
std::vector<Matrix> backward(const Problem& p, const Matrix& before, GradientMode mode,
                             std::array<bool, 2> wanted = {true, true}) {
  Context context;
  PlacedScalars<Context> a(p.a, p.layout), b(p.b, p.layout), dy(p.dy, p.layout), da(before, p.layout),
      db(before, p.layout);
  RowDotBackward<Context> backward{a.matrix(), b.matrix(), dy.matrix(), {}, {}};
  if (wanted[0]) backward.da = {da.matrix(), mode};
  if (wanted[1]) backward.db = {db.matrix(), mode};
  ops::row_dot_backward(context, backward);
  return {da.read(), db.read()};
}

/// dy times the other factor.
Matrix gradient_by_loops(const Problem& p, const Matrix& other) {
  Matrix gradient = other;
  for (index_t c = 0; c < other.rows; ++c)
    for (index_t d = 0; d < other.columns; ++d) gradient(c, d) *= p.dy(c);
  return gradient;
}

}  // namespace

TEMPLATE_TEST_CASE("row_dot: forward against loops", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for_each_problem([](const Problem& p) {
    Matrix expected(p.a.rows, 1);
    for (index_t c = 0; c < p.a.rows; ++c)
      for (index_t d = 0; d < p.a.columns; ++d) expected(c) += p.a(c, d) * p.b(c, d);
    const Matrix y = repeatable<TestType>([&] { return forward<TestType>(p); });
    CHECK(difference(y, expected) <= tolerance<TestType>::value);
  });
}

TEMPLATE_TEST_CASE("row_dot: backward against loops; written, added and unwanted", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for_each_problem([](const Problem& p) {
    const Matrix da = gradient_by_loops(p, p.b), db = gradient_by_loops(p, p.a);
    const Matrix nothing = unwritten(p.a.rows, p.a.columns), before = random_matrix(p.a.rows, p.a.columns, 4);
    const auto written = repeatable<TestType>([&] { return backward<TestType>(p, nothing, GradientMode::write); });
    CHECK(difference(written[0], da) <= tolerance<TestType>::gradient);
    CHECK(difference(written[1], db) <= tolerance<TestType>::gradient);
    const auto added = backward<TestType>(p, before, GradientMode::add);
    CHECK(difference(added[0], sum(before, da)) <= tolerance<TestType>::gradient);
    CHECK(difference(added[1], sum(before, db)) <= tolerance<TestType>::gradient);
    const auto only_b = backward<TestType>(p, nothing, GradientMode::write, {false, true});
    CHECK(same_bits(only_b[0], nothing));
    CHECK(same_bits(only_b[1], written[1]));
  });
}

TEST_CASE("row_dot: gradients against central differences", "[ops]") {
  Problem p = problem(6, 5);
  const auto g = backward<CpuDouble>(p, unwritten(6, 5), GradientMode::write);
  const auto loss = [&] { return dot(forward<CpuDouble>(p), p.dy); };
  CHECK(difference(g[0], central_differences(p.a, loss)) <= central_difference_tolerance);
  CHECK(difference(g[1], central_differences(p.b, loss)) <= central_difference_tolerance);
}

TEST_CASE("row_dot: what does not fit is named", "[ops][errors]") {
  using Context = CpuDouble;
  Context context;
  const auto forward_message = [&](auto change) {
    RowDotForward<Context> a{context.matrix(4, 5), context.matrix(4, 5), context.matrix(4, 1)};
    change(a);
    return message_of<ShapeError>([&] { ops::row_dot_forward(context, a); });
  };
  const std::string op = "row_dot: ", back = "row_dot backward: ";
  CHECK(forward_message([&](auto& a) { a.b = context.matrix(3, 5); }) == op + "rows of b is 3, expected 4");
  CHECK(forward_message([&](auto& a) { a.b = context.matrix(4, 6); }) == op + "columns of b is 6, expected 5");
  CHECK(forward_message([&](auto& a) { a.y = context.matrix(3, 1); }) == op + "rows of y is 3, expected 4");
  CHECK(forward_message([&](auto& a) { a.y = context.matrix(4, 2); }) == op + "columns of y is 2, expected 1");
  const auto backward_message = [&](auto change) {
    RowDotBackward<Context> a{context.matrix(4, 5),
                              context.matrix(4, 5),
                              context.matrix(4, 1),
                              {context.matrix(4, 5)},
                              {context.matrix(4, 5)}};
    change(a);
    return message_of<ShapeError>([&] { ops::row_dot_backward(context, a); });
  };
  CHECK(backward_message([&](auto& a) { a.b = context.matrix(3, 5); }) == back + "rows of b is 3, expected 4");
  CHECK(backward_message([&](auto& a) { a.b = context.matrix(4, 6); }) == back + "columns of b is 6, expected 5");
  CHECK(backward_message([&](auto& a) { a.dy = context.matrix(3, 1); }) == back + "rows of dy is 3, expected 4");
  CHECK(backward_message([&](auto& a) { a.dy = context.matrix(4, 2); }) == back + "columns of dy is 2, expected 1");
  CHECK(backward_message([&](auto& a) { a.da.view = context.matrix(3, 5); }) == back + "rows of da is 3, expected 4");
  CHECK(backward_message([&](auto& a) { a.db.view = context.matrix(4, 6); }) ==
        back + "columns of db is 6, expected 5");
}
