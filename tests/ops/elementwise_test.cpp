// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/elementwise.hpp"

#include <array>
#include <vector>

#include "seqrec/cpu/elementwise.hpp"
#include "seqrec/cuda/elementwise.cuh"
#include "support/all_backends.hpp"
#include "support/catch.hpp"
#include "support/masks.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

template <class Context>
Matrix added(const Matrix& source_values, const Matrix& target_values, Layout layout) {
  Context context;
  PlacedScalars<Context> source(source_values, layout), target(target_values, layout);
  ops::add(context, Add<Context>{source.matrix(), target.matrix()});
  return target.read();
}

template <class Context>
Matrix copied(const Matrix& source_values, Layout layout) {
  Context context;
  PlacedScalars<Context> source(source_values, layout),
      target(unwritten(source_values.rows, source_values.columns), layout);
  ops::copy(context, Copy<Context>{source.matrix(), target.matrix()});
  return target.read();
}

}  // namespace

TEMPLATE_TEST_CASE("copy: every element, and nothing beside", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for (const auto& [rows, width] : {std::array<index_t, 2>{1, 1}, {0, 5}, {33, 50}, {5, 7}})
    for (const Layout layout : {Layout::dense, Layout::strided}) {
      const Matrix source = random_matrix(rows, width, 1);
      CHECK(same_bits(copied<TestType>(source, layout), source));
    }
}

TEMPLATE_TEST_CASE("add: against loops", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for (const auto& [rows, width] : {std::array<index_t, 2>{1, 1}, {0, 5}, {33, 50}, {5, 7}})
    for (const Layout layout : {Layout::dense, Layout::strided}) {
      const Matrix source = random_matrix(rows, width, 1), target = random_matrix(rows, width, 2);
      CHECK(difference(added<TestType>(source, target, layout), sum(source, target)) <= tolerance<TestType>::value);
    }
}

TEMPLATE_TEST_CASE("drop: the mask's factors, written and added", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for (const double probability : {0.0, 0.4})
    for (const Layout layout : {Layout::dense, Layout::strided}) {
      const Matrix source = random_matrix(6, 19, 1), before = random_matrix(6, 19, 2);
      const Dropout mask = mask_of(probability, 3);
      Matrix expected = source;
      for (index_t i = 0; i < 6; ++i)
        for (index_t d = 0; d < 19; ++d)
          expected(i, d) *=
              mask.active() && !mask.keeps(static_cast<std::uint32_t>(3 + i), static_cast<std::uint32_t>(d))
                  ? 0
                  : mask.scale();
      const auto dropped = [&](const Matrix& target_values, GradientMode mode) {
        TestType context;
        PlacedScalars<TestType> from(source, layout), target(target_values, layout);
        ops::drop(context, Drop<TestType>{from.matrix(), {target.matrix(), mode}, mask});
        return target.read();
      };
      CHECK(difference(dropped(unwritten(6, 19), GradientMode::write), expected) <= tolerance<TestType>::value);
      CHECK(difference(dropped(before, GradientMode::add), sum(before, expected)) <= tolerance<TestType>::value);
    }
}

TEMPLATE_TEST_CASE("accumulate_loss: in double, in an order of their own", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  Matrix many = random_matrix(1, 2500, 1);
  double sum_of_many = 0;
  for (const double loss : many.values) sum_of_many += loss;
  const auto sums = repeatable<TestType>([&] {
    TestType context;
    std::vector<double> after;
    const auto sum_up = [&](const std::vector<double>& losses) {
      const auto tensor = placed<typename TestType::Space>(losses);
      ops::accumulate_loss(context, AccumulateLoss<TestType>{tensor.view()});
      after.push_back(context.loss());
    };
    context.begin_step(1, 1);
    sum_up({});
    sum_up({1e9, 0.001});  // in float 1e9
    sum_up({0.1, 0.2});
    context.begin_step(1, 2);
    sum_up({});
    sum_up(many.values);
    return after;
  });
  CHECK(sums[0] == 0);
  CHECK(sums[1] == 1e9 + 0.001);
  CHECK(sums[2] == Approx(1e9 + 0.001 + 0.1 + 0.2).epsilon(1e-15));
  CHECK(sums[3] == 0);
  CHECK(sums[4] == Approx(sum_of_many).epsilon(1e-12));
}

TEST_CASE("copy, add: what does not fit is named", "[ops][errors]") {
  using Context = CpuDouble;
  Context context;
  const auto copy_message = [&](index_t rows, index_t columns) {
    const Copy<Context> a{context.matrix(4, 5), context.matrix(rows, columns)};
    return message_of<ShapeError>([&] { ops::copy(context, a); });
  };
  CHECK(copy_message(3, 5) == "copy: rows of target is 3, expected 4");
  CHECK(copy_message(4, 6) == "copy: columns of target is 6, expected 5");
  const auto add_message = [&](index_t rows, index_t columns) {
    const Add<Context> a{context.matrix(4, 5), context.matrix(rows, columns)};
    return message_of<ShapeError>([&] { ops::add(context, a); });
  };
  CHECK(add_message(3, 5) == "add: rows of target is 3, expected 4");
  CHECK(add_message(4, 6) == "add: columns of target is 6, expected 5");
}
