// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/elementwise.hpp"

#include <array>
#include <vector>

#include "seqrec/cpu/elementwise.hpp"
#include "support/backends.hpp"
#include "support/catch.hpp"
#include "support/histories.hpp"
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

template <class Context>
Matrix last_rows(const Matrix& x_values, const std::vector<index_t>& lengths, Layout layout) {
  Context context;
  PlacedScalars<Context> x(x_values, layout),
      y(unwritten(static_cast<index_t>(lengths.size()), x_values.columns), layout);
  const auto offsets = placed<typename Context::Space>(offsets_of(lengths));
  ops::last_rows(context, LastRows<Context>{x.matrix(), offsets.view(), y.matrix()});
  return y.read();
}

}  // namespace

TEMPLATE_TEST_CASE("copy: every element, and nothing beside", "[ops]", SEQREC_TEST_BACKENDS) {
  for (const auto& [rows, width] : {std::array<index_t, 2>{1, 1}, {0, 5}, {33, 50}, {5, 7}})
    for (const Layout layout : {Layout::dense, Layout::strided}) {
      const Matrix source = random_matrix(rows, width, 1);
      CHECK(same_bits(copied<TestType>(source, layout), source));
    }
}

TEMPLATE_TEST_CASE("add: against loops", "[ops]", SEQREC_TEST_BACKENDS) {
  for (const auto& [rows, width] : {std::array<index_t, 2>{1, 1}, {0, 5}, {33, 50}, {5, 7}})
    for (const Layout layout : {Layout::dense, Layout::strided}) {
      const Matrix source = random_matrix(rows, width, 1), target = random_matrix(rows, width, 2);
      CHECK(difference(added<TestType>(source, target, layout), sum(source, target)) <= tolerance<TestType>::value);
    }
}

TEMPLATE_TEST_CASE("last_rows: against loops, zeros for an empty history", "[ops]", SEQREC_TEST_BACKENDS) {
  for (const auto& lengths : batches_of_lengths())
    for (const index_t width : {1, 7, 50})
      for (const Layout layout : {Layout::dense, Layout::strided}) {
        CAPTURE(lengths, width, layout == Layout::strided);
        const std::vector<offset_t> offsets = offsets_of(lengths);
        const Matrix x = random_matrix(offsets.back(), width, 1);
        Matrix expected(0, width);
        for (std::size_t b = 0; b < lengths.size(); ++b)
          expected = stacked(expected, lengths[b] == 0 ? Matrix(1, width) : x.row_range(offsets[b + 1] - 1, 1));
        CHECK(same_bits(last_rows<TestType>(x, lengths, layout), expected));
      }
}

TEMPLATE_TEST_CASE("accumulate_loss: in double and in row order", "[ops]", SEQREC_TEST_BACKENDS) {
  TestType context;
  context.begin_step(1, 1);
  const std::vector<double> first = {1e16, 1.0, -1e16}, second = {0.1, 0.2};
  const auto sum_up = [&](const std::vector<double>& losses) {
    const auto tensor = placed<typename TestType::Space>(losses);
    ops::accumulate_loss(context, AccumulateLoss<TestType>{tensor.view()});
  };
  sum_up({});
  CHECK(context.loss() == 0);
  sum_up(first);
  CHECK(context.loss() == (1e16 + 1.0) - 1e16);  // in another order 1
  sum_up(second);
  CHECK(context.loss() == ((1e16 + 1.0) - 1e16) + 0.1 + 0.2);
  context.begin_step(1, 2);
  CHECK(context.loss() == 0);
}

TEST_CASE("copy, add, last_rows: what does not fit is named", "[ops][errors]") {
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

  const std::vector<offset_t> offsets = {0, 3, 4};
  const auto last_rows_message = [&](index_t rows, index_t columns) {
    const LastRows<Context> a{context.matrix(4, 5), {offsets.data(), 3}, context.matrix(rows, columns)};
    return message_of<ShapeError>([&] { ops::last_rows(context, a); });
  };
  CHECK(last_rows_message(3, 5) == "last_rows: rows of y is 3, expected 2");
  CHECK(last_rows_message(2, 4) == "last_rows: columns of y is 4, expected 5");
}
