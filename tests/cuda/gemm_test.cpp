// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/gemm.cuh"

#include <array>
#include <cmath>
#include <type_traits>

#include "cuda/device_support.hpp"
#include "support/backends.hpp"
#include "support/tensors.hpp"

using namespace seqrec_test;
using namespace seqrec::cuda;
using seqrec::ArgumentError;
using seqrec::GradientMode;
using seqrec::ShapeError;

TEMPLATE_TEST_CASE("products of row-major matrices against loops", "[cuda]", float, double) {
  using DeviceContext = BasicContext<TestType>;
  DeviceContext context;
  for (const auto& [m, n, k] :
       {std::array<index_t, 3>{1, 1, 1}, {3, 5, 7}, {33, 1, 50}, {2, 64, 3}, {4, 3, 0}, {0, 3, 4}, {4, 0, 3}}) {
    for (const bool flip_a : {false, true}) {
      for (const bool flip_b : {false, true}) {
        for (const Layout layout : {Layout::dense, Layout::strided}) {
          for (const GradientMode mode : {GradientMode::write, GradientMode::add}) {
            const bool adds = mode == GradientMode::add;
            CAPTURE(m, n, k, flip_a, flip_b, layout == Layout::strided, adds);
            const Matrix a = random_matrix(m, k, 1), b = random_matrix(k, n, 2), before = random_matrix(m, n, 3);
            PlacedScalars<DeviceContext> left(flip_a ? flipped(a) : a, layout), right(flip_b ? flipped(b) : b, layout);
            PlacedScalars<DeviceContext> result(adds ? before : unwritten(m, n), layout);
            if (flip_a && flip_b)
              gemm(context, transposed(left.matrix()), transposed(right.matrix()), result.matrix(), mode);
            else if (flip_a)
              gemm(context, transposed(left.matrix()), right.matrix(), result.matrix(), mode);
            else if (flip_b)
              gemm(context, left.matrix(), transposed(right.matrix()), result.matrix(), mode);
            else
              gemm(context, left.matrix(), right.matrix(), result.matrix(), mode);
            const Matrix product = product_by_loops(a, b);
            CHECK(difference(result.read(), adds ? sum(before, product) : product) <= Tolerance<TestType>::value);
          }
        }
      }
    }
  }
}

TEST_CASE("a product that does not fit says where", "[cuda]") {
  Context context;
  const auto a = context.matrix(2, 3), b = context.matrix(3, 4), c = context.matrix(2, 4);
  context.clear(a.data, a.size());
  context.clear(b.data, b.size());
  CHECK_NOTHROW(gemm(context, a, b, c));
  CHECK(message_of<ShapeError>([&] { gemm(context, a, transposed(b), c); }) ==
        "matrix product: rows of the right operand is 4, expected 3");
  CHECK(message_of<ShapeError>([&] { gemm(context, a, b, context.matrix(3, 4)); }) ==
        "matrix product: rows of the result is 3, expected 2");
  CHECK(message_of<ShapeError>([&] { gemm(context, a, b, context.matrix(2, 3)); }) ==
        "matrix product: columns of the result is 3, expected 4");
}

TEST_CASE("a stride that cuBLAS cannot hold is refused", "[cuda]") {
  Context context;
  auto a = context.matrix(1, 3);
  a.stride = index_t{1} << 33;
  CHECK_THAT(message_of<ArgumentError>([&] { gemm(context, a, context.matrix(3, 4), context.matrix(1, 4)); }),
             ContainsSubstring("extent of a matrix product is 8589934592, expected at most 2^31 - 1"));
}

TEMPLATE_TEST_CASE("products in TF32 are as exact as they are said to be", "[cuda]", float, double) {
  using DeviceContext = BasicContext<TestType>;
  constexpr bool rounds = std::is_same_v<TestType, float>;
  DeviceContext context;
  const index_t m = 5, n = 7, k = 40;
  const Matrix a = random_matrix(m, k, 1), b = random_matrix(k, n, 2), exact = product_by_loops(a, b);
  PlacedScalars<DeviceContext> left(a, Layout::dense), right(b, Layout::dense), result(unwritten(m, n), Layout::dense);
  const auto product = [&](seqrec::ProductPrecision precision) {
    context.set_products(precision);
    gemm(context, left.matrix(), right.matrix(), result.matrix());
    return result.read();
  };
  const Matrix full = product(seqrec::ProductPrecision::full), rounded = product(seqrec::ProductPrecision::tf32);
  CHECK(difference(full, exact) <= Tolerance<TestType>::value);
  CHECK(same_bits(product(seqrec::ProductPrecision::full), full));
  CHECK(same_bits(rounded, full) == !rounds);
  for (index_t i = 0; rounds && i < m; ++i)
    for (index_t j = 0; j < n; ++j) {
      double sum = 0;
      for (index_t l = 0; l < k; ++l) sum += std::abs(a(i, l) * b(l, j));
      CHECK(std::abs(rounded(i, j) - exact(i, j)) <= std::ldexp(sum, -9));
    }
}
