// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/add_rows.hpp"

#include <array>
#include <limits>
#include <vector>

#include "seqrec/cpu/add_rows.hpp"
#include "seqrec/cuda/add_rows.cuh"
#include "support/all_backends.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/histories.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

struct Problem {
  Matrix source;                ///< (M, D)
  std::vector<item_t> entries;  ///< (M entries_per_row) the table row of each
  Matrix coefficients;          ///< (1, E), or empty for ones
  index_t entries_per_row = 1;
  Matrix target;  ///< (V, D)
  Layout layout = Layout::dense;
};

Problem problem(index_t rows, index_t width, index_t items, index_t entries_per_row) {
  return {random_matrix(rows, width, 1), random_items(rows * entries_per_row, items, 2),
          random_matrix(1, rows * entries_per_row, 3), entries_per_row, random_matrix(items, width, 4)};
}

/// No source row, one, and some that are no multiple of 32; tables of which every row is named often, or most are not.
template <class Check>
void for_each_problem(Check check) {
  for (const auto& [rows, width, items] : {std::array<index_t, 3>{1, 7, 1}, {0, 5, 3}, {33, 50, 4}, {70, 130, 900}})
    for (const index_t entries_per_row : {1, 3})
      for (const bool weighted : {false, true})
        for (const Layout layout : {Layout::dense, Layout::strided}) {
          CAPTURE(rows, width, items, entries_per_row, weighted, layout == Layout::strided);
          Problem p = problem(rows, width, items, entries_per_row);
          if (!weighted) p.coefficients = {};
          p.layout = layout;
          check(p);
        }
}

Matrix by_loops(const Problem& p) {
  Matrix target = p.target;
  for (std::size_t e = 0; e < p.entries.size(); ++e) {
    const auto entry = static_cast<index_t>(e);
    for (index_t d = 0; d < target.columns; ++d)
      target(p.entries[e], d) +=
          (p.coefficients.columns == 0 ? 1 : p.coefficients(entry)) * p.source(entry / p.entries_per_row, d);
  }
  return target;
}

template <class Context>
Matrix added(const Problem& p) {
  Context context;
  const PlacedRowIndex<typename Context::Space> index(p.entries);
  PlacedScalars<Context> source(p.source, p.layout), coefficients(p.coefficients, p.layout);
  PlacedMasters<Context> target(p.target, p.layout);
  AddRows<Context> a{.source = source.matrix(),
                     .index = index.view(),
                     .coefficients = {},
                     .entries_per_row = p.entries_per_row,
                     .target = target.matrix()};
  if (p.coefficients.columns != 0) a.coefficients = coefficients.vector();
  ops::add_rows(context, a);
  return target.read();
}

}  // namespace

TEMPLATE_TEST_CASE("add_rows: against loops", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for_each_problem([](const Problem& p) {
    const auto target = repeatable<TestType>([&] { return std::vector{added<TestType>(p)}; });
    CHECK(difference(target[0], by_loops(p)) <= tolerance<TestType>::gradient);
  });
}

TEMPLATE_TEST_CASE("add_rows: rows that no entry names keep their bits", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  Problem p = problem(5, 7, 20, 1);
  p.entries = {3, 3, 17, 0, 3};
  p.target(5, 2) = std::numeric_limits<double>::quiet_NaN();
  const Matrix target = added<TestType>(p);
  for (index_t row = 0; row < 20; ++row)
    if (row != 0 && row != 3 && row != 17) CHECK(same_bits(target.row_range(row, 1), p.target.row_range(row, 1)));
  CHECK(target(17, 4) == Approx(p.target(17, 4) + p.coefficients(2) * p.source(2, 4)).epsilon(1e-6));
}

TEMPLATE_TEST_CASE("add_rows: a row's entries are summed in ascending order", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  // 1e30 + 1 - 1e30 is 0 in this order and 1 in another
  Problem p = problem(3, 1, 1, 1);
  p.entries = {0, 0, 0};
  p.coefficients = {};
  p.target = Matrix(1, 1);
  p.source(0, 0) = 1e30;
  p.source(1, 0) = 1;
  p.source(2, 0) = -1e30;
  CHECK(added<TestType>(p)(0) == 0);
  p.source(1, 0) = -1e30;
  p.source(2, 0) = 1;
  CHECK(added<TestType>(p)(0) == 1);
}

TEST_CASE("add_rows: a table's gradient of PyTorch, from gathers and from scores", "[ops][golden]") {
  for (const char* name : {"embed_sequence_end", "embed_sequence_start"}) {
    Golden golden(name);
    const Matrix table = golden.matrix("table");
    const Problem p{golden.matrix("ditems"), golden.integers("items"), {}, 1, Matrix(table.rows, table.columns)};
    CHECK(difference(added<CpuDouble>(p), golden.matrix("dtable")) <= golden_tolerance);
  }
  for (const char* name : {"sampled_loss_bce_1", "sampled_loss_bce_3"}) {
    Golden golden(name);
    const Matrix table = golden.matrix("table"), dscores = golden.matrix("dscores");
    Matrix coefficients(1, dscores.size());
    coefficients.values = dscores.values;
    const Problem p{golden.matrix("x"), golden.integers("items"), coefficients, dscores.columns,
                    Matrix(table.rows, table.columns)};
    CHECK(difference(added<CpuDouble>(p), golden.matrix("dtable")) <= golden_tolerance);
  }
}

TEMPLATE_TEST_CASE("add_rows: every backend agrees with the CPU in double", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  Problem p = problem(150, 50, 40, 2);
  p.layout = Layout::strided;
  CHECK(difference(added<TestType>(p), added<CpuDouble>(p)) <= tolerance<TestType>::gradient);
}

TEST_CASE("add_rows: a gradient that nobody wants is not summed", "[ops]") {
  CpuDouble context;
  const PlacedRowIndex<HostSpace> index({1, 0, 1});
  CHECK_NOTHROW(ops::add_rows(context, AddRows<CpuDouble>{.source = context.matrix(3, 5),
                                                          .index = index.view(),
                                                          .coefficients = {},
                                                          .entries_per_row = 1,
                                                          .target = {}}));
}

TEST_CASE("add_rows: what does not fit is named", "[ops][errors]") {
  using Context = CpuDouble;
  const PlacedRowIndex<HostSpace> index({1, 1, 0, 2, 0, 1}), short_index({1, 0, 1, 2});
  const auto message = [&](auto change) {
    Context context;
    auto a = AddRows<Context>{.source = context.matrix(3, 5),
                              .index = index.view(),
                              .coefficients = context.vector(6),
                              .entries_per_row = 2,
                              .target = context.matrix(4, 5)};
    change(a, context);
    return message_of<ShapeError>([&] { ops::add_rows(context, a); });
  };
  CHECK(message([](auto& a, auto& c) { a.target = c.matrix(4, 6); }) == "add_rows: columns of target is 6, expected 5");
  CHECK(message([&](auto& a, auto&) { a.index = short_index.view(); }) ==
        "add_rows: entries of the index is 4, expected 6");
  CHECK(message([](auto& a, auto&) { a.entries_per_row = 1; }) == "add_rows: entries of the index is 6, expected 3");
  CHECK(message([](auto& a, auto&) { a.index.row_offsets = a.index.row_offsets.row_range(0, 3); }) ==
        "add_rows: size of row_offsets is 3, expected 4");
  CHECK(message([](auto& a, auto& c) { a.coefficients = c.vector(3); }) ==
        "add_rows: size of coefficients is 3, expected 6");
}
