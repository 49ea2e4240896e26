// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/interaction.hpp"

#include <array>
#include <string>
#include <vector>

#include "seqrec/cpu/interaction.hpp"
#include "seqrec/cuda/interaction.cuh"
#include "support/all_backends.hpp"
#include "support/catch.hpp"
#include "support/finite_differences.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

struct Problem {
  Matrix u, q, f, dy;  ///< (C, D), (C, D), (C, F) or (C, 0), (C, 3 D + F)
  Layout layout = Layout::dense;
};

Problem problem(index_t rows, index_t width, index_t features, Layout layout = Layout::dense) {
  return {random_matrix(rows, width, 1), random_matrix(rows, width, 2), random_matrix(rows, features, 3),
          random_matrix(rows, 3 * width + features, 4), layout};
}

template <class Check>
void for_each_problem(Check check) {
  for (const auto& [rows, width, features] :
       {std::array<index_t, 3>{1, 1, 0}, {0, 5, 2}, {33, 7, 3}, {70, 64, 0}, {5, 50, 16}})
    for (const Layout layout : {Layout::dense, Layout::strided}) {
      CAPTURE(rows, width, features, layout == Layout::strided);
      check(problem(rows, width, features, layout));
    }
}

Matrix forward_by_loops(const Problem& p) {
  Matrix y(p.dy.rows, p.dy.columns);
  const index_t width = p.u.columns;
  for (index_t c = 0; c < y.rows; ++c) {
    for (index_t d = 0; d < width; ++d) {
      y(c, d) = p.u(c, d);
      y(c, width + d) = p.q(c, d);
      y(c, 2 * width + d) = p.u(c, d) * p.q(c, d);
    }
    for (index_t d = 0; d < p.f.columns; ++d) y(c, 3 * width + d) = p.f(c, d);
  }
  return y;
}

struct Gradients {
  Matrix du, dq, df;
};

[[maybe_unused]] bool same_bits(const Gradients& a, const Gradients& b) {
  return seqrec_test::same_bits(std::vector{a.du, a.dq, a.df}, std::vector{b.du, b.dq, b.df});
}

Gradients backward_by_loops(const Problem& p) {
  const index_t width = p.u.columns;
  Gradients g{p.u, p.q, p.f};
  for (index_t c = 0; c < p.u.rows; ++c) {
    for (index_t d = 0; d < width; ++d) {
      g.du(c, d) = p.dy(c, d) + p.dy(c, 2 * width + d) * p.q(c, d);
      g.dq(c, d) = p.dy(c, width + d) + p.dy(c, 2 * width + d) * p.u(c, d);
    }
    for (index_t d = 0; d < p.f.columns; ++d) g.df(c, d) = p.dy(c, 3 * width + d);
  }
  return g;
}

template <class Context>
Matrix forward(const Problem& p) {
  Context context;
  PlacedScalars<Context> u(p.u, p.layout), q(p.q, p.layout), f(p.f, p.layout),
      y(unwritten(p.dy.rows, p.dy.columns), p.layout);
  InteractionForward<Context> a{u.matrix(), q.matrix(), {}, y.matrix()};
  if (p.f.columns != 0) a.f = f.matrix();
  ops::interaction_forward(context, a);
  return y.read();
}

template <class Context>
Gradients backward(const Problem& p, const Gradients& before, GradientMode mode) {
  Context context;
  PlacedScalars<Context> u(p.u, p.layout), q(p.q, p.layout), dy(p.dy, p.layout), du(before.du, p.layout),
      dq(before.dq, p.layout), df(before.df, p.layout);
  InteractionBackward<Context> a{u.matrix(), q.matrix(), dy.matrix(), {du.matrix(), mode}, {dq.matrix(), mode}, {}};
  if (p.f.columns != 0) a.df = {df.matrix(), mode};
  ops::interaction_backward(context, a);
  return {du.read(), dq.read(), df.read()};
}

}  // namespace

TEMPLATE_TEST_CASE("interaction: forward against loops", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for_each_problem([](const Problem& p) {
    const Matrix y = repeatable<TestType>([&] { return forward<TestType>(p); });
    CHECK(difference(y, forward_by_loops(p)) <= tolerance<TestType>::value);
  });
}

TEMPLATE_TEST_CASE("interaction: backward against loops, written and added", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for_each_problem([](const Problem& p) {
    const Gradients expected = backward_by_loops(p);
    const auto like = [](const Matrix& of) { return unwritten(of.rows, of.columns); };
    const Gradients written = repeatable<TestType>([&] {
      return backward<TestType>(p, {like(p.u), like(p.q), like(p.f)}, GradientMode::write);
    });
    CHECK(difference(written.du, expected.du) <= tolerance<TestType>::gradient);
    CHECK(difference(written.dq, expected.dq) <= tolerance<TestType>::gradient);
    CHECK(difference(written.df, expected.df) <= tolerance<TestType>::gradient);
    const Gradients added = backward<TestType>(p, {p.q, p.u, p.f}, GradientMode::add);
    CHECK(difference(added.du, sum(p.q, expected.du)) <= tolerance<TestType>::gradient);
    CHECK(difference(added.dq, sum(p.u, expected.dq)) <= tolerance<TestType>::gradient);
    CHECK(difference(added.df, sum(p.f, expected.df)) <= tolerance<TestType>::gradient);
  });
}

TEST_CASE("interaction: gradients against central differences", "[ops]") {
  Problem p = problem(6, 5, 2);
  const Gradients g = backward<CpuDouble>(p, {p.u, p.q, p.f}, GradientMode::write);
  const auto loss = [&] { return dot(forward<CpuDouble>(p), p.dy); };
  CHECK(difference(g.du, central_differences(p.u, loss)) <= central_difference_tolerance);
  CHECK(difference(g.dq, central_differences(p.q, loss)) <= central_difference_tolerance);
  CHECK(difference(g.df, central_differences(p.f, loss)) <= central_difference_tolerance);
}

TEST_CASE("interaction: what does not fit is named", "[ops][errors]") {
  using Context = CpuDouble;
  Context context;
  const auto forward_message = [&](auto change) {
    InteractionForward<Context> a{context.matrix(4, 5), context.matrix(4, 5), context.matrix(4, 2),
                                  context.matrix(4, 17)};
    change(a);
    return message_of<ShapeError>([&] { ops::interaction_forward(context, a); });
  };
  const std::string op = "interaction: ", back = "interaction backward: ";
  CHECK(forward_message([&](auto& a) { a.q = context.matrix(3, 5); }) == op + "rows of q is 3, expected 4");
  CHECK(forward_message([&](auto& a) { a.q = context.matrix(4, 6); }) == op + "columns of q is 6, expected 5");
  CHECK(forward_message([&](auto& a) { a.f = context.matrix(3, 2); }) == op + "rows of f is 3, expected 4");
  CHECK(forward_message([&](auto& a) { a.f = {}; }) == op + "columns of y is 17, expected 15");
  CHECK(forward_message([&](auto& a) { a.y = context.matrix(3, 17); }) == op + "rows of y is 3, expected 4");
  const auto backward_message = [&](auto change) {
    InteractionBackward<Context> a{context.matrix(4, 5),   context.matrix(4, 5),   context.matrix(4, 17),
                                   {context.matrix(4, 5)}, {context.matrix(4, 5)}, {context.matrix(4, 2)}};
    change(a);
    return message_of<ShapeError>([&] { ops::interaction_backward(context, a); });
  };
  CHECK(backward_message([&](auto& a) { a.q = context.matrix(3, 5); }) == back + "rows of q is 3, expected 4");
  CHECK(backward_message([&](auto& a) { a.q = context.matrix(4, 6); }) == back + "columns of q is 6, expected 5");
  CHECK(backward_message([&](auto& a) { a.dy = context.matrix(3, 17); }) == back + "rows of dy is 3, expected 4");
  CHECK(backward_message([&](auto& a) { a.dy = context.matrix(4, 14); }) ==
        back + "columns of dy is 14, expected at least 15");
  CHECK(backward_message([&](auto& a) { a.df.view = context.matrix(4, 1); }) ==
        back + "columns of df is 1, expected 2");
  CHECK(backward_message([&](auto& a) { a.df.view = context.matrix(3, 2); }) == back + "rows of df is 3, expected 4");
  CHECK(backward_message([&](auto& a) { a.du.view = context.matrix(3, 5); }) == back + "rows of du is 3, expected 4");
  CHECK(backward_message([&](auto& a) { a.dq.view = context.matrix(4, 6); }) ==
        back + "columns of dq is 6, expected 5");
}
