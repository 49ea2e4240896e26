// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/sampled_loss.hpp"

#include <array>
#include <cmath>
#include <vector>

#include "seqrec/cpu/add_rows.hpp"
#include "seqrec/cpu/sampled_loss.hpp"
#include "support/backends.hpp"
#include "support/catch.hpp"
#include "support/finite_differences.hpp"
#include "support/golden.hpp"
#include "support/histories.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

/// Another loss of a row, to show that the op does not know which one it runs: the square of the target's lead over
/// the mean of the others, minus 1.
struct SquaredLead {
  template <class Real>
  double operator()(Real* scores, index_t count) const {
    double lead = static_cast<double>(scores[0]) - 1;
    for (index_t j = 1; j < count; ++j) lead -= static_cast<double>(scores[j]) / static_cast<double>(count - 1);
    for (index_t j = 0; j < count; ++j)
      scores[j] = static_cast<Real>(j == 0 ? 2 * lead : -2 * lead / static_cast<double>(count - 1));
    return lead * lead;
  }
};

struct Problem {
  Matrix states, table;       ///< (N, D), (V, D)
  std::vector<item_t> items;  ///< (N, S)
  index_t samples = 2;
  double scale = 0.25;
  Layout layout = Layout::dense;
};

Problem problem(index_t rows, index_t width, index_t samples, index_t items = 23) {
  return {random_matrix(rows, width, 1), random_matrix(items, width, 2, 0.5), random_items(rows * samples, items, 3),
          samples};
}

struct Results {
  Matrix losses, coefficients, dstates;  ///< (1, N), (1, N S), (N, D)
};

template <class RowLoss>
Results by_loops(const Problem& p) {
  const index_t rows = p.states.rows, width = p.states.columns;
  Results r{Matrix(1, rows), Matrix(1, rows * p.samples), Matrix(rows, width)};
  for (index_t i = 0; i < rows; ++i) {
    double* scores = r.coefficients.values.data() + i * p.samples;
    const item_t* items = p.items.data() + i * p.samples;
    for (index_t j = 0; j < p.samples; ++j)
      for (index_t d = 0; d < width; ++d) scores[j] += p.states(i, d) * p.table(items[j], d);
    r.losses(i) = p.scale * RowLoss{}(scores, p.samples);
    for (index_t j = 0; j < p.samples; ++j) {
      scores[j] *= p.scale;
      for (index_t d = 0; d < width; ++d) r.dstates(i, d) += scores[j] * p.table(items[j], d);
    }
  }
  return r;
}

template <class Context, class RowLoss = BinaryCrossEntropy>
Results evaluated(const Problem& p, bool with_gradient = true) {
  using Space = typename Context::Space;
  Context context;
  const index_t rows = p.states.rows;
  PlacedScalars<Context> states(p.states, p.layout), table(p.table, p.layout),
      coefficients(unwritten(1, rows * p.samples), p.layout), dstates(unwritten(rows, p.states.columns), p.layout);
  Placed<item_t, Space> items(rows, p.samples, p.items, p.layout);
  Placed<double, Space> losses(unwritten(1, rows), p.layout);
  SampledLoss<Context, RowLoss> a{.states = states.matrix(),
                                  .table = table.matrix(),
                                  .items = items.matrix(),
                                  .scale = p.scale,
                                  .losses = losses.vector(),
                                  .coefficients = coefficients.vector(),
                                  .dstates = {},
                                  .row_loss = {}};
  if (with_gradient) a.dstates = dstates.matrix();
  ops::sampled_loss(context, a);
  return {losses.read(), coefficients.read(), dstates.read()};
}

/// The table's gradient, which follows by add_rows.
Matrix table_gradient(const Problem& p, const Matrix& coefficients_values) {
  CpuDouble context;
  const PlacedRowIndex<HostSpace> index(p.items);
  PlacedScalars<CpuDouble> states(p.states, p.layout), coefficients(coefficients_values, p.layout),
      dtable(Matrix(p.table.rows, p.table.columns), p.layout);
  ops::add_rows(context, AddRows<CpuDouble>{.source = states.matrix(),
                                            .index = index.view(),
                                            .coefficients = coefficients.vector(),
                                            .entries_per_row = p.samples,
                                            .target = dtable.matrix()});
  return dtable.read();
}

template <class Context, class RowLoss>
void check_against_loops(const Problem& p) {
  const Results r = evaluated<Context, RowLoss>(p), expected = by_loops<RowLoss>(p);
  CHECK(difference(r.losses, expected.losses) <= tolerance<Context>::value);
  CHECK(difference(r.coefficients, expected.coefficients) <= tolerance<Context>::gradient);
  CHECK(difference(r.dstates, expected.dstates) <= tolerance<Context>::gradient);
  const Results without = evaluated<Context, RowLoss>(p, false);
  CHECK(same_bits(without.losses, r.losses));
  CHECK(same_bits(without.coefficients, r.coefficients));
  CHECK(difference(without.dstates, unwritten(p.states.rows, p.states.columns)) == 0);
}

}  // namespace

TEST_CASE("binary cross-entropy: softplus of minus the target's score, and of the others'", "[ops]") {
  double scores[] = {0.3, -1.2, 2.0};
  CHECK(BinaryCrossEntropy{}(scores, 3) ==
        Approx(std::log1p(std::exp(-0.3)) + std::log1p(std::exp(-1.2)) + std::log1p(std::exp(2.0))).epsilon(1e-14));
  CHECK(scores[0] == Approx(1 / (1 + std::exp(-0.3)) - 1).epsilon(1e-14));
  CHECK(scores[1] == Approx(1 / (1 + std::exp(1.2))).epsilon(1e-14));
  CHECK(scores[2] == Approx(1 / (1 + std::exp(-2.0))).epsilon(1e-14));
}

TEMPLATE_TEST_CASE("binary cross-entropy: scores of ten thousand either way stay finite", "[ops]", float, double) {
  for (const TestType extreme : {TestType(1e4), TestType(-1e4)}) {
    TestType scores[] = {extreme, extreme};
    CHECK(BinaryCrossEntropy{}(scores, 2) == 1e4);  // one of the two is as wrong as can be, the other certain
    CHECK(scores[0] == (extreme > 0 ? 0 : -1));
    CHECK(scores[1] == (extreme > 0 ? 1 : 0));
  }
}

TEMPLATE_TEST_CASE("sampled_loss: against loops", "[ops]", SEQREC_TEST_BACKENDS) {
  for (const auto& [rows, width] : {std::array<index_t, 2>{1, 7}, {0, 5}, {33, 50}, {70, 64}, {5, 130}})
    for (const index_t samples : {1, 2, 4, 11})
      for (const Layout layout : {Layout::dense, Layout::strided}) {
        CAPTURE(rows, width, samples, layout == Layout::strided);
        Problem p = problem(rows, width, samples);
        p.layout = layout;
        check_against_loops<TestType, BinaryCrossEntropy>(p);
        if (samples > 1) check_against_loops<TestType, SquaredLead>(p);
      }
}

TEST_CASE("sampled_loss: gradients against central differences", "[ops]") {
  const auto check = [](auto row_loss) {
    using RowLoss = decltype(row_loss);
    Problem p = problem(9, 7, 4, 5);
    const Results r = evaluated<CpuDouble, RowLoss>(p);
    const Matrix dtable = table_gradient(p, r.coefficients);
    const auto loss = [&] {
      double sum = 0;
      for (const double value : evaluated<CpuDouble, RowLoss>(p, false).losses.values) sum += value;
      return sum;
    };
    CHECK(difference(r.dstates, central_differences(p.states, loss)) <= central_difference_tolerance);
    CHECK(difference(dtable, central_differences(p.table, loss)) <= central_difference_tolerance);
  };
  check(BinaryCrossEntropy{});
  check(SquaredLead{});
}

TEST_CASE("sampled_loss: values and gradients of PyTorch", "[ops][golden]") {
  for (const char* name : {"sampled_loss_bce_1", "sampled_loss_bce_3"}) {
    CAPTURE(name);
    Golden golden(name);
    Problem p{golden.matrix("x"), golden.matrix("table"), golden.integers("items")};
    p.samples = 1 + static_cast<index_t>(golden.number("negatives"));
    p.scale = golden.number("loss_scale");
    const Results r = evaluated<CpuDouble>(p);
    Matrix losses = golden.matrix("row_losses");
    for (double& loss : losses.values) loss *= p.scale;
    CHECK(difference(r.losses, losses) <= golden_tolerance);
    Matrix coefficients(p.states.rows, p.samples);
    coefficients.values = r.coefficients.values;
    CHECK(difference(coefficients, golden.matrix("dscores")) <= golden_tolerance);
    CHECK(difference(r.dstates, golden.matrix("dx")) <= golden_tolerance);
    CHECK(difference(table_gradient(p, r.coefficients), golden.matrix("dtable")) <= golden_tolerance);
  }
}

TEMPLATE_TEST_CASE("sampled_loss: scores of ten thousand either way stay finite", "[ops]", SEQREC_TEST_BACKENDS) {
  Problem p = problem(4, 1, 2, 2);
  p.scale = 1;
  p.states.values = {1e4, 1e4, -1e4, -1e4};
  p.table.values = {1, -1};
  p.items = {0, 1, 1, 0, 0, 1, 1, 0};  // right, wrong, wrong, right
  const Results r = evaluated<TestType>(p);
  CHECK(r.losses.values == std::vector<double>{0, 2e4, 2e4, 0});
  CHECK(r.coefficients.values == std::vector<double>{0, 0, -1, 1, -1, 1, 0, 0});
  CHECK(r.dstates.values == std::vector<double>{0, 2, -2, 0});
}

TEST_CASE("sampled_loss: float agrees with double", "[ops]") {
  const Problem p = problem(150, 50, 6, 300);
  const Results single = evaluated<CpuFloat>(p), twice = evaluated<CpuDouble>(p);
  CHECK(difference(single.losses, twice.losses) <= tolerance<CpuFloat>::value);
  CHECK(difference(single.coefficients, twice.coefficients) <= tolerance<CpuFloat>::gradient);
  CHECK(difference(single.dstates, twice.dstates) <= tolerance<CpuFloat>::gradient);
}

TEST_CASE("sampled_loss: what does not fit is named", "[ops][errors]") {
  using Context = CpuDouble;
  Context context;
  const std::vector<item_t> items(12, 0);
  const auto message = [&](auto change) {
    auto a = SampledLoss<Context, BinaryCrossEntropy>{.states = context.matrix(4, 5),
                                                      .table = context.matrix(6, 5),
                                                      .items = {items.data(), 4, 3},
                                                      .losses = context.vector<double>(4),
                                                      .coefficients = context.vector(12),
                                                      .dstates = context.matrix(4, 5),
                                                      .row_loss = {}};
    change(a);
    return message_of<ShapeError>([&] { ops::sampled_loss(context, a); });
  };
  const std::string op = "sampled_loss: ";
  CHECK(message([&](auto& a) { a.table = context.matrix(6, 4); }) == op + "columns of table is 4, expected 5");
  CHECK(message([&](auto& a) { a.items = {items.data(), 3, 3}; }) == op + "rows of items is 3, expected 4");
  CHECK(message([&](auto& a) {
          a.items = {items.data(), 4, 0};
        }) == op + "columns of items is 0, expected at least 1, the target");
  CHECK(message([&](auto& a) { a.losses = context.vector<double>(5); }) == op + "size of losses is 5, expected 4");
  CHECK(message([&](auto& a) { a.coefficients = context.vector(4); }) == op + "size of coefficients is 4, expected 12");
  CHECK(message([&](auto& a) { a.dstates = context.matrix(3, 5); }) == op + "rows of dstates is 3, expected 4");
  CHECK(message([&](auto& a) { a.dstates = context.matrix(4, 6); }) == op + "columns of dstates is 6, expected 5");
}
