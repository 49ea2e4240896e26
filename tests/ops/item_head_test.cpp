// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/item_head.hpp"

#include <string>
#include <vector>

#include "seqrec/cpu/add_rows.hpp"
#include "support/backends.hpp"
#include "support/catch.hpp"
#include "support/histories.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

TEMPLATE_TEST_CASE("item head: what scored items leave to vectors and biases, against loops", "[ops]",
                   SEQREC_TEST_BACKENDS) {
  for (const index_t rows : {0, 1, 33}) {
    const index_t samples = 3, items = 7, width = 5;
    const Matrix states = random_matrix(rows, width, 1), coefficients = random_matrix(1, rows * samples, 2);
    const std::vector<item_t> entries = random_items(rows * samples, items, 3);
    Matrix dtable = random_matrix(items, width, 4), dbias = random_matrix(1, items, 5);
    TestType context;
    const PlacedRowIndex<HostSpace> index(entries);
    PlacedScalars<TestType> h(states, Layout::strided), c(coefficients, Layout::strided);
    PlacedMasters<TestType> table(dtable, Layout::strided), bias(dbias, Layout::strided);
    ops::add_scored_items<TestType>(context, h.matrix(), index.view(), c.vector(), {table.matrix(), {}});
    ops::add_scored_items<TestType>(context, h.matrix(), index.view(), c.vector(), {{}, bias.vector()});
    ops::add_scored_items<TestType>(context, h.matrix(), index.view(), c.vector(), {});  // nobody wants any
    for (std::size_t e = 0; e < entries.size(); ++e) {
      const auto entry = static_cast<index_t>(e);
      dbias(entries[e]) += coefficients(entry);
      for (index_t d = 0; d < width; ++d) dtable(entries[e], d) += coefficients(entry) * states(entry / samples, d);
    }
    CHECK(difference(table.read(), dtable) <= tolerance<TestType>::gradient);
    CHECK(difference(bias.read(), dbias) <= tolerance<TestType>::gradient);
  }
}

TEMPLATE_TEST_CASE("item head: what shared items leave, in ascending order of their places", "[ops]",
                   SEQREC_TEST_BACKENDS) {
  // item 1 stands at places 0, 2 and 3: 1e30 + 1 - 1e30 is 0 in this order and 1 in another
  const std::vector<item_t> shared = {1, 0, 1, 1};
  Matrix gradient(4, 1);
  gradient.values = {1e30, 5, 1, -1e30};
  TestType context;
  const PlacedRowIndex<HostSpace> index(shared);
  PlacedScalars<TestType> dshared(gradient, Layout::dense), dshared_bias(Matrix(1, 4, 2.0), Layout::dense);
  PlacedMasters<TestType> table(Matrix(3, 1), Layout::dense), bias(Matrix(1, 3), Layout::dense);
  ops::add_shared_items<TestType>(context, dshared.matrix(), dshared_bias.vector(), index.view(),
                                  {table.matrix(), bias.vector()});
  CHECK(table.read().values == std::vector<double>{5, 0, 0});
  CHECK(bias.read().values == std::vector<double>{2, 6, 0});
}

TEST_CASE("item head: what does not fit is named", "[ops][errors]") {
  CpuDouble context;
  const ItemHead<CpuDouble> head{context.matrix(6, 5), context.vector(6)};
  CHECK(head.items() == 6);
  CHECK(head.width() == 5);
  CHECK_NOTHROW(ops::check_head("op", head, 5));
  CHECK_NOTHROW(ops::check_head_gradient<CpuDouble>("op", {}, head));
  const auto message = [](auto check) { return message_of<ShapeError>(check); };
  CHECK(message([&] { ops::check_head("op", head, 4); }) == "op: columns of table is 5, expected 4");
  CHECK(message([&] {
          ops::check_head<CpuDouble>("op", {head.table, context.vector(5)}, 5);
        }) == "op: size of bias is 5, expected 6");
  CHECK(message([&] {
          ops::check_head_gradient<CpuDouble>("op", {context.matrix(5, 5), {}}, head);
        }) == "op: rows of dtable is 5, expected 6");
  CHECK(message([&] {
          ops::check_head_gradient<CpuDouble>("op", {{}, context.vector(5)}, head);
        }) == "op: size of dbias is 5, expected 6");
}
