// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/gather_rows.hpp"

#include <string>
#include <vector>

#include "seqrec/cpu/gather_rows.hpp"
#include "seqrec/cuda/gather_rows.cuh"
#include "support/all_backends.hpp"
#include "support/candidate_lists.hpp"
#include "support/catch.hpp"
#include "support/finite_differences.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

struct Problem {
  std::vector<offset_t> rows;  ///< (M)
  Matrix x, dy;                ///< (N, D), (M, D)
  Layout layout = Layout::dense;

  index_t size() const { return static_cast<index_t>(rows.size()); }
};

Problem problem(std::vector<offset_t> rows, index_t rows_of_x, index_t width, Layout layout = Layout::dense) {
  const auto size = static_cast<index_t>(rows.size());
  return {std::move(rows), random_matrix(rows_of_x, width, 1), random_matrix(size, width, 2), layout};
}

/// Distinct rows, rows named again and again, rows left out, none at all; ascending, as backward wants them.
template <class Check>
void for_each_problem(Check check) {
  for (const index_t width : {1, 7, 50})
    for (const Layout layout : {Layout::dense, Layout::strided}) {
      CAPTURE(width, layout == Layout::strided);
      check(problem({0}, 1, width, layout));
      check(problem({}, 4, width, layout));
      check(problem({-1, -1}, 0, width, layout));
      check(problem({2, 5, 9}, 10, width, layout));
      check(problem({-1, 0, 0, 0, 3, -1, 3, 7, 7, 8}, 10, width, layout));
      check(problem(std::vector<offset_t>(70, 33), 40, width, layout));
    }
}

template <class Context>
Matrix forward(const Problem& p) {
  Context context;
  const auto rows = placed<typename Context::Space>(p.rows);
  PlacedScalars<Context> x(p.x, p.layout), y(unwritten(p.size(), p.x.columns), p.layout);
  ops::gather_rows_forward(context, GatherRowsForward<Context>{x.matrix(), rows.view(), y.matrix()});
  return y.read();
}

template <class Context>
Matrix backward(const Problem& p, const Matrix& before, GradientMode mode) {
  Context context;
  const auto rows = placed<typename Context::Space>(p.rows);
  PlacedScalars<Context> dy(p.dy, p.layout), dx(before, p.layout);
  ops::gather_rows_backward(context, GatherRowsBackward<Context>{rows.view(), dy.matrix(), {dx.matrix(), mode}});
  return dx.read();
}

template <class Context>
std::vector<offset_t> last_rows(const std::vector<index_t>& lengths) {
  using Space = typename Context::Space;
  Context context;
  const auto offsets = placed<Space>(offsets_of(lengths));
  Tensor<offset_t, 1, Space> rows(static_cast<index_t>(lengths.size()));
  ops::last_row_numbers(context, LastRowNumbers<Context>{offsets.view(), rows.view()});
  return rows.to_host();
}

template <class Context>
std::vector<offset_t> visible_rows(const CandidateLists& lists) {
  using Space = typename Context::Space;
  Context context;
  const PlacedCandidates<Space> candidates(lists);
  Tensor<offset_t, 1, Space> rows(lists.size());
  ops::visible_row_numbers(context, VisibleRowNumbers<Context>{candidates.histories(), candidates.view().items.offsets,
                                                               candidates.view().visible, rows.view()});
  return rows.to_host();
}

}  // namespace

TEMPLATE_TEST_CASE("gather_rows: against loops, zeros for what is left out", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for_each_problem([](const Problem& p) {
    Matrix expected(p.size(), p.x.columns);
    for (index_t i = 0; i < p.size(); ++i)
      for (index_t d = 0; d < p.x.columns; ++d)
        if (const offset_t row = p.rows[static_cast<std::size_t>(i)]; row >= 0) expected(i, d) = p.x(row, d);
    CHECK(same_bits(forward<TestType>(p), expected));
  });
}

TEMPLATE_TEST_CASE("gather_rows: forward takes rows in any order", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  const Problem p = problem({4, 0, -1, 4, 2}, 5, 7);
  const Matrix y = forward<TestType>(p);
  CHECK(same_bits(y.row_range(0, 1), p.x.row_range(4, 1)));
  CHECK(same_bits(y.row_range(1, 1), p.x.row_range(0, 1)));
  CHECK(same_bits(y.row_range(2, 1), Matrix(1, 7)));
  CHECK(same_bits(y.row_range(4, 1), p.x.row_range(2, 1)));
}

TEMPLATE_TEST_CASE("gather_rows: backward against loops, written and added", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for_each_problem([](const Problem& p) {
    Matrix expected(p.x.rows, p.x.columns);
    for (index_t i = 0; i < p.size(); ++i)
      for (index_t d = 0; d < p.x.columns; ++d)
        if (const offset_t row = p.rows[static_cast<std::size_t>(i)]; row >= 0) expected(row, d) += p.dy(i, d);
    const Matrix before = random_matrix(p.x.rows, p.x.columns, 4);
    CHECK(difference(backward<TestType>(p, unwritten(p.x.rows, p.x.columns), GradientMode::write), expected) <=
          tolerance<TestType>::gradient);
    CHECK(difference(backward<TestType>(p, before, GradientMode::add), sum(before, expected)) <=
          tolerance<TestType>::gradient);
  });
}

TEST_CASE("gather_rows: gradient against central differences", "[ops]") {
  Problem p = problem({-1, 0, 2, 2, 5}, 6, 5);
  const Matrix dx = backward<CpuDouble>(p, unwritten(6, 5), GradientMode::write);
  const auto loss = [&] { return dot(forward<CpuDouble>(p), p.dy); };
  CHECK(difference(dx, central_differences(p.x, loss)) <= central_difference_tolerance);
}

TEST_CASE("gather_rows: nothing happens where nobody wants the gradient", "[ops]") {
  CpuDouble context;
  CHECK_NOTHROW(ops::gather_rows_backward(context, GatherRowsBackward<CpuDouble>{}));
}

TEMPLATE_TEST_CASE("last_row_numbers: each history's last row, none of an empty one", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  CHECK(last_rows<TestType>({3, 0, 1, 2}) == std::vector<offset_t>{2, -1, 3, 5});
  CHECK(last_rows<TestType>({0}) == std::vector<offset_t>{-1});
  CHECK(last_rows<TestType>({}).empty());
}

TEMPLATE_TEST_CASE("visible_row_numbers: the last row that a candidate sees, none where it sees none", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  CHECK(visible_rows<TestType>({{3, 0, 2}, {2, 1, 3}, {0, 3, 0, 1, 1, 2}}) ==
        std::vector<offset_t>{-1, 2, -1, 3, 3, 4});
  for (const auto& lengths : batches_of_lengths()) {
    CandidateLists lists = random_candidates(lengths, 4, 1000, 7);
    std::vector<offset_t> expected;
    lists.for_each([&](index_t c, index_t first) {
      const offset_t visible = lists.visible[static_cast<std::size_t>(c)];
      expected.push_back(visible == 0 ? -1 : static_cast<offset_t>(first) + visible - 1);
    });
    CHECK(visible_rows<TestType>(lists) == expected);
    lists.window = 1;  // a window that sees less sees the same last row
    CHECK(visible_rows<TestType>(lists) == expected);
  }
}

TEST_CASE("gather_rows: what does not fit is named", "[ops][errors]") {
  using Context = CpuDouble;
  Context context;
  const std::vector<offset_t> good = {-1, 1, 3}, beyond = {0, 4, 1}, descending = {2, -1, 1};
  const auto forward_message = [&](const std::vector<offset_t>& rows, index_t y_rows, index_t y_columns) {
    return message_of<ShapeError>([&] {
      ops::gather_rows_forward(context, GatherRowsForward<Context>{
                                            context.matrix(4, 5), {rows.data(), 3}, context.matrix(y_rows, y_columns)});
    });
  };
  const auto backward_message = [&](const std::vector<offset_t>& rows, index_t dy_rows, index_t dy_columns) {
    return message_of<ShapeError>([&] {
      ops::gather_rows_backward(
          context,
          GatherRowsBackward<Context>{{rows.data(), 3}, context.matrix(dy_rows, dy_columns), {context.matrix(4, 5)}});
    });
  };
  const std::string op = "gather_rows: ", back = "gather_rows backward: ";
  CHECK(forward_message(good, 4, 5) == op + "rows of y is 4, expected 3");
  CHECK(forward_message(good, 3, 6) == op + "columns of y is 6, expected 5");
  CHECK(forward_message(beyond, 3, 5) == op + "rows(1) is 4, expected less than 4");
  CHECK(backward_message(good, 2, 5) == back + "rows of dy is 2, expected 3");
  CHECK(backward_message(good, 3, 6) == back + "columns of dy is 6, expected 5");
  CHECK(backward_message(beyond, 3, 5) == back + "rows(1) is 4, expected 0 .. 3, rows ascend");
  CHECK(backward_message(descending, 3, 5) == back + "rows(2) is 1, expected 2 .. 3, rows ascend");
}

TEST_CASE("row numbers: what does not fit is named", "[ops][errors]") {
  using Context = CpuDouble;
  Context context;
  const std::vector<offset_t> offsets = {0, 3, 4}, candidate_offsets = {0, 2, 3}, visible = {1, 3, 1}, far = {1, 4, 1};
  const auto rows = [&](index_t size) { return context.vector<offset_t>(size); };
  CHECK(message_of<ShapeError>([&] {
          ops::last_row_numbers(context, LastRowNumbers<Context>{{offsets.data(), 3}, rows(3)});
        }) == "last_row_numbers: size of offsets is 3, expected 4");
  const auto message = [&](auto change) {
    VisibleRowNumbers<Context> a{{offsets.data(), 3}, {candidate_offsets.data(), 3}, {visible.data(), 3}, rows(3)};
    change(a);
    return message_of<ShapeError>([&] { ops::visible_row_numbers(context, a); });
  };
  const std::string op = "visible_row_numbers: ";
  CHECK(message([&](auto& a) {
          a.offsets = {offsets.data(), 2};
        }) == op + "size of candidate_offsets is 3, expected 2");
  CHECK(message([&](auto& a) { a.rows = rows(4); }) ==
        op + "candidate_offsets(2) is 3, expected 4, the number of rows");
  CHECK(message([&](auto& a) { a.visible = {visible.data(), 2}; }) == op + "size of visible is 2, expected 3");
  CHECK(message([&](auto& a) {
          a.visible = {far.data(), 3};
        }) == op + "visible(1) is 4, expected 0 .. 3, the length of history 0");
}
