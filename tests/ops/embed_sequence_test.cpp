// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/embed_sequence.hpp"

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "seqrec/cpu/embed_sequence.hpp"
#include "seqrec/cuda/embed_sequence.cuh"
#include "support/all_backends.hpp"
#include "support/catch.hpp"
#include "support/finite_differences.hpp"
#include "support/golden.hpp"
#include "support/histories.hpp"
#include "support/masks.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

constexpr index_t items_in_table = 13, position_rows = 75;

struct Problem {
  Histories histories;
  Matrix table, positions, dy;  ///< (V, D), (P, D) or empty, (N, D)
  double scale = 1;
  PositionOrigin origin = PositionOrigin::end;
  double dropout = 0;
  Layout layout = Layout::dense;

  Dropout mask() const { return mask_of(dropout, histories.first_row); }
};

Problem problem(const std::vector<index_t>& lengths, index_t width) {
  Problem p;
  p.histories = random_histories(lengths, items_in_table, 9);
  p.table = random_matrix(items_in_table, width, 1);
  p.positions = random_matrix(position_rows, width, 2);
  p.dy = random_matrix(p.histories.rows(), width, 3);
  p.scale = std::sqrt(static_cast<double>(width));
  return p;
}

template <class Check>
void for_each_problem(Check check) {
  for (const auto& lengths : batches_of_lengths())
    for (const index_t width : {1, 7, 50, 64, 130})
      for (const PositionOrigin origin : {PositionOrigin::end, PositionOrigin::start})
        for (const bool dropped_and_strided : {false, true}) {
          CAPTURE(lengths, width, origin == PositionOrigin::end, dropped_and_strided);
          Problem p = problem(lengths, width);
          p.origin = origin;
          p.histories.first_row = 100;
          if (dropped_and_strided) {
            p.dropout = 0.3;
            p.layout = Layout::strided;
          }
          check(p);
          p.positions = {};
          check(p);
        }
}

/// Calls visit(row, row of the position table) for every row of a batch.
template <class Visit>
void for_each_row(const Problem& p, index_t positions, Visit visit) {
  index_t row = 0;
  for (const index_t length : p.histories.lengths)
    for (index_t r = 0; r < length; ++r, ++row)
      visit(row, p.origin == PositionOrigin::end ? positions - length + r : r);
}

Matrix forward_by_loops(const Problem& p) {
  Matrix y(p.histories.rows(), p.table.columns);
  for_each_row(p, p.positions.rows, [&](index_t row, index_t position) {
    for (index_t d = 0; d < y.columns; ++d) {
      y(row, d) = p.scale * p.table(p.histories.items[static_cast<std::size_t>(row)], d);
      if (p.positions.size() != 0) y(row, d) += p.positions(position, d);
      y(row, d) *= factor(p.mask(), row, d);
    }
  });
  return y;
}

struct Gradients {
  Matrix ditems, dpositions;  ///< (N, D), (P, D)
};

Gradients backward_by_loops(const Problem& p) {
  Gradients g{Matrix(p.dy.rows, p.dy.columns), Matrix(position_rows, p.dy.columns)};
  for_each_row(p, position_rows, [&](index_t row, index_t position) {
    for (index_t d = 0; d < p.dy.columns; ++d) {
      const double arriving = p.dy(row, d) * factor(p.mask(), row, d);
      g.ditems(row, d) = p.scale * arriving;
      g.dpositions(position, d) += arriving;
    }
  });
  return g;
}

template <class Context>
Matrix forward(const Problem& p) {
  Context context;
  const HistoryBatch<typename Context::Space> batch(p.histories);
  PlacedScalars<Context> table(p.table, p.layout), positions(p.positions, p.layout);
  PlacedScalars<Context> y(unwritten(p.histories.rows(), p.table.columns), p.layout);
  EmbedSequenceForward<Context> a{.items = batch.view().items.values,
                                  .offsets = batch.offsets(),
                                  .longest = batch.longest(),
                                  .table = table.matrix(),
                                  .positions = {},
                                  .y = y.matrix(),
                                  .scale = p.scale,
                                  .origin = p.origin,
                                  .dropout = p.mask()};
  if (p.positions.size() != 0) a.positions = positions.matrix();
  ops::embed_sequence_forward(context, a);
  return y.read();
}

template <class Context>
Gradients backward(const Problem& p, const Matrix& dpositions_before, bool wants_positions = true) {
  Context context;
  const HistoryBatch<typename Context::Space> batch(p.histories);
  PlacedScalars<Context> dy(p.dy, p.layout);
  PlacedMasters<Context> dpositions(dpositions_before, p.layout);
  EmbedSequenceBackward<Context> a{.offsets = batch.offsets(),
                                   .longest = batch.longest(),
                                   .dy = dy.matrix(),
                                   .dpositions = {},
                                   .scale = p.scale,
                                   .origin = p.origin,
                                   .dropout = p.mask()};
  if (wants_positions) a.dpositions = dpositions.matrix();
  ops::embed_sequence_backward(context, a);
  return {dy.read(), dpositions.read()};
}

}  // namespace

TEST_CASE("embed_sequence: positions count from the end or from the start", "[ops]") {
  // a history of 3 items, a table of 5 positions
  CHECK(position_row(PositionOrigin::end, 0, 3, 5) == 2);
  CHECK(position_row(PositionOrigin::end, 2, 3, 5) == 4);  // the most recent item has the last row
  CHECK(position_row(PositionOrigin::start, 0, 3, 5) == 0);
  CHECK(position_row(PositionOrigin::start, 2, 3, 5) == 2);
  CHECK(position_row(PositionOrigin::end, 4, 5, 5) == 4);
  CHECK(names_of(PositionOrigin::end) == std::array<const char*, 2>{"end", "start"});
}

TEMPLATE_TEST_CASE("embed_sequence: forward against loops", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for_each_problem([](const Problem& p) {
    const auto y = repeatable<TestType>([&] { return std::vector{forward<TestType>(p)}; });
    CHECK(difference(y[0], forward_by_loops(p)) <= tolerance<TestType>::value);
  });
}

TEMPLATE_TEST_CASE("embed_sequence: backward against loops, positions added", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for_each_problem([](const Problem& p) {
    const Matrix before = random_matrix(position_rows, p.dy.columns, 4);
    const Gradients expected = backward_by_loops(p);
    const auto g = repeatable<TestType>([&] {
      const Gradients result = backward<TestType>(p, before);
      return std::vector{result.ditems, result.dpositions};
    });
    CHECK(difference(g[0], expected.ditems) <= tolerance<TestType>::gradient);
    CHECK(difference(g[1], sum(before, expected.dpositions)) <= tolerance<TestType>::gradient);

    const Gradients without = backward<TestType>(p, before, false);
    CHECK(difference(without.ditems, g[0]) <= tolerance<TestType>::gradient);
    CHECK(difference(without.dpositions, before) <= tolerance<TestType>::value);
  });
}

TEST_CASE("embed_sequence: gradients against central differences", "[ops]") {
  for (const PositionOrigin origin : {PositionOrigin::end, PositionOrigin::start}) {
    Problem p = problem({3, 0, 1, 6}, 7);
    p.origin = origin;
    p.dropout = 0.3;
    p.positions = random_matrix(8, 7, 2);
    const Gradients g = backward<CpuDouble>(p, Matrix(8, 7));
    Matrix dtable(items_in_table, 7);
    for (index_t row = 0; row < p.dy.rows; ++row)
      for (index_t d = 0; d < 7; ++d) dtable(p.histories.items[static_cast<std::size_t>(row)], d) += g.ditems(row, d);
    const auto loss = [&] { return dot(forward<CpuDouble>(p), p.dy); };
    CHECK(difference(dtable, central_differences(p.table, loss)) <= central_difference_tolerance);
    CHECK(difference(g.dpositions, central_differences(p.positions, loss)) <= central_difference_tolerance);
  }
}

TEST_CASE("embed_sequence: values and gradients of PyTorch", "[ops][golden]") {
  for (const char* name : {"end", "start"}) {
    CAPTURE(name);
    Golden golden(std::string("embed_sequence_") + name);
    Problem p;
    p.histories = {golden.lengths("offsets"), golden.integers("items")};
    p.table = golden.matrix("table");
    p.positions = golden.matrix("positions");
    p.dy = golden.matrix("dy");
    p.scale = golden.number("scale");
    p.origin = golden.text("origin") == "start" ? PositionOrigin::start : PositionOrigin::end;
    CHECK(difference(forward<CpuDouble>(p), golden.matrix("y")) <= golden_tolerance);
    const Gradients g = backward<CpuDouble>(p, Matrix(p.positions.rows, p.positions.columns));
    CHECK(difference(g.ditems, golden.matrix("ditems")) <= golden_tolerance);
    CHECK(difference(g.dpositions, golden.matrix("dpositions")) <= golden_tolerance);
  }
}

TEMPLATE_TEST_CASE("embed_sequence: dropout keeps what its mask keeps, times the scale exactly", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  using Scalar = typename TestType::Scalar;
  Problem p = problem({40, 0, 1}, 70);
  p.table = Matrix(items_in_table, 70, 1.0);
  p.positions = {};
  p.scale = 1;
  p.dropout = 0.3;
  p.histories.first_row = 1000;
  p.dy = Matrix(41, 70, 1.0);
  const Matrix y = forward<TestType>(p), ditems = backward<TestType>(p, Matrix(position_rows, 70)).ditems;
  const auto scale = static_cast<double>(static_cast<Scalar>(p.mask().scale()));
  for (index_t i = 0; i < 41; ++i)
    for (index_t d = 0; d < 70; ++d) {
      const bool keeps = p.mask().keeps(static_cast<std::uint32_t>(1000 + i), static_cast<std::uint32_t>(d));
      REQUIRE(y(i, d) == (keeps ? scale : 0.0));
      REQUIRE(ditems(i, d) == y(i, d));
    }
}

TEMPLATE_TEST_CASE("embed_sequence: a batch cut in two has the same rows", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  Problem whole = problem({4, 0, 1, 7, 33}, 50);
  whole.dropout = 0.5;
  const Matrix y = forward<TestType>(whole), zero(position_rows, 50);
  const Gradients g = backward<TestType>(whole, zero);
  Matrix ys(0, 50), ditems(0, 50), dpositions = zero;
  for (const auto& [first, count] : {std::array<index_t, 2>{0, 3}, {3, 2}}) {
    Problem part = whole;
    part.histories = whole.histories.shard(first, count);
    part.dy = whole.dy.row_range(part.histories.first_row, part.histories.rows());
    ys = stacked(ys, forward<TestType>(part));
    const Gradients of_part = backward<TestType>(part, zero);
    ditems = stacked(ditems, of_part.ditems);
    dpositions = sum(dpositions, of_part.dpositions);
  }
  CHECK(same_bits(ys, y));
  CHECK(same_bits(ditems, g.ditems));
  CHECK(difference(dpositions, g.dpositions) <= tolerance<TestType>::gradient);
}

TEMPLATE_TEST_CASE("embed_sequence: every backend agrees with the CPU in double", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  Problem p = problem({70, 0, 1, 50, 12}, 50);
  p.dropout = 0.2;
  p.layout = Layout::strided;
  CHECK(difference(forward<TestType>(p), forward<CpuDouble>(p)) <= tolerance<TestType>::value);
  const Matrix before = random_matrix(position_rows, 50, 4);
  const Gradients g = backward<TestType>(p, before), expected = backward<CpuDouble>(p, before);
  CHECK(difference(g.ditems, expected.ditems) <= tolerance<TestType>::gradient);
  CHECK(difference(g.dpositions, expected.dpositions) <= tolerance<TestType>::gradient);
}

TEST_CASE("embed_sequence: what does not fit is named", "[ops][errors]") {
  using Context = CpuDouble;
  const HistoryBatch<HostSpace> batch(random_histories({3, 1}, 6, 1));
  const auto forward_message = [&](auto change) {
    Context context;
    auto a = EmbedSequenceForward<Context>{.items = batch.view().items.values,
                                           .offsets = batch.offsets(),
                                           .longest = batch.longest(),
                                           .table = context.matrix(6, 5),
                                           .positions = context.matrix(3, 5),
                                           .y = context.matrix(4, 5),
                                           .dropout = {}};
    change(a, context);
    return message_of<ShapeError>([&] { ops::embed_sequence_forward(context, a); });
  };
  CHECK(forward_message([](auto& a, auto& c) { a.y = c.matrix(3, 5); }) ==
        "embed_sequence: rows of y is 3, expected 4");
  CHECK(forward_message([](auto& a, auto& c) { a.y = c.matrix(4, 6); }) ==
        "embed_sequence: columns of y is 6, expected 5");
  CHECK(forward_message([](auto& a, auto& c) { a.positions = c.matrix(3, 4); }) ==
        "embed_sequence: columns of positions is 4, expected 5");
  CHECK(forward_message([](auto& a, auto& c) { a.positions = c.matrix(2, 5); }) ==
        "embed_sequence: the longest history has 3 items, the position table 2 rows; hint: keep the last max_length "
        "items of each history");

  const auto backward_message = [&](auto change) {
    Context context;
    auto a = EmbedSequenceBackward<Context>{.offsets = batch.offsets(),
                                            .longest = batch.longest(),
                                            .dy = context.matrix(4, 5),
                                            .dpositions = context.matrix(3, 5),
                                            .dropout = {}};
    change(a, context);
    return message_of<ShapeError>([&] { ops::embed_sequence_backward(context, a); });
  };
  CHECK(backward_message([](auto& a, auto& c) { a.dy = c.matrix(3, 5); }) ==
        "embed_sequence backward: offsets(2) is 4, expected 3, the number of rows");
  CHECK(backward_message([](auto& a, auto& c) { a.dpositions = c.matrix(3, 4); }) ==
        "embed_sequence backward: columns of dpositions is 4, expected 5");
  CHECK(backward_message([](auto& a, auto& c) { a.dpositions = c.matrix(2, 5); }) ==
        "embed_sequence backward: the longest history has 3 items, the position table 2 rows; hint: keep the last "
        "max_length items of each history");
}

TEST_CASE("embed_sequence: no field of a batch put together by hand is trusted", "[ops][errors]") {
  using Context = CpuDouble;
  Context context;
  const std::vector<item_t> items = {0, 1, 2, 3};
  const auto message = [&](const std::vector<offset_t>& offsets, index_t longest) {
    const auto placed_items = placed<HostSpace>(items);
    const auto placed_offsets = placed<HostSpace>(offsets);
    EmbedSequenceForward<Context> a{.items = placed_items.view(),
                                    .offsets = placed_offsets.view(),
                                    .longest = longest,
                                    .table = context.matrix(6, 5),
                                    .positions = context.matrix(3, 5),
                                    .y = context.matrix(4, 5),
                                    .dropout = {}};
    return message_of<ShapeError>([&] { ops::embed_sequence_forward(context, a); });
  };
  const std::string op = "embed_sequence: ";
  CHECK(message({0, 3, 4}, 0) == op + "longest is 0, expected at least 1 for 4 rows");
  CHECK(message({0, 3, 4}, 2) == op + "longest is 2, expected at least 3, the length of history 0");
  CHECK(message({0, 4}, 3) == op + "longest is 3, expected at least 4, the length of history 0");
  CHECK(message({0, 4}, 4) ==
        op + "the longest history has 4 items, the position table 3 rows; hint: keep the last max_length items of each "
             "history");
  CHECK(message({0, 3, 5}, 3) == op + "offsets(2) is 5, expected 4, the number of rows");
  CHECK(message({1, 3, 4}, 3) == op + "offsets(0) is 1, expected 0");
  CHECK(message({0, 3, 2, 4}, 3) == op + "offsets(2) is 2, expected at least 3, offsets(1)");
  CHECK(message({}, 3) == op + "offsets is missing, expected where the segments of 4 rows begin");
}
