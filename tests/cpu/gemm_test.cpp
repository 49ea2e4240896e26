// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cpu/gemm.hpp"

#include <array>
#include <cmath>
#include <vector>

#include "support/backends.hpp"
#include "support/catch.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

Matrix transpose(const Matrix& m) {
  Matrix result(m.columns, m.rows);
  for (index_t i = 0; i < m.rows; ++i)
    for (index_t j = 0; j < m.columns; ++j) result(j, i) = m(i, j);
  return result;
}

Matrix product_by_loops(const Matrix& a, const Matrix& b) {
  Matrix c(a.rows, b.columns);
  for (index_t i = 0; i < c.rows; ++i)
    for (index_t j = 0; j < c.columns; ++j)
      for (index_t k = 0; k < a.columns; ++k) c(i, j) += a(i, k) * b(k, j);
  return c;
}

/// `call(operand a, operand b, view of c)` for each way to hand over A and B: as they are, or stored transposed.
template <class Scalar, class Call>
void for_each_transposition(const Matrix& a, const Matrix& b, const Matrix& c_before, Layout layout, Call call) {
  using Operand = Placed<Scalar, HostSpace>;
  Operand plain_a(a, layout), plain_b(b, layout), turned_a(transpose(a), layout), turned_b(transpose(b), layout);
  const auto with = [&](const char* what, auto left, auto right) {
    CAPTURE(what);
    Operand c(c_before, layout);
    cpu::gemm(left, right, c.matrix());  // writes, so that NaN in C shows
    call(left, right, c);
  };
  with("A B", plain_a.matrix(), plain_b.matrix());
  with("A B'", plain_a.matrix(), cpu::transposed(turned_b.matrix()));
  with("A' B", cpu::transposed(turned_a.matrix()), plain_b.matrix());
  with("A' B'", cpu::transposed(turned_a.matrix()), cpu::transposed(turned_b.matrix()));
}

}  // namespace

TEMPLATE_TEST_CASE("gemm: every transposition, written and added, against loops", "[cpu]", float, double) {
  for (const auto& [m, n, k] : {std::array<index_t, 3>{1, 1, 1},
                                {3, 4, 5},
                                {1, 50, 7},
                                {50, 1, 7},
                                {33, 17, 50},
                                {7, 130, 64},
                                {64, 64, 1},
                                {100, 37, 300}})
    for (const Layout layout : {Layout::dense, Layout::strided}) {
      CAPTURE(m, n, k, layout == Layout::strided);
      const Matrix a = random_matrix(m, k, 1), b = random_matrix(k, n, 2), expected = product_by_loops(a, b);
      for_each_transposition<TestType>(a, b, unwritten(m, n), layout, [&](auto left, auto right, auto& c) {
        CHECK(difference(c.read(), expected) <= Tolerance<TestType>::value);
        cpu::gemm(left, right, c.matrix(), GradientMode::add);
        CHECK(difference(c.read(), sum(expected, expected)) <= Tolerance<TestType>::value);
      });
    }
}

TEMPLATE_TEST_CASE("gemm: a product over no terms is zero", "[cpu]", float, double) {
  for (const auto& size : {std::array<index_t, 2>{1, 1}, {3, 4}, {40, 30}, {1, 9}, {9, 1}}) {
    const index_t m = size[0], n = size[1];
    CAPTURE(m, n);
    for_each_transposition<TestType>(Matrix(m, 0), Matrix(0, n), unwritten(m, n), Layout::strided,
                                     [&](auto left, auto right, auto& c) {
                                       CHECK(same_bits(c.read(), Matrix(m, n)));
                                       Placed<TestType, HostSpace> kept(Matrix(m, n, 2.5), Layout::strided);
                                       cpu::gemm(left, right, kept.matrix(), GradientMode::add);
                                       CHECK(same_bits(kept.read(), Matrix(m, n, 2.5)));
                                     });
  }
}

TEMPLATE_TEST_CASE("gemm: an empty result is no work", "[cpu]", float, double) {
  for (const auto& [m, n] : {std::array<index_t, 2>{0, 5}, {5, 0}, {0, 0}})
    for_each_transposition<TestType>(Matrix(m, 3), Matrix(3, n), Matrix(m, n), Layout::strided,
                                     [&](auto, auto, auto& c) { CHECK(c.read().size() == 0); });
}

TEST_CASE("gemm: operands of const elements are taken as well", "[cpu]") {
  const double a[] = {1, 2}, b[] = {3, 4};
  double c = 0;
  const MatrixView<const double, HostSpace> left(a, 1, 2), right(b, 1, 2);
  cpu::gemm(left, cpu::transposed(right), MatrixView<double, HostSpace>(&c, 1, 1));
  CHECK(c == 11);
}

TEMPLATE_TEST_CASE("gemm_rows: a row has the same bits wherever it stands and however many there are", "[cpu]",
                   CpuFloat, CpuDouble) {
  using Scalar = typename TestType::Scalar;
  TestType context;
  for (const auto& [n, k] :
       {std::array<index_t, 2>{1, 1}, {3, 2}, {1, 40}, {5, 7}, {36, 10}, {67, 130}, {130, 300}, {64, 64}})
    for (const Layout layout : {Layout::dense, Layout::strided}) {
      const Matrix row = random_matrix(1, k, 1), b_values = random_matrix(k, n, 2);
      const Matrix expected = product_by_loops(row, b_values);
      Placed<Scalar, HostSpace> b(b_values, layout), turned_b(transpose(b_values), layout);
      Matrix alone;
      for (const index_t m : {1, 2, 3, 4, 5, 6, 7, 8, 15, 19, 20, 23, 41, 64, 257}) {
        CAPTURE(m, n, k, layout == Layout::strided);
        Matrix a_values(0, k);
        for (index_t i = 0; i < m; ++i) a_values = stacked(a_values, row);
        Placed<Scalar, HostSpace> a(a_values, layout), c(unwritten(m, n), layout);
        cpu::gemm_rows(context, a.matrix(), b.matrix(), c.matrix());
        CHECK(difference(c.read().row_range(m - 1, 1), expected) <= tolerance<TestType>::value);
        cpu::gemm_rows(context, a.matrix(), cpu::transposed(turned_b.matrix()), c.matrix());
        const Matrix found = c.read();
        if (m == 1) alone = found;
        for (index_t i = 0; i < m; ++i) REQUIRE(same_bits(found.row_range(i, 1), alone));
      }
    }
  Placed<Scalar, HostSpace> none(Matrix(0, 5), Layout::dense), b(Matrix(5, 3), Layout::dense);
  CHECK_NOTHROW(cpu::gemm_rows(context, none.matrix(), b.matrix(), MatrixView<Scalar, HostSpace>(nullptr, 0, 3)));
}

TEMPLATE_TEST_CASE("gemm_anywhere: a product has the same bits wherever it goes", "[cpu]", float, double) {
  constexpr index_t most = 24, width = 50;
  alignas(64) TestType a[most * most], b[most * most], memory[cpu::very_small_product], expected[most * (most + 8)];
  for (index_t i = 0; i < most * most; ++i) {
    a[i] = static_cast<TestType>(std::sin(static_cast<double>(3 * i)));
    b[i] = static_cast<TestType>(std::cos(static_cast<double>(5 * i)));
  }
  std::vector<TestType> place(static_cast<std::size_t>(most * width));
  const auto product = [&](index_t m, index_t n, index_t k, MatrixView<TestType, HostSpace> c) {
    const MatrixView<const TestType, HostSpace> left(a, m, k), right(b, k, n);
    cpu::gemm_anywhere(left, right, c, k, static_cast<TestType*>(memory));
  };
  index_t different = 0;
  for (const index_t m : {1, 2, 5, 9})
    for (const index_t n : {1, 6, 10, 17})
      for (const index_t k : {1, 2, 5, 9, 20}) {
        const MatrixView<TestType, HostSpace> aligned(expected, m, n, most + 8);
        product(m, n, k, aligned);
        for (const index_t column : {0, 1, 3, 6, 16, 33}) {
          const MatrixView<TestType, HostSpace> there(place.data() + column, m, n, width);
          product(m, n, k, there);
          for (index_t i = 0; i < m; ++i)
            for (index_t j = 0; j < n; ++j) different += there(i, j) != aligned(i, j);
        }
      }
  CHECK(different == 0);
}
