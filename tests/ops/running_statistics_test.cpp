// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/running_statistics.hpp"

#include <cstdint>
#include <vector>

#include "seqrec/cpu/running_statistics.hpp"
#include "seqrec/cpu/unit_activation.hpp"
#include "seqrec/cuda/running_statistics.cuh"
#include "seqrec/cuda/unit_activation.cuh"
#include "support/all_backends.hpp"
#include "support/catch.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

/// Statistics of two units, and what moves them.
template <class Context>
struct Running {
  using Master = typename Context::Master;
  Context context;
  std::vector<Master> mean = {0, 0}, variance = {1, 1}, tracked = {0};
  double momentum = 0.25;
  std::vector<StepOutcome> outcome{};  ///< of the step, or none

  /// @param rows of two units
  void update(const std::vector<std::vector<double>>& rows) {
    std::vector<Master> sum(2, 0), squares(2, 0), count = {static_cast<Master>(rows.size())};
    for (const auto& row : rows)
      for (std::size_t h = 0; h < 2; ++h) {
        const double deviation = row[h] - static_cast<double>(mean[h]);
        sum[h] += static_cast<Master>(deviation);
        squares[h] += static_cast<Master>(deviation * deviation);
      }
    update(sum, squares, count);
  }
  void update(const std::vector<Master>& sum, const std::vector<Master>& squares, const std::vector<Master>& count) {
    const auto placed_sum = on_device(sum), placed_squares = on_device(squares), placed_count = on_device(count);
    auto placed_mean = on_device(mean), placed_variance = on_device(variance), placed_tracked = on_device(tracked);
    const auto placed_outcome = placed<typename Context::Space>(outcome);
    ops::running_statistics(
        context,
        RunningStatistics<Context>{placed_sum.view(), placed_squares.view(), placed_count.view(), placed_mean.view(),
                                   placed_variance.view(), placed_tracked.view(), momentum, placed_outcome.view()});
    mean = placed_mean.to_host();
    variance = placed_variance.to_host();
    tracked = placed_tracked.to_host();
  }
  static Tensor<Master, 1, typename Context::Space> on_device(const std::vector<Master>& values) {
    return placed<typename Context::Space>(values);
  }
};

}  // namespace

TEMPLATE_TEST_CASE("running statistics are plain means first and exponential ones later", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  Running<TestType> running;
  running.update({{1, -2}, {3, -2}});  // means 2 and -2, variances 1 and 0
  CHECK(running.mean == decltype(running.mean){2, -2});
  CHECK(running.variance == decltype(running.variance){1, 0});
  running.update({{4, 0}, {4, 4}});  // means 4 and 2, variances 0 and 4: the mean of both steps
  CHECK(running.mean == decltype(running.mean){3, 0});
  CHECK(running.variance == decltype(running.variance){0.5, 2});
  CHECK(running.tracked.front() == 2);
  running.tracked.front() = 100;
  running.update({{7, 8}});  // a quarter of the way
  CHECK(running.mean == decltype(running.mean){4, 2});
  CHECK(running.variance == decltype(running.variance){0.375, 1.5});
  CHECK(running.tracked.front() == 101);
}

TEMPLATE_TEST_CASE("each of many units has statistics of its own, and all see the same count", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  using Master = typename TestType::Master;
  constexpr std::size_t units = 300;  // more than a block of a GPU has threads
  Running<TestType> running;
  std::vector<Master> sum(units), squares(units), expected_mean(units), expected_variance(units);
  for (std::size_t h = 0; h < units; ++h) {
    sum[h] = static_cast<Master>(h);  // of two rows
    squares[h] = static_cast<Master>(h * h);
    expected_mean[h] = static_cast<Master>(4 + 0.25 * static_cast<double>(h));
    expected_variance[h] = static_cast<Master>(0.5 + 0.125 * static_cast<double>(h * h));
  }
  running.mean.assign(units, 4);
  running.variance.assign(units, 1);
  running.tracked = {1};  // half of the way
  running.update(sum, squares, {2});
  CHECK(running.mean == expected_mean);
  CHECK(running.variance == expected_variance);
  CHECK(running.tracked.front() == 2);
}

TEMPLATE_TEST_CASE("nothing moves after a bad step", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  Running<TestType> running;
  const std::int64_t first_bad = GENERATE(-1, 3);
  StepOutcome outcome;
  outcome.first_bad_step = first_bad;
  running.outcome = {outcome};
  running.update({{2, 4}});
  CHECK(running.mean == (first_bad < 0 ? decltype(running.mean){2, 4} : decltype(running.mean){0, 0}));
  CHECK((running.tracked.front() == 1) == (first_bad < 0));
}

TEMPLATE_TEST_CASE("a step without rows moves no statistic", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  Running<TestType> running;
  running.mean = {5, 6};
  running.update({});
  CHECK(running.mean == decltype(running.mean){5, 6});
  CHECK(running.variance == decltype(running.variance){1, 1});
  CHECK(running.tracked.front() == 0);
}

TEMPLATE_TEST_CASE("a deviation that is small beside its mean is not lost", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  using Master = typename TestType::Master;
  constexpr index_t rows = 2000, shards = 5;
  Running<TestType> running;
  double mean = 0, variance = 0;  // the plain means of the steps' own
  for (index_t step = 0; step < 4; ++step) {
    const Matrix x = random_matrix(rows, 2, static_cast<std::uint64_t>(step), 0.01, 1);
    double sum = 0, squares = 0;
    for (index_t i = 0; i < rows; ++i) sum += x(i, 0) / rows;
    for (index_t i = 0; i < rows; ++i) squares += (x(i, 0) - sum) * (x(i, 0) - sum) / rows;
    mean += (sum - mean) / static_cast<double>(step + 1);
    variance += (squares - variance) / static_cast<double>(step + 1);

    // As a training step: shards leave sums, which are added up in float, and then the statistics move.
    using Vector = Tensor<Master, 1, typename TestType::Space>;
    Vector sums(2), sums_of_squares(2), count(1), alpha(2), dalpha(2);
    const Vector mean_so_far = running.on_device(running.mean), variance_so_far = running.on_device(running.variance);
    for (index_t shard = 0; shard < shards; ++shard) {
      running.context.begin_shard();
      constexpr index_t in_shard = rows / shards;
      PlacedScalars<TestType> placed_x(x.row_range(shard * in_shard, in_shard), Layout::dense);
      PlacedScalars<TestType> dy(Matrix(in_shard, 2), Layout::dense);
      UnitActivation<TestType> f;
      f.kind = Activation::dice;
      f.alpha = alpha.view();
      f.mean = mean_so_far.view();
      f.variance = variance_so_far.view();
      f.dalpha = dalpha.view();
      f.sum = sums.view();
      f.squares = sums_of_squares.view();
      f.rows = count.view();
      ops::unit_activation_backward(running.context,
                                    UnitActivationBackward<TestType>{placed_x.matrix(), f, dy.matrix(), {}, {}});
    }
    running.update(sums.to_host(), sums_of_squares.to_host(), count.to_host());
    CAPTURE(step);
    CHECK(static_cast<double>(running.mean[0]) == Approx(mean).epsilon(1e-6));
    CHECK(static_cast<double>(running.variance[0]) == Approx(variance).epsilon(step == 0 ? 3e-3 : 1e-3));
  }
}

TEST_CASE("a variance is never negative, whatever rounding does", "[ops]") {
  Running<CpuFloat> running;
  running.update({{1000.1, 1e4}, {1000.1, 1e4}, {1000.1, 1e4}});
  CHECK(running.variance[0] >= 0);
  CHECK(running.variance[1] >= 0);
}

TEST_CASE("running statistics of other shapes are refused", "[ops]") {
  CpuFloat context;
  const auto of = [&](index_t sum, index_t squares, index_t rows, index_t variance, index_t tracked) {
    ops::running_statistics(
        context, RunningStatistics<CpuFloat>{context.vector(sum), context.vector(squares), context.vector(rows),
                                             context.vector(3), context.vector(variance), context.vector(tracked)});
  };
  CHECK_THROWS_WITH(of(2, 3, 1, 3, 1), "running_statistics: size of sum is 2, expected 3");
  CHECK_THROWS_WITH(of(3, 2, 1, 3, 1), "running_statistics: size of squares is 2, expected 3");
  CHECK_THROWS_WITH(of(3, 3, 2, 3, 1), "running_statistics: size of rows is 2, expected 1");
  CHECK_THROWS_WITH(of(3, 3, 1, 4, 1), "running_statistics: size of variance is 4, expected 3");
  CHECK_THROWS_WITH(of(3, 3, 1, 3, 2), "running_statistics: size of tracked is 2, expected 1");
}
