// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cpu/gemm.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <vector>

#include "support/backends.hpp"
#include "support/catch.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

/// `call(operand a, operand b, view of c)` for each way to hand over A and B: as they are, or stored transposed.
template <class Scalar, class Call>
void for_each_transposition(const Matrix& a, const Matrix& b, const Matrix& c_before, Layout layout, Call call) {
  using Operand = Placed<Scalar, HostSpace>;
  Operand plain_a(a, layout), plain_b(b, layout), turned_a(flipped(a), layout), turned_b(flipped(b), layout);
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

TEMPLATE_TEST_CASE("gemm: an element has the same bits wherever it stands and however many there are", "[cpu]", float,
                   double) {
  for (const auto& [n, k] :
       {std::array<index_t, 2>{1, 1}, {3, 2}, {1, 40}, {5, 7}, {36, 10}, {67, 130}, {130, 300}, {64, 64}}) {
    // Equal rows of A and equal columns of B: all of C is one number.
    const Matrix row = random_matrix(1, k, 1), column = random_matrix(k, 1, 2);
    const Matrix expected = product_by_loops(row, column);
    Placed<TestType, HostSpace> one_row(row, Layout::dense), one_column(column, Layout::dense);
    Placed<TestType, HostSpace> alone(unwritten(1, 1), Layout::dense);
    cpu::gemm(one_row.matrix(), one_column.matrix(), alone.matrix());
    CHECK(difference(alone.read(), expected) <= Tolerance<TestType>::value);
    for (const index_t m : {1, 2, 3, 4, 5, 6, 7, 8, 13, 15, 19, 20, 23, 41, 64, 257}) {
      CAPTURE(m, n, k);
      Matrix a(m, k), b(k, n), all(m, n);
      for (index_t i = 0; i < m; ++i)
        for (index_t j = 0; j < k; ++j) a(i, j) = row(0, j);
      for (index_t i = 0; i < k; ++i)
        for (index_t j = 0; j < n; ++j) b(i, j) = column(i, 0);
      for (index_t i = 0; i < m; ++i)
        for (index_t j = 0; j < n; ++j) all(i, j) = alone.read()(0, 0);
      for (const Layout layout : {Layout::dense, Layout::strided})
        for_each_transposition<TestType>(a, b, unwritten(m, n), layout,
                                         [&](auto, auto, auto& c) { REQUIRE(same_bits(c.read(), all)); });
    }
  }
}

TEMPLATE_TEST_CASE("pack: products with panels have the bits of those without", "[cpu]", float, double) {
  for (const auto& size : {std::array<index_t, 3>{1, 1, 1}, {5, 200, 64}, {24, 67, 50}, {7, 130, 300}, {3, 4, 0}})
    for (const Layout layout : {Layout::dense, Layout::strided}) {
      const index_t m = size[0], n = size[1], k = size[2];
      CAPTURE(m, n, k, layout == Layout::strided);
      std::vector<TestType> memory(static_cast<std::size_t>(cpu::packed_size<TestType>(k, n)), TestType(99));
      for_each_transposition<TestType>(
          random_matrix(m, k, 1), random_matrix(k, n, 2), unwritten(m, n), layout, [&](auto left, auto right, auto& c) {
            const auto packed = cpu::pack(right, memory.data());
            Placed<TestType, HostSpace> found(unwritten(m, n), layout), part(unwritten(m, n), layout);
            cpu::gemm(left, packed, found.matrix());
            CHECK(same_bits(found.read(), c.read()));
            const index_t some = (n + 1) / 2;
            cpu::gemm(left, packed.first_columns(some), part.matrix().column_range(0, some));
            for (index_t i = 0; i < m; ++i)
              for (index_t j = 0; j < some; ++j) REQUIRE(part.read()(i, j) == c.read()(i, j));
          });
    }
}

TEMPLATE_TEST_CASE("pack: columns behind the last one are zeros, up to whole registers", "[cpu]", float, double) {
  const index_t m = 7, n = 19, k = 5, more = cpu::whole_registers<TestType>(n);
  std::vector<TestType> memory(static_cast<std::size_t>(cpu::packed_size<TestType>(k, more)), TestType(99));
  Placed<TestType, HostSpace> a(random_matrix(m, k, 1), Layout::dense), b(random_matrix(n, k, 2), Layout::dense),
      c(unwritten(m, more), Layout::dense);
  cpu::gemm(a.matrix(), cpu::pack(cpu::transposed(b.matrix()), memory.data()).first_columns(more), c.matrix());
  const Matrix found = c.read();
  for (index_t i = 0; i < m; ++i)
    for (index_t j = n; j < more; ++j) CHECK(found(i, j) == 0);
}

TEMPLATE_TEST_CASE("gemm_bias: a bias and a rectifier on the way to C", "[cpu]", float, double) {
  for (const auto& [m, n, k] :
       {std::array<index_t, 3>{1, 1, 1}, {9, 64, 33}, {7, 130, 300}, {33, 50, 50}, {4, 16, 600}, {3, 5, 0}})
    for (const Layout layout : {Layout::dense, Layout::strided})
      for (const bool relu : {false, true})
        for (const bool has_bias : {false, true}) {
          CAPTURE(m, n, k, layout == Layout::strided, relu, has_bias);
          const Matrix a = random_matrix(m, k, 1), b = random_matrix(k, n, 2), bias = random_matrix(1, n, 3);
          Matrix expected = product_by_loops(a, b);
          for (index_t i = 0; i < m; ++i)
            for (index_t j = 0; j < n; ++j) {
              if (has_bias) expected(i, j) += bias(0, j);
              if (relu) expected(i, j) = std::max(expected(i, j), 0.0);
            }
          Placed<TestType, HostSpace> left(a, layout), right(b, layout), row(bias, Layout::dense),
              c(unwritten(m, n), layout);
          const VectorView<const TestType, HostSpace> view(has_bias ? row.matrix().data : nullptr, has_bias ? n : 0);
          cpu::gemm_bias(left.matrix(), right.matrix(), view, relu, c.matrix());
          CHECK(difference(c.read(), expected) <= Tolerance<TestType>::value);
        }
}

TEMPLATE_TEST_CASE("gemm: what is not a number stays one under a rectifier", "[cpu]", float, double) {
  for (const index_t n : {1, 64}) {
    Matrix a(1, 1, std::nan("")), b(1, n, 1);
    Placed<TestType, HostSpace> left(a, Layout::dense), right(b, Layout::dense), c(unwritten(1, n), Layout::dense);
    cpu::gemm_bias(left.matrix(), right.matrix(), VectorView<const TestType, HostSpace>{}, true, c.matrix());
    for (index_t j = 0; j < n; ++j) CHECK(std::isnan(c.read()(0, j)));
  }
}

namespace {

/// A matrix whose elements are numbers of bfloat16, so that products of them are exact.
Matrix in_bf16(Matrix m) {
  for (index_t i = 0; i < m.size(); ++i)
    m(i) = static_cast<double>(std::bit_cast<float>(cpu::bf16_bits(static_cast<float>(m(i)))));
  return m;
}

/// Pairs of neighbours in a row.
std::vector<cpu::Bf16Pair> rows_in_pairs(MatrixView<const float, HostSpace> m) {
  std::vector<cpu::Bf16Pair> pairs(static_cast<std::size_t>(m.rows() * cpu::bf16_pairs(m.columns())));
  for (index_t i = 0; i < m.rows(); ++i)
    cpu::pair_up(m.row(i), m.columns(), pairs.data() + i * cpu::bf16_pairs(m.columns()));
  return pairs;
}

/// Pairs of rows, element by element.
std::vector<cpu::Bf16Pair> columns_in_pairs(MatrixView<const float, HostSpace> m) {
  const std::vector<float> zeros(static_cast<std::size_t>(m.columns()));
  std::vector<cpu::Bf16Pair> pairs(static_cast<std::size_t>(cpu::bf16_pairs(m.rows()) * m.columns()));
  for (index_t i = 0; i < m.rows(); i += 2)
    cpu::pair_up(m.row(i), i + 1 < m.rows() ? m.row(i + 1) : zeros.data(), m.columns(),
                 pairs.data() + i / 2 * m.columns());
  return pairs;
}

}  // namespace

TEST_CASE("gemm in bfloat16: both forms of A and of B, written and added, against loops", "[cpu]") {
  for (const auto& size : {std::array<index_t, 3>{1, 1, 1},
                           {3, 4, 5},
                           {1, 50, 7},
                           {50, 1, 8},
                           {33, 17, 50},
                           {7, 130, 64},
                           {64, 64, 1},
                           {100, 37, 701}})
    for (const Layout layout : {Layout::dense, Layout::strided}) {
      const index_t m = size[0], n = size[1], k = size[2];
      CAPTURE(m, n, k, layout == Layout::strided);
      // Rounded once more they stay what they are: what is left is the order of sums.
      const Matrix a = in_bf16(random_matrix(m, k, 1)), b = in_bf16(random_matrix(k, n, 2));
      const Matrix expected = product_by_loops(a, b);
      using Operand = Placed<float, HostSpace>;
      Operand plain_a(a, layout), plain_b(b, layout), turned_a(flipped(a), layout), turned_b(flipped(b), layout);
      const auto along = rows_in_pairs(plain_a.matrix()), across = columns_in_pairs(turned_a.matrix());
      const index_t pairs = cpu::bf16_pairs(k);
      using Pairs = MatrixView<const cpu::Bf16Pair, HostSpace>;
      std::vector<cpu::Bf16Pair> memory(static_cast<std::size_t>(cpu::packed_size<cpu::Bf16Pair>(pairs, n)), 99);
      const auto check = [&](auto left, auto right) {
        Operand c(unwritten(m, n), layout);
        const auto packed = cpu::pack_bf16(right, memory.data());
        cpu::gemm(left, packed, c.matrix());
        CHECK(difference(c.read(), expected) <= Tolerance<float>::value);
        cpu::gemm(left, packed, c.matrix(), GradientMode::add);
        CHECK(difference(c.read(), sum(expected, expected)) <= Tolerance<float>::value);
      };
      check(Pairs(along.data(), m, pairs), plain_b.matrix());
      check(Pairs(along.data(), m, pairs), cpu::transposed(turned_b.matrix()));
      check(cpu::transposed(Pairs(across.data(), pairs, m)), plain_b.matrix());
      check(cpu::transposed(Pairs(across.data(), pairs, m)), cpu::transposed(turned_b.matrix()));
    }
}

TEST_CASE("gemm in bfloat16: as far off as rounding is", "[cpu]") {
  const Matrix a = random_matrix(20, 64, 1), b = random_matrix(64, 40, 2);
  Placed<float, HostSpace> of_a(a, Layout::dense), of_b(b, Layout::dense), c(unwritten(20, 40), Layout::dense);
  const auto pairs = rows_in_pairs(of_a.matrix());
  std::vector<cpu::Bf16Pair> memory(static_cast<std::size_t>(cpu::packed_size<cpu::Bf16Pair>(32, 40)));
  cpu::gemm(MatrixView<const cpu::Bf16Pair, HostSpace>(pairs.data(), 20, 32),
            cpu::pack_bf16(of_b.matrix(), memory.data()), c.matrix());
  const Matrix found = c.read(), expected = product_by_loops(a, b);
  double largest = 0;
  for (index_t i = 0; i < 20; ++i)
    for (index_t j = 0; j < 40; ++j) {
      double magnitudes = 0;
      for (index_t k = 0; k < 64; ++k) magnitudes += std::abs(a(i, k) * b(k, j));
      const double error = std::abs(found(i, j) - expected(i, j));
      largest = std::max(largest, error);
      REQUIRE(error <= 1.01 * 0x1p-7 * magnitudes);
    }
  CHECK(largest > 1e-4);  // it was bfloat16
}

TEST_CASE("gemm in bfloat16: an element has the same bits wherever it stands", "[cpu]") {
  const Matrix row = random_matrix(1, 75, 1), column = random_matrix(75, 1, 2);
  std::vector<float> results;
  for (const index_t m : {1, 2, 5, 6, 13, 40})
    for (const index_t n : {1, 15, 16, 40, 64, 130}) {
      Matrix a(m, 75), b(75, n);
      for (index_t i = 0; i < m; ++i)
        for (index_t k = 0; k < 75; ++k) a(i, k) = row(k);
      for (index_t k = 0; k < 75; ++k)
        for (index_t j = 0; j < n; ++j) b(k, j) = column(k);
      Placed<float, HostSpace> of_a(a, Layout::dense), of_b(b, Layout::dense), c(unwritten(m, n), Layout::dense);
      const auto pairs = rows_in_pairs(of_a.matrix());
      std::vector<cpu::Bf16Pair> memory(static_cast<std::size_t>(cpu::packed_size<cpu::Bf16Pair>(38, n)));
      cpu::gemm(MatrixView<const cpu::Bf16Pair, HostSpace>(pairs.data(), m, 38),
                cpu::pack_bf16(of_b.matrix(), memory.data()), c.matrix());
      const Matrix found = c.read();
      for (index_t i = 0; i < found.size(); ++i) REQUIRE(found(i) == found(0));
      results.push_back(static_cast<float>(found(0)));
    }
  for (const float result : results) CHECK(result == results.front());
}
