// SPDX-License-Identifier: Apache-2.0
// Tables of which optimizer_step knows the gradient row by row.

#include <cstdint>
#include <string>
#include <vector>

#include "seqrec/cpu/optimizer_step.hpp"
#include "seqrec/cuda/optimizer_step.cuh"
#include "seqrec/ops/optimizer_step.hpp"
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

template <class Context>
master_vector_of<Context> flat(PlacedMasters<Context>& of) {
  return {of.matrix().data, of.matrix().size()};
}

/// Moves one run.
template <class Context>
void step(PlacedTable<Context>& placed, const MovedRun<Context, 2>& run) {
  Context context;
  ops::optimizer_step(
      context, OptimizerStep<Context, Adam>{
                   .runs = {run}, .inputs = placed.state.inputs(), .outcome = placed.state.outcome(), .update = adam});
}

/// Row by row, the table in parts that begin at `cuts`.
template <class Context>
std::vector<Matrix> by_rows(const Problem& p, bool moves_all, std::vector<index_t> cuts = {0},
                            const StepOutcome& outcome = {.gradient_scale = 0.5}) {
  PlacedTable<Context> placed(p, outcome, Layout::dense);
  PlacedMasters<Context> gradients(p.gradients, Layout::dense);
  const auto rows = seqrec_test::placed<typename Context::Space>(touched);
  cuts.push_back(table_rows);
  const index_t width = p.values.columns;
  for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
    const index_t first = cuts[i], count = cuts[i + 1] - first;
    index_t begin = 0, end = 0;
    for (const item_t row : touched) {
      begin += row < first;
      end += row < first + count;
    }
    const auto part = [&](PlacedMasters<Context>& of) {
      return flat<Context>(of).row_range(first * width, count * width);
    };
    MovedRun<Context, 2> run{.values = part(placed.values),
                             .gradients = {},
                             .states = {part(placed.mean), part(placed.square)},
                             .rows = {},
                             .row_width = width,
                             .first_row = first,
                             .moves_all = moves_all};
    if (begin != end) {
      run.rows = rows.view().row_range(begin, end - begin);
      run.gradients = flat<Context>(gradients).row_range(begin * width, (end - begin) * width);
    }
    step<Context>(placed, run);
  }
  return placed.read();
}

/// Along the gradient of the whole table.
template <class Context>
std::vector<Matrix> by_elements(const Problem& p, bool moves_all) {
  PlacedTable<Context> placed(p, {.gradient_scale = 0.5}, Layout::dense);
  PlacedMasters<Context> gradients(p.dense(), Layout::dense);
  step<Context>(placed, MovedRun<Context, 2>{.values = flat<Context>(placed.values),
                                             .gradients = flat<Context>(gradients),
                                             .states = {flat<Context>(placed.mean), flat<Context>(placed.square)},
                                             .rows = {},
                                             .row_width = p.values.columns,
                                             .moves_all = moves_all});
  return placed.read();
}

bool same(const std::vector<Matrix>& a, const std::vector<Matrix>& b) {
  for (std::size_t i = 0; i < 3; ++i)
    if (!same_bits(a[i], b[i])) return false;
  return true;
}

}  // namespace

TEMPLATE_TEST_CASE("optimizer_step: by rows, the bits of a step along the whole gradient, all rows or those with one",
                   "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for (const index_t width : {1, 5, 16, 35}) {
    CAPTURE(width);
    const Problem p(width);
    const auto all = by_elements<TestType>(p, true), some = by_elements<TestType>(p, false);
    CHECK(same(by_rows<TestType>(p, true), all));
    CHECK(same(by_rows<TestType>(p, false), some));
    CHECK_FALSE(same_bits(all[0], some[0]));
    CHECK(same_bits(some[0].row_range(zero_row, 1), p.values.row_range(zero_row, 1)));
  }
}

TEMPLATE_TEST_CASE("optimizer_step: a table may move part by part", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  const Problem p(7);
  for (const bool moves_all : {true, false})
    CHECK(same(by_rows<TestType>(p, moves_all, {0, 1, 4, 4, 10}), by_rows<TestType>(p, moves_all)));
}

TEMPLATE_TEST_CASE("optimizer_step: by rows, nothing moves after a bad step", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  const Problem p(7);
  const auto after = by_rows<TestType>(p, true, {0}, {.first_bad_step = 1});
  PlacedTable<TestType> before(p, {}, Layout::dense);
  CHECK(same(after, before.read()));
}

TEMPLATE_TEST_CASE("optimizer_step: a table without any gradient decays, or stays", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  const Problem p(6);
  const auto without = [&](bool moves_all) {
    PlacedTable<TestType> placed(p, {}, Layout::dense);
    step<TestType>(placed, MovedRun<TestType, 2>{.values = flat<TestType>(placed.values),
                                                 .gradients = {},
                                                 .states = {flat<TestType>(placed.mean), flat<TestType>(placed.square)},
                                                 .rows = {},
                                                 .row_width = 6,
                                                 .moves_all = moves_all});
    return placed.values.read();
  };
  CHECK(difference(without(true), p.values) > 0.001);
  PlacedTable<TestType> before(p, {}, Layout::dense);
  CHECK(same_bits(without(false), before.values.read()));
}
