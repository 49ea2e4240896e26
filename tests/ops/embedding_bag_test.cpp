// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/embedding_bag.hpp"

#include <string>
#include <vector>

#include "seqrec/cpu/embedding_bag.hpp"
#include "seqrec/cuda/embedding_bag.cuh"
#include "support/all_backends.hpp"
#include "support/catch.hpp"
#include "support/finite_differences.hpp"
#include "support/histories.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

constexpr index_t categories = 6;

/// What is known of five owners: nothing at all of one, a category twice of another.
const std::vector<std::vector<category_t>>& features() {
  static const std::vector<std::vector<category_t>> known = {{0, 3}, {}, {5}, {1, 2, 1, 4}, {3}};
  return known;
}

struct Problem {
  std::vector<item_t> owners;
  std::vector<index_t> repeats;  ///< rows of each owner; empty: one each
  Matrix table, dy;              ///< (T, D), (N, D)
  Layout layout = Layout::dense;

  index_t rows() const {
    return repeats.empty() ? static_cast<index_t>(owners.size()) : index_t{offsets_of(repeats).back()};
  }
  /// The owner of a row.
  item_t owner(index_t row) const {
    if (repeats.empty()) return owners[static_cast<std::size_t>(row)];
    std::size_t i = 0;
    for (index_t end = repeats[0]; end <= row; end += repeats[i]) ++i;
    return owners[i];
  }
};

Problem problem(std::vector<item_t> owners, std::vector<index_t> repeats, index_t width,
                Layout layout = Layout::dense) {
  Problem p{std::move(owners), std::move(repeats), random_matrix(categories, width, 1), {}, layout};
  p.dy = random_matrix(p.rows(), width, 2);
  return p;
}

template <class Check>
void for_each_problem(Check check) {
  for (const index_t width : {1, 7, 50})
    for (const Layout layout : {Layout::dense, Layout::strided}) {
      CAPTURE(width, layout == Layout::strided);
      check(problem({3}, {}, width, layout));
      check(problem({}, {}, width, layout));
      check(problem({4, 0, 1, 3, 3, 2, 0}, {}, width, layout));
      check(problem({4, 0, 1, 3, 2}, {3, 0, 2, 33, 1}, width, layout));
      check(problem(random_items(37, 5, 1), {}, width, layout));
    }
}

/// Calls visit(row, category) for every category of every row's owner.
template <class Visit>
void for_each_category(const Problem& p, Visit visit) {
  for (index_t row = 0; row < p.rows(); ++row)
    for (const category_t category : features()[static_cast<std::size_t>(p.owner(row))]) visit(row, category);
}

template <class Context>
Matrix forward(const Problem& p) {
  using Space = typename Context::Space;
  Context context;
  const PlacedJagged<Space> known(features());
  const auto owners = placed<Space>(p.owners), repeats = placed<Space>(offsets_of(p.repeats));
  PlacedScalars<Context> table(p.table, p.layout), y(unwritten(p.rows(), p.table.columns), p.layout);
  EmbeddingBagForward<Context> a{owners.view(), {}, known.view(), table.matrix(), y.matrix()};
  if (!p.repeats.empty()) a.repeats = repeats.view();
  ops::embedding_bag_forward(context, a);
  return y.read();
}

template <class Context>
Matrix backward(const Problem& p, const Matrix& before) {
  using Space = typename Context::Space;
  Context context;
  const PlacedJagged<Space> known(features());
  const auto owners = placed<Space>(p.owners), repeats = placed<Space>(offsets_of(p.repeats));
  PlacedScalars<Context> dy(p.dy, p.layout);
  PlacedMasters<Context> dtable(before, p.layout);
  EmbeddingBagBackward<Context> a{owners.view(), {}, known.view(), dy.matrix(), dtable.matrix()};
  if (!p.repeats.empty()) a.repeats = repeats.view();
  ops::embedding_bag_backward(context, a);
  return dtable.read();
}

}  // namespace

TEMPLATE_TEST_CASE("embedding_bag: forward against loops, zeros of whom nothing is known", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  for_each_problem([](const Problem& p) {
    Matrix expected(p.rows(), p.table.columns);
    for_each_category(p, [&](index_t row, category_t category) {
      for (index_t d = 0; d < expected.columns; ++d) expected(row, d) += p.table(category, d);
    });
    const Matrix y = repeatable<TestType>([&] { return forward<TestType>(p); });
    CHECK(difference(y, expected) <= tolerance<TestType>::value);
  });
}

TEMPLATE_TEST_CASE("embedding_bag: backward against loops, added to what is there", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for_each_problem([](const Problem& p) {
    Matrix expected = random_matrix(categories, p.table.columns, 4);
    const Matrix before = expected;
    for_each_category(p, [&](index_t row, category_t category) {
      for (index_t d = 0; d < expected.columns; ++d) expected(category, d) += p.dy(row, d);
    });
    const Matrix dtable = repeatable<TestType>([&] { return backward<TestType>(p, before); });
    CHECK(difference(dtable, expected) <= tolerance<TestType>::gradient);
  });
}

TEMPLATE_TEST_CASE("embedding_bag: more owners than are looked through at once", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  const Problem p = problem(random_items(2100, 5, 1), {}, 3);
  Matrix expected(categories, 3);
  for_each_category(p, [&](index_t row, category_t category) {
    for (index_t d = 0; d < 3; ++d) expected(category, d) += p.dy(row, d);
  });
  CHECK(difference(backward<TestType>(p, Matrix(categories, 3)), expected) <= tolerance<TestType>::gradient);
}

TEST_CASE("embedding_bag: gradient against central differences", "[ops]") {
  for (const auto& repeats : std::vector<std::vector<index_t>>{{}, {2, 0, 1, 3}}) {
    Problem p = problem({4, 0, 1, 3}, repeats, 5);
    const Matrix dtable = backward<CpuDouble>(p, Matrix(categories, 5));
    const auto loss = [&] { return dot(forward<CpuDouble>(p), p.dy); };
    CHECK(difference(dtable, central_differences(p.table, loss)) <= central_difference_tolerance);
  }
}

TEST_CASE("embedding_bag: what does not fit is named", "[ops][errors]") {
  using Context = CpuDouble;
  Context context;
  const PlacedJagged<HostSpace> known(features());
  const std::vector<item_t> owners = {0, 2, 4};
  const std::vector<offset_t> repeats = {0, 1, 2, 3};
  const auto forward_message = [&](auto change) {
    EmbeddingBagForward<Context> a{
        {owners.data(), 3}, {}, known.view(), context.matrix(categories, 5), context.matrix(3, 5)};
    change(a);
    return message_of<ShapeError>([&] { ops::embedding_bag_forward(context, a); });
  };
  const std::string op = "embedding_bag: ", back = "embedding_bag backward: ";
  CHECK(forward_message([&](auto& a) { a.repeats = {repeats.data(), 3}; }) == op + "size of repeats is 3, expected 4");
  CHECK(forward_message([&](auto& a) { a.y = context.matrix(4, 5); }) == op + "rows of y is 4, expected 3");
  CHECK(forward_message([&](auto& a) { a.y = context.matrix(3, 6); }) == op + "columns of y is 6, expected 5");
  const auto backward_message = [&](auto change) {
    EmbeddingBagBackward<Context> a{
        {owners.data(), 3}, {}, known.view(), context.matrix(3, 5), context.matrix(categories, 5)};
    change(a);
    return message_of<ShapeError>([&] { ops::embedding_bag_backward(context, a); });
  };
  CHECK(backward_message([&](auto& a) {
          a.repeats = {repeats.data(), 3};
        }) == back + "size of repeats is 3, expected 4");
  CHECK(backward_message([&](auto& a) { a.dy = context.matrix(4, 5); }) == back + "rows of dy is 4, expected 3");
  CHECK(backward_message([&](auto& a) { a.dtable = context.matrix(categories, 6); }) ==
        back + "columns of dtable is 6, expected 5");
}
