// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/prefix_mean.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "seqrec/cpu/prefix_mean.hpp"
#include "seqrec/cuda/prefix_mean.cuh"
#include "support/all_backends.hpp"
#include "support/catch.hpp"
#include "support/finite_differences.hpp"
#include "support/golden.hpp"
#include "support/histories.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

constexpr index_t items_in_table = 13;

struct Problem {
  Histories histories;
  Matrix x, dy;  ///< (N, D)
  Layout layout = Layout::dense;
  Matrix recency{};  ///< (1, R), or none
};

Problem problem(const std::vector<index_t>& lengths, index_t width, Layout layout = Layout::dense) {
  Problem p{random_histories(lengths, items_in_table, 9), {}, {}, layout};
  p.x = random_matrix(p.histories.rows(), width, 1, 1.0, 0.5);
  p.dy = random_matrix(p.histories.rows(), width, 2);
  return p;
}

template <class Check>
void for_each_problem(Check check) {
  for (const auto& lengths : batches_of_lengths())
    for (const index_t width : {1, 7, 50, 64, 130})
      for (const Layout layout : {Layout::dense, Layout::strided}) {
        CAPTURE(lengths, width, layout == Layout::strided);
        check(problem(lengths, width, layout));
      }
}

/// Calls visit(row, other, what the other weighs) for every row and each row that its mean is over.
template <class Visit>
void for_each_pair(const Problem& p, Visit visit) {
  const auto power = [&](index_t distance) {
    return p.recency.columns == 0 ? 1.0 : std::exp(p.recency(std::min(distance, p.recency.columns - 1)));
  };
  index_t first = 0;
  for (const index_t length : p.histories.lengths) {
    double sum = 0;
    for (index_t r = 0; r < length; ++r) {
      sum += power(r);
      for (index_t before = 0; before <= r; ++before) visit(first + r, first + before, power(r - before) / sum);
    }
    first += length;
  }
}

Matrix forward_by_loops(const Problem& p) {
  Matrix y(p.x.rows, p.x.columns);
  for_each_pair(p, [&](index_t row, index_t other, double share) {
    for (index_t d = 0; d < y.columns; ++d) y(row, d) += share * p.x(other, d);
  });
  return y;
}

Matrix backward_by_loops(const Problem& p) {
  Matrix dx(p.dy.rows, p.dy.columns);
  for_each_pair(p, [&](index_t row, index_t other, double share) {
    for (index_t d = 0; d < dx.columns; ++d) dx(other, d) += share * p.dy(row, d);
  });
  return dx;
}

Matrix recency_gradient_by_loops(const Problem& p) {
  const Matrix y = forward_by_loops(p);
  Matrix drecency(1, p.recency.columns);
  for_each_pair(p, [&](index_t row, index_t other, double share) {
    for (index_t d = 0; d < y.columns; ++d)
      drecency(std::min(row - other, p.recency.columns - 1)) += share * p.dy(row, d) * (p.x(other, d) - y(row, d));
  });
  return drecency;
}

template <class Context>
Matrix forward(const Problem& p) {
  Context context;
  const HistoryBatch<typename Context::Space> batch(p.histories);
  PlacedScalars<Context> x(p.x, p.layout), y(unwritten(p.x.rows, p.x.columns), p.layout);
  PlacedScalars<Context> recency(p.recency, p.layout);
  PrefixMeanForward<Context> a{batch.offsets(), x.matrix(), y.matrix()};
  if (p.recency.columns != 0) a.recency = recency.vector();
  ops::prefix_mean_forward(context, a);
  return y.read();
}

/// @param before  what others left in the gradient, to be added to; null to be written
template <class Context>
Matrix backward(const Problem& p, const Matrix* before = nullptr) {
  Context context;
  const HistoryBatch<typename Context::Space> batch(p.histories);
  PlacedScalars<Context> dy(p.dy, p.layout),
      dx(before != nullptr ? *before : unwritten(p.dy.rows, p.dy.columns), p.layout);
  const Gradient<Context> gradient{dx.matrix(), before != nullptr ? GradientMode::add : GradientMode::write};
  ops::prefix_mean_backward(context, PrefixMeanBackward<Context>{batch.offsets(), dy.matrix(), gradient});
  return dx.read();
}

struct RecencyGradients {
  Matrix dx, drecency;
};

/// The same with recency weights, whose gradient is added to `start`, or to zeros.
template <class Context>
RecencyGradients recency_backward(const Problem& p, const Matrix* before = nullptr, const Matrix* start = nullptr) {
  Context context;
  const HistoryBatch<typename Context::Space> batch(p.histories);
  PlacedScalars<Context> x(p.x, p.layout), y(forward_by_loops(p), p.layout), dy(p.dy, p.layout),
      recency(p.recency, p.layout), dx(before != nullptr ? *before : unwritten(p.dy.rows, p.dy.columns), p.layout);
  PlacedMasters<Context> drecency(start != nullptr ? *start : Matrix(1, p.recency.columns), p.layout);
  const Gradient<Context> gradient{dx.matrix(), before != nullptr ? GradientMode::add : GradientMode::write};
  ops::prefix_mean_backward(context, PrefixMeanBackward<Context>{batch.offsets(), dy.matrix(), gradient, x.matrix(),
                                                                 y.matrix(), recency.vector(), drecency.vector()});
  return {dx.read(), drecency.read()};
}

}  // namespace

TEMPLATE_TEST_CASE("prefix_mean: recency weights for fewer distances than there are, as many, and more", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  for (const auto& lengths : batches_of_lengths())
    for (const index_t distances : {1, 2, 5, 40})
      for (const Layout layout : {Layout::dense, Layout::strided}) {
        CAPTURE(lengths, distances, layout == Layout::strided);
        Problem p = problem(lengths, 7, layout);
        p.recency = random_matrix(1, distances, 5);
        const auto found = repeatable<TestType>([&] {
          const auto [dx, drecency] = recency_backward<TestType>(p);
          return std::vector{forward<TestType>(p), dx, drecency};
        });
        CHECK(difference(found[0], forward_by_loops(p)) <= tolerance<TestType>::value);
        CHECK(difference(found[1], backward_by_loops(p)) <= tolerance<TestType>::gradient);
        CHECK(difference(found[2], recency_gradient_by_loops(p)) <= tolerance<TestType>::gradient);
      }
}

TEMPLATE_TEST_CASE("prefix_mean: recency weights of more rows and columns than a warp or a slice takes", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  Problem p = problem({3, 290, 0, 40}, 35);
  p.recency = random_matrix(1, 33, 5);
  const Matrix before = random_matrix(p.dy.rows, p.dy.columns, 4), start = random_matrix(1, 33, 6);
  const auto [dx, drecency] = recency_backward<TestType>(p, &before, &start);
  CHECK(difference(forward<TestType>(p), forward_by_loops(p)) <= tolerance<TestType>::value);
  CHECK(difference(dx, sum(before, backward_by_loops(p))) <= tolerance<TestType>::gradient);
  CHECK(difference(drecency, sum(start, recency_gradient_by_loops(p))) <= tolerance<TestType>::gradient);
}

TEMPLATE_TEST_CASE("prefix_mean: recency weights far apart do not overflow", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  Problem p = problem({6, 1}, 3);
  p.recency = Matrix(1, 4);
  for (index_t d = 0; d < 4; ++d) p.recency(d) = 200.0 * static_cast<double>(d);  // the oldest has all the weight
  const Matrix y = forward<TestType>(p);
  for (index_t d = 0; d < 3; ++d)
    for (index_t row = 0; row < 4; ++row) CHECK(y(row, d) == Approx(p.x(0, d)).epsilon(1e-6));
  CHECK(y(5, 0) == Approx((p.x(0, 0) + p.x(1, 0) + p.x(2, 0)) / 3).epsilon(1e-5));  // they share the last weight
  p.recency = Matrix(1, 4, 2.5);
  CHECK(difference(forward<TestType>(p), forward_by_loops(problem({6, 1}, 3))) <=
        tolerance<TestType>::value);  // the mean
}

TEST_CASE("prefix_mean: gradients of recency weights against central differences, written or added", "[ops]") {
  Problem p = problem({3, 0, 1, 6}, 7);
  p.recency = random_matrix(1, 4, 5);
  const auto [dx, drecency] = recency_backward<CpuDouble>(p);
  const auto loss = [&] { return dot(forward<CpuDouble>(p), p.dy); };
  CHECK(difference(dx, central_differences(p.x, loss)) <= central_difference_tolerance);
  CHECK(difference(drecency, central_differences(p.recency, loss)) <= central_difference_tolerance);
  const Matrix before = random_matrix(p.dy.rows, p.dy.columns, 4), start(1, 4, 2.0);
  const auto [added, added_recency] = recency_backward<CpuDouble>(p, &before, &start);
  CHECK(difference(added, sum(before, dx)) < 1e-13);
  CHECK(difference(added_recency, sum(start, drecency)) < 1e-13);
}

TEMPLATE_TEST_CASE("prefix_mean: forward against loops", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for_each_problem([](const Problem& p) {
    const Matrix y = repeatable<TestType>([&] { return forward<TestType>(p); });
    CHECK(difference(y, forward_by_loops(p)) <= tolerance<TestType>::value);
  });
}

TEMPLATE_TEST_CASE("prefix_mean: backward against loops, written and added", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for_each_problem([](const Problem& p) {
    const Matrix expected = backward_by_loops(p), before = random_matrix(p.dy.rows, p.dy.columns, 4);
    const Matrix dx = repeatable<TestType>([&] { return backward<TestType>(p); });
    CHECK(difference(dx, expected) <= tolerance<TestType>::gradient);
    CHECK(difference(backward<TestType>(p, &before), sum(before, expected)) <= tolerance<TestType>::gradient);
  });
}

TEST_CASE("prefix_mean: gradient against central differences", "[ops]") {
  Problem p = problem({3, 0, 1, 6}, 7);
  const Matrix dx = backward<CpuDouble>(p);
  const auto loss = [&] { return dot(forward<CpuDouble>(p), p.dy); };
  CHECK(difference(dx, central_differences(p.x, loss)) <= central_difference_tolerance);
}

TEST_CASE("prefix_mean: values and gradients of PyTorch", "[ops][golden]") {
  for (const std::string name : {"prefix_mean", "prefix_mean_recency"}) {
    CAPTURE(name);
    Golden golden(name);
    Problem p;
    p.x = golden.matrix("x");
    p.dy = golden.matrix("dy");
    p.histories = random_histories(golden.lengths("offsets"), items_in_table, 1);
    if (name == "prefix_mean_recency") {
      p.recency = golden.matrix("recency");
      const auto [dx, drecency] = recency_backward<CpuDouble>(p);
      CHECK(difference(dx, golden.matrix("dx")) <= golden_tolerance);
      CHECK(difference(drecency, golden.matrix("drecency")) <= golden_tolerance);
    } else {
      CHECK(difference(backward<CpuDouble>(p), golden.matrix("dx")) <= golden_tolerance);
    }
    CHECK(difference(forward<CpuDouble>(p), golden.matrix("y")) <= golden_tolerance);
  }
}

TEMPLATE_TEST_CASE("prefix_mean: equal rows are their mean, however many", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  Problem p = problem({1000}, 3);
  p.x = Matrix(1000, 3, 0.75);
  const Matrix y = forward<TestType>(p);
  CHECK(y(0) == 0.75);
  CHECK(difference(y, p.x) <= tolerance<TestType>::value);
}

TEMPLATE_TEST_CASE("prefix_mean: a row's mean has the bits of its prefix, a batch cut in two the same rows", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  Problem whole = problem({4, 0, 1, 7, 33}, 50);
  const bool weighed = GENERATE(false, true);
  if (weighed) whole.recency = random_matrix(1, 12, 5);
  const auto gradient = [&](const Problem& p) {
    return weighed ? recency_backward<TestType>(p).dx : backward<TestType>(p);
  };
  const Matrix y = forward<TestType>(whole), dx = gradient(whole);
  Problem prefix = problem({20}, 50);  // of the history that begins in row 12
  prefix.recency = whole.recency;
  prefix.x = whole.x.row_range(12, 20);
  CHECK(same_bits(forward<TestType>(prefix), y.row_range(12, 20)));

  Matrix ys(0, 50), dxs(0, 50);
  for (const auto& [first, count] : {std::array<index_t, 2>{0, 3}, {3, 2}}) {
    Problem part = whole;
    part.histories = whole.histories.shard(first, count);
    part.x = whole.x.row_range(part.histories.first_row, part.histories.rows());
    part.dy = whole.dy.row_range(part.histories.first_row, part.histories.rows());
    ys = stacked(ys, forward<TestType>(part));
    dxs = stacked(dxs, gradient(part));
  }
  CHECK(same_bits(ys, y));
  CHECK(same_bits(dxs, dx));
}

TEST_CASE("prefix_mean: float agrees with double", "[ops]") {
  const Problem p = problem({200, 0, 1, 50, 12}, 50, Layout::strided);
  CHECK(difference(forward<CpuFloat>(p), forward<CpuDouble>(p)) <= tolerance<CpuFloat>::value);
  CHECK(difference(backward<CpuFloat>(p), backward<CpuDouble>(p)) <= tolerance<CpuFloat>::gradient);
}

TEST_CASE("prefix_mean: nothing happens where nobody wants the gradient", "[ops]") {
  CpuDouble context;
  const HistoryBatch<HostSpace> batch(random_histories({3, 1}, 6, 1));
  CHECK_NOTHROW(ops::prefix_mean_backward(context, PrefixMeanBackward<CpuDouble>{batch.offsets(), {}, {}}));
}

TEST_CASE("prefix_mean: what does not fit is named", "[ops][errors]") {
  using Context = CpuDouble;
  const HistoryBatch<HostSpace> batch(random_histories({3, 1}, 6, 1));
  const auto forward_message = [&](index_t x_rows, index_t y_rows, index_t y_columns) {
    Context context;
    return message_of<ShapeError>([&] {
      ops::prefix_mean_forward(context, PrefixMeanForward<Context>{batch.offsets(), context.matrix(x_rows, 5),
                                                                   context.matrix(y_rows, y_columns)});
    });
  };
  CHECK(forward_message(3, 4, 5) == "prefix_mean: offsets(2) is 4, expected 3, the number of rows");
  CHECK(forward_message(4, 5, 5) == "prefix_mean: rows of y is 5, expected 4");
  CHECK(forward_message(4, 4, 6) == "prefix_mean: columns of y is 6, expected 5");
  const auto backward_message = [&](index_t dy_rows, index_t dx_rows, index_t dx_columns) {
    Context context;
    return message_of<ShapeError>([&] {
      ops::prefix_mean_backward(
          context, PrefixMeanBackward<Context>{
                       batch.offsets(), context.matrix(dy_rows, 5), {context.matrix(dx_rows, dx_columns)}});
    });
  };
  CHECK(backward_message(3, 4, 5) == "prefix_mean backward: offsets(2) is 4, expected 3, the number of rows");
  CHECK(backward_message(4, 5, 5) == "prefix_mean backward: rows of dx is 5, expected 4");
  CHECK(backward_message(4, 4, 6) == "prefix_mean backward: columns of dx is 6, expected 5");
  const auto recency_message = [&](auto change) {
    Context context;
    PrefixMeanBackward<Context> a{batch.offsets(),      context.matrix(4, 5), {},
                                  context.matrix(4, 5), context.matrix(4, 5), context.vector(3),
                                  context.vector(3)};
    change(a, context);
    return message_of<ShapeError>([&] { ops::prefix_mean_backward(context, a); });
  };
  CHECK(recency_message([](auto& a, auto& c) { a.drecency = c.vector(2); }) ==
        "prefix_mean backward: size of drecency is 2, expected 3");
  CHECK(recency_message([](auto& a, auto& c) { a.x = c.matrix(3, 5); }) ==
        "prefix_mean backward: rows of x is 3, expected 4");
  CHECK(recency_message([](auto& a, auto& c) { a.y = c.matrix(4, 4); }) ==
        "prefix_mean backward: columns of y is 4, expected 5");
}

TEST_CASE("prefix_mean: offsets that are none are refused", "[ops][errors]") {
  CpuDouble context;
  const auto message = [&](const std::vector<offset_t>& offsets) {
    const auto placed_offsets = placed<HostSpace>(offsets);
    return message_of<ShapeError>([&] {
      ops::prefix_mean_forward(
          context, PrefixMeanForward<CpuDouble>{placed_offsets.view(), context.matrix(4, 5), context.matrix(4, 5)});
    });
  };
  CHECK(message({}) == "prefix_mean: offsets is missing, expected where the segments of 4 rows begin");
  CHECK(message({1, 4}) == "prefix_mean: offsets(0) is 1, expected 0");
  CHECK(message({0, 5, 4}) == "prefix_mean: offsets(2) is 4, expected at least 5, offsets(1)");
  CHECK(message({0, 2}) == "prefix_mean: offsets(1) is 2, expected 4, the number of rows");
}
