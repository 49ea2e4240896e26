// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/visible_rows.hpp"

#include <string>
#include <vector>

#include "seqrec/cpu/visible_rows.hpp"
#include "support/backends.hpp"
#include "support/candidate_lists.hpp"
#include "support/catch.hpp"
#include "support/finite_differences.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

struct Problem {
  CandidateLists candidates;
  Matrix x, dy;  ///< (N, D), (C, D)
  Layout layout = Layout::dense;
};

Problem problem(const std::vector<index_t>& lengths, index_t width, Layout layout = Layout::dense) {
  Problem p{random_candidates(lengths, 4, 1000, 7), {}, {}, layout};
  p.x = random_matrix(p.candidates.rows(), width, 1);
  p.dy = random_matrix(p.candidates.size(), width, 2);
  return p;
}

template <class Check>
void for_each_problem(Check check) {
  for (const auto& lengths : batches_of_lengths())
    for (const index_t width : {1, 7, 50})
      for (const Layout layout : {Layout::dense, Layout::strided}) {
        CAPTURE(lengths, width, layout == Layout::strided);
        check(problem(lengths, width, layout));
      }
}

/// Calls visit(candidate, the last row that it sees) for those that see any.
template <class Visit>
void for_each_last(const Problem& p, Visit visit) {
  p.candidates.for_each([&](index_t c, index_t first) {
    const index_t visible = p.candidates.visible[static_cast<std::size_t>(c)];
    if (visible > 0) visit(c, first + visible - 1);
  });
}

template <class Context>
Matrix forward(const Problem& p) {
  Context context;
  const PlacedCandidates<typename Context::Space> candidates(p.candidates);
  PlacedScalars<Context> x(p.x, p.layout), y(unwritten(p.candidates.size(), p.x.columns), p.layout);
  ops::visible_rows_forward(
      context, VisibleRowsForward<Context>{x.matrix(), candidates.histories(), candidates.view(), y.matrix()});
  return y.read();
}

template <class Context>
Matrix backward(const Problem& p, const Matrix& before, GradientMode mode) {
  Context context;
  const PlacedCandidates<typename Context::Space> candidates(p.candidates);
  PlacedScalars<Context> dy(p.dy, p.layout), dx(before, p.layout);
  ops::visible_rows_backward(context, VisibleRowsBackward<Context>{
                                          candidates.histories(), candidates.view(), dy.matrix(), {dx.matrix(), mode}});
  return dx.read();
}

}  // namespace

TEMPLATE_TEST_CASE("visible_rows: the last row that a candidate sees, zeros where it sees none", "[ops]",
                   SEQREC_TEST_BACKENDS) {
  for_each_problem([](const Problem& p) {
    Matrix expected(p.candidates.size(), p.x.columns);
    for_each_last(p, [&](index_t c, index_t row) {
      for (index_t d = 0; d < p.x.columns; ++d) expected(c, d) = p.x(row, d);
    });
    CHECK(same_bits(forward<TestType>(p), expected));
    Problem narrow = p;  // a window that sees less sees the same last row
    narrow.candidates.window = 1;
    CHECK(same_bits(forward<TestType>(narrow), expected));
  });
}

TEMPLATE_TEST_CASE("visible_rows: backward against loops, written and added", "[ops]", SEQREC_TEST_BACKENDS) {
  for_each_problem([](const Problem& p) {
    Matrix expected(p.x.rows, p.x.columns);
    for_each_last(p, [&](index_t c, index_t row) {
      for (index_t d = 0; d < p.x.columns; ++d) expected(row, d) += p.dy(c, d);
    });
    const Matrix before = random_matrix(p.x.rows, p.x.columns, 4);
    CHECK(difference(backward<TestType>(p, unwritten(p.x.rows, p.x.columns), GradientMode::write), expected) <=
          tolerance<TestType>::gradient);
    CHECK(difference(backward<TestType>(p, before, GradientMode::add), sum(before, expected)) <=
          tolerance<TestType>::gradient);
  });
}

TEST_CASE("visible_rows: gradient against central differences", "[ops]") {
  Problem p = problem({3, 1, 0, 6}, 5);
  const Matrix dx = backward<CpuDouble>(p, unwritten(p.x.rows, 5), GradientMode::write);
  const auto loss = [&] { return dot(forward<CpuDouble>(p), p.dy); };
  CHECK(difference(dx, central_differences(p.x, loss)) <= central_difference_tolerance);
}

TEST_CASE("visible_rows: what does not fit is named", "[ops][errors]") {
  using Context = CpuDouble;
  Context context;
  const PlacedCandidates<HostSpace> placed_candidates({{3, 1}, {2, 1}, {1, 3, 1}});
  const auto forward_message = [&](auto change) {
    VisibleRowsForward<Context> a{context.matrix(4, 5), placed_candidates.histories(), placed_candidates.view(),
                                  context.matrix(3, 5)};
    change(a);
    return message_of<ShapeError>([&] { ops::visible_rows_forward(context, a); });
  };
  const std::string op = "visible_rows: ", back = "visible_rows backward: ";
  const auto fewer_users = [](auto& a) { a.offsets = a.offsets.row_range(0, 2); };
  const auto fewer_visible = [](auto& a) { a.candidates.visible = a.candidates.visible.row_range(0, 2); };
  CHECK(forward_message(fewer_users) == op + "segments of candidates is 2, expected 1");
  CHECK(forward_message(fewer_visible) == op + "size of visible is 2, expected 3");
  CHECK(forward_message([&](auto& a) { a.y = context.matrix(4, 5); }) == op + "rows of y is 4, expected 3");
  CHECK(forward_message([&](auto& a) { a.y = context.matrix(3, 6); }) == op + "columns of y is 6, expected 5");
  const auto backward_message = [&](auto change) {
    VisibleRowsBackward<Context> a{
        placed_candidates.histories(), placed_candidates.view(), context.matrix(3, 5), {context.matrix(4, 5)}};
    change(a);
    return message_of<ShapeError>([&] { ops::visible_rows_backward(context, a); });
  };
  CHECK(backward_message(fewer_users) == back + "segments of candidates is 2, expected 1");
  CHECK(backward_message(fewer_visible) == back + "size of visible is 2, expected 3");
  CHECK(backward_message([&](auto& a) { a.dy = context.matrix(2, 5); }) == back + "rows of dy is 2, expected 3");
  CHECK(backward_message([&](auto& a) { a.dx.view = context.matrix(4, 6); }) ==
        back + "columns of dx is 6, expected 5");
}
