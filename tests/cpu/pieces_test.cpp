// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cpu/pieces.hpp"

#include <cmath>
#include <vector>

#include "support/catch.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

template <class S>
cpu::Piece<S> logistic(const cpu::Piece<S>& x) {
  return x.logistic();
}

}  // namespace

TEMPLATE_TEST_CASE("a function of pieces is one of elements, of rows of any size", "[cpu]", float, double) {
  for (index_t size = 0; size < 40; ++size)
    for (const Layout layout : {Layout::dense, Layout::strided}) {
      CAPTURE(size, layout == Layout::strided);
      const Matrix a_values = random_matrix(1, size, 1), b_values = random_matrix(1, size, 2);
      Placed<TestType, HostSpace> a(a_values, layout), b(b_values, layout), y(unwritten(1, size), layout);
      using Piece = cpu::Piece<TestType>;
      cpu::map_pieces(
          y.matrix().data, size, [](const Piece& u, const Piece& v) -> Piece { return u - v; }, a.matrix().data,
          b.matrix().data);
      const Matrix found = y.read();  // throws when something beside the row was written
      for (index_t i = 0; i < size; ++i)
        CHECK(found(i) == static_cast<double>(static_cast<TestType>(a_values(i) - b_values(i))));
      double sum = 0, product = 0;
      for (index_t i = 0; i < size; ++i) {
        sum += a_values(i);
        product += a_values(i) * b_values(i);
      }
      CHECK(static_cast<double>(cpu::dot_of_pieces(a.matrix().data, b.matrix().data, size)) ==
            Approx(product).margin(1e-5));
      CHECK(static_cast<double>(cpu::sum_of_pieces(a.matrix().data, size)) == Approx(sum).margin(1e-5));
    }
}

TEMPLATE_TEST_CASE("an element has the same bits wherever it stands", "[cpu]", float, double) {
  std::vector<TestType> row(64), y(64);
  for (const double x : {-3.7, -0.1, 0.3, 1.9, 11.0}) {
    for (TestType& value : row) value = static_cast<TestType>(x);
    cpu::map_pieces(y.data(), 1, logistic<TestType>, row.data());
    const TestType alone = y[0];
    for (index_t first = 0; first < 20; ++first)
      for (index_t size = 1; size < 40; ++size) {
        cpu::map_pieces(y.data() + first, size, logistic<TestType>, row.data() + first);
        for (index_t i = 0; i < size; ++i) REQUIRE(y[static_cast<std::size_t>(first + i)] == alone);
      }
  }
}

TEMPLATE_TEST_CASE("a sum has the same bits at whatever address", "[cpu]", float, double) {
  const Matrix values = random_matrix(1, 45, 3);
  std::vector<TestType> row(64);
  TestType at_first = 0;
  for (std::size_t first = 0; first < 16; ++first) {
    for (std::size_t i = 0; i < 45; ++i) row[first + i] = static_cast<TestType>(values.values[i]);
    const TestType sum = cpu::sum_of_pieces(row.data() + first, 45);
    if (first == 0) at_first = sum;
    CHECK(sum == at_first);
  }
}
