// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/table_step.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include "seqrec/cpu/table_step.hpp"
#include "seqrec/cuda/table_step.cuh"
#include "seqrec/ops/optimizer_step.hpp"
#include "seqrec/optim/adagrad.hpp"
#include "seqrec/optim/adam.hpp"
#include "support/all_backends.hpp"
#include "support/catch.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

constexpr index_t table_rows = 11;
const std::vector<item_t> touched = {0, 3, 4, 9};
constexpr item_t zero_row = 4;  // touched, by a gradient of zeros

/// A table with moments, and the gradients of some of its rows.
struct Problem {
  Matrix values, mean, square, gradients;

  explicit Problem(index_t width)
      : values(random_matrix(table_rows, width, 1)),
        mean(random_matrix(table_rows, width, 2)),
        square(random_matrix(table_rows, width, 3)),
        gradients(random_matrix(std::ssize(touched), width, 4)) {
    for (double& element : square.values) element *= element;
    for (index_t d = 0; d < width; ++d) gradients(2, d) = 0;
  }
  /// The gradient of the whole table.
  Matrix dense() const {
    Matrix all(table_rows, values.columns);
    for (index_t i = 0; i < gradients.rows; ++i)
      for (index_t d = 0; d < all.columns; ++d) all(touched[static_cast<std::size_t>(i)], d) = gradients(i, d);
    return all;
  }
};

constexpr StepInputs inputs{.step = 2, .update = 3, .learning_rate = 0.1};

template <class Context>
struct PlacedTable {
  PlacedMasters<Context> values, mean, square;
  StepState<typename Context::Space> state;

  PlacedTable(const Problem& p, const StepOutcome& outcome, Layout layout)
      : values(p.values, layout), mean(p.mean, layout), square(p.square, layout) {
    state.begin(inputs);
    Memory<typename Context::Space>::copy_from_host(state.outcome().data, &outcome, sizeof outcome);
  }
  std::vector<Matrix> read() const { return {values.read(), mean.read(), square.read()}; }
};

constexpr Adam adam{.weight_decay = 0.1};

/// By table_step, the table in parts that begin at `cuts`.
template <class Context>
std::vector<Matrix> by_rows(const Problem& p, bool moves_all, std::vector<index_t> cuts = {0},
                            const StepOutcome& outcome = {.gradient_scale = 0.5}, Layout layout = Layout::dense) {
  Context context;
  PlacedTable<Context> placed(p, outcome, layout);
  PlacedMasters<Context> gradients(p.gradients, layout);
  cuts.push_back(table_rows);
  for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
    const index_t first = cuts[i], rows = cuts[i + 1] - first;
    index_t begin = 0, end = 0;
    for (const item_t row : touched) {
      begin += row < first;
      end += row < first + rows;
    }
    const auto part = [&](PlacedMasters<Context>& of) { return of.matrix().row_range(first, rows); };
    ops::table_step(context, TableStep<Context, Adam>{.values = part(placed.values),
                                                      .rows = {touched.data() + begin, end - begin},
                                                      .gradients = gradients.matrix().row_range(begin, end - begin),
                                                      .states = {part(placed.mean), part(placed.square)},
                                                      .inputs = placed.state.inputs(),
                                                      .outcome = placed.state.outcome(),
                                                      .update = adam,
                                                      .first_row = first,
                                                      .moves_all = moves_all});
  }
  return placed.read();
}

/// By optimizer_step, along the gradient of the whole table.
template <class Context>
std::vector<Matrix> by_elements(const Problem& p, index_t row_width) {
  Context context;
  PlacedTable<Context> placed(p, {.gradient_scale = 0.5}, Layout::dense);
  PlacedMasters<Context> gradients(p.dense(), Layout::dense);
  const auto flat = [](PlacedMasters<Context>& of) {
    return master_vector_of<Context>{of.matrix().data, of.matrix().size()};
  };
  ops::optimizer_step(context, OptimizerStep<Context, Adam>{.values = flat(placed.values),
                                                            .gradients = flat(gradients),
                                                            .states = {flat(placed.mean), flat(placed.square)},
                                                            .inputs = placed.state.inputs(),
                                                            .outcome = placed.state.outcome(),
                                                            .update = adam,
                                                            .row_width = row_width});
  return placed.read();
}

bool same(const std::vector<Matrix>& a, const std::vector<Matrix>& b) {
  for (std::size_t i = 0; i < 3; ++i)
    if (!same_bits(a[i], b[i])) return false;
  return true;
}

}  // namespace

TEMPLATE_TEST_CASE("table_step: the bits of a step along the whole gradient, all rows or those with one", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  for (const index_t width : {1, 5, 16, 35}) {
    CAPTURE(width);
    const Problem p(width);
    const auto all = by_elements<TestType>(p, 0), some = by_elements<TestType>(p, width);
    CHECK(same(by_rows<TestType>(p, true), all));
    CHECK(same(by_rows<TestType>(p, false), some));
    CHECK(same(by_rows<TestType>(p, true, {0}, {.gradient_scale = 0.5}, Layout::strided), all));
    CHECK_FALSE(same_bits(all[0], some[0]));
    CHECK(same_bits(some[0].row_range(zero_row, 1), p.values.row_range(zero_row, 1)));
  }
}

TEMPLATE_TEST_CASE("table_step: a table may move part by part", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  const Problem p(7);
  for (const bool moves_all : {true, false})
    CHECK(same(by_rows<TestType>(p, moves_all, {0, 1, 4, 4, 10}), by_rows<TestType>(p, moves_all)));
}

TEMPLATE_TEST_CASE("table_step: nothing moves after a bad step", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  const Problem p(7);
  const auto after = by_rows<TestType>(p, true, {0}, {.first_bad_step = 1});
  PlacedTable<TestType> before(p, {}, Layout::dense);
  CHECK(same(after, before.read()));
}

TEMPLATE_TEST_CASE("table_step: any rule, and a table without any gradient", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  const Problem p(6);
  TestType context;
  PlacedTable<TestType> placed(p, {}, Layout::dense);
  ops::table_step(context, TableStep<TestType, Adagrad>{.values = placed.values.matrix(),
                                                        .rows = {},
                                                        .gradients = {nullptr, 0, 6},
                                                        .states = {placed.square.matrix()},
                                                        .inputs = placed.state.inputs(),
                                                        .outcome = placed.state.outcome(),
                                                        .update = Adagrad{.weight_decay = 0.1}});
  CHECK(difference(placed.values.read(), p.values) > 0.001);  // decays all the same
}

TEST_CASE("table_step: what does not fit is named", "[ops][errors]") {
  CpuDouble context;
  StepState<HostSpace> state;
  const auto message = [&](index_t gradient_rows, index_t width, index_t state_rows) {
    return message_of<ShapeError>([&] {
      ops::table_step(
          context, TableStep<CpuDouble, Adam>{.values = context.matrix(table_rows, 3),
                                              .rows = {touched.data(), std::ssize(touched)},
                                              .gradients = context.matrix(gradient_rows, width),
                                              .states = {context.matrix(table_rows, 3), context.matrix(state_rows, 3)},
                                              .inputs = state.inputs(),
                                              .outcome = state.outcome(),
                                              .update = adam});
    });
  };
  CHECK(message(3, 3, table_rows) == "table_step: rows of gradients is 3, expected 4");
  CHECK(message(4, 2, table_rows) == "table_step: columns of gradients is 2, expected 3");
  CHECK(message(4, 3, 10) == "table_step: rows of a state is 10, expected 11");
}
