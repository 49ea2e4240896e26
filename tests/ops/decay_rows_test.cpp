// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/decay_rows.hpp"

#include <vector>

#include "seqrec/cpu/decay_rows.hpp"
#include "seqrec/cuda/decay_rows.cuh"
#include "support/all_backends.hpp"
#include "support/catch.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

TEMPLATE_TEST_CASE("decay_rows: against loops, rows without a gradient are left alone", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  for (const index_t width : {1, 7, 64})
    for (const Layout layout : {Layout::dense, Layout::strided}) {
      CAPTURE(width, layout == Layout::strided);
      const Matrix table = random_matrix(9, width, 1), shares = random_matrix(1, 9, 2);
      Matrix gradient = random_matrix(9, width, 3);
      for (const index_t row : {0, 4, 8})
        for (index_t d = 0; d < width; ++d) gradient(row, d) = 0;
      if (width > 1) gradient(4, width - 1) = 0.5;  // one element is enough
      Matrix expected = gradient;
      for (index_t row = 0; row < 9; ++row)
        for (index_t d = 0; d < width; ++d)
          if (row != 0 && row != 8 && (row != 4 || width > 1)) expected(row, d) += shares(row) * table(row, d);
      const Matrix found = repeatable<TestType>([&] {
        TestType context;
        PlacedMasters<TestType> tables(table, layout), all_shares(shares, layout), gradients(gradient, layout);
        ops::decay_rows(context, DecayRows<TestType>{tables.matrix(), all_shares.vector(), gradients.matrix()});
        return gradients.read();
      });
      CHECK(difference(found, expected) <= tolerance<TestType>::value);
      for (const index_t row : {0, 8}) CHECK(same_bits(found.row_range(row, 1), gradient.row_range(row, 1)));
    }
}

TEMPLATE_TEST_CASE("decay_rows: of rows that are named, the bits of the whole table's", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  const Matrix table = random_matrix(9, 5, 1), shares = random_matrix(1, 9, 2), some = random_matrix(3, 5, 3);
  const std::vector<item_t> rows = {1, 4, 8};
  Matrix all(9, 5);
  for (index_t i = 0; i < 3; ++i)
    for (index_t d = 0; d < 5; ++d) all(rows[static_cast<std::size_t>(i)], d) = some(i, d);
  TestType context;
  PlacedMasters<TestType> tables(table, Layout::dense), all_shares(shares, Layout::dense), dense(all, Layout::dense),
      compact(some, Layout::dense);
  ops::decay_rows(context, DecayRows<TestType>{tables.matrix(), all_shares.vector(), dense.matrix()});
  const auto named = placed<typename TestType::Space>(rows);
  ops::decay_rows(context, DecayRows<TestType>{tables.matrix(), all_shares.vector(), compact.matrix(), named.view()});
  for (index_t i = 0; i < 3; ++i)
    CHECK(same_bits(compact.read().row_range(i, 1), dense.read().row_range(rows[static_cast<std::size_t>(i)], 1)));
}

TEST_CASE("decay_rows: what does not fit is named", "[ops][errors]") {
  CpuDouble context;
  const auto message = [&](index_t shares, index_t rows, index_t columns) {
    return message_of<ShapeError>([&] {
      ops::decay_rows(
          context, DecayRows<CpuDouble>{context.matrix(4, 3), context.vector(shares), context.matrix(rows, columns)});
    });
  };
  CHECK(message(3, 4, 3) == "decay_rows: size of shares is 3, expected 4");
  CHECK(message(4, 5, 3) == "decay_rows: rows of gradient is 5, expected 4");
  CHECK(message(4, 4, 2) == "decay_rows: columns of gradient is 2, expected 3");
}
