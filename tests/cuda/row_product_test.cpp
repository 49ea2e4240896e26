// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/row_product.cuh"

#include <array>

#include "cuda/device_support.hpp"
#include "support/backends.hpp"
#include "support/tensors.hpp"

namespace {

using namespace seqrec;
using namespace seqrec_test;
using namespace seqrec::cuda;

template <class S, class Mma, RightRows right_rows>
__global__ void product_kernel(typename RowProduct<S, Mma, right_rows>::Operands operands, ProductBlocks blocks,
                               MatrixView<S, DeviceSpace> result, bool in_pairs) {
  using Product = RowProduct<S, Mma, right_rows>;
  const index_t first_row = blocks.row(blockIdx.x), first_column = blocks.column(blockIdx.x);
  Product product;
  product.multiply(operands, first_row, first_column, dynamic_shared<S>());
  product.for_pairs([&](const auto* sums, int half, int tile) {
    const index_t row = first_row + Product::row_in_block(half);
    const int column = Product::column_in_block(tile);
    if (row < result.rows())
      store_pair(result.row(row) + first_column + column, {static_cast<S>(sums[0]), static_cast<S>(sums[1])},
                 product_columns_of(result.columns() - first_column) - column, in_pairs);
  });
}

template <class S, class Mma, RightRows right_rows>
Matrix product(const Matrix& left, const Matrix& right, Layout layout) {
  const index_t columns = right_rows == RightRows::columns ? right.rows : right.columns;
  return same_under_three_schedules([&] {
    Placed<S, DeviceSpace> a(left, layout), b(right, layout), out(unwritten(left.rows, columns), layout);
    const ProductBlocks blocks(left.rows, columns);
    using Product = RowProduct<S, Mma, right_rows>;
    launch<product_kernel<S, Mma, right_rows>>(
        DefaultStream{}, {dim3(static_cast<unsigned>(blocks.count())), dim3(product_threads), Product::shared_bytes},
        typename Product::Operands(a.matrix(), b.matrix()), blocks, out.matrix(), is_in_pairs(out.matrix()));
    return out.read();
  });
}

/// Rows and columns that end within a tile, at its end, and behind it; terms that are none, few, and more than lie in
/// shared memory at once; rows that begin at multiples of 16 bytes, and that do not.
constexpr std::array<std::array<index_t, 3>, 6> sizes = {
    {{1, 1, 1}, {64, 64, 64}, {65, 72, 68}, {3, 5, 0}, {33, 50, 37}, {2, 8, 132}}};

template <class S>
void check_products() {
  using Mma = MmaOf<S>;
  for (const auto& [rows, columns, terms] : sizes)
    for (const Layout layout : {Layout::dense, Layout::strided}) {
      CAPTURE(rows, columns, terms, layout == Layout::strided);
      const Matrix left = random_matrix(rows, terms, 1), weight = random_matrix(columns, terms, 2);
      const Matrix expected = product_by_loops(left, flipped(weight));
      CHECK(difference(product<S, Mma, RightRows::columns>(left, weight, layout), expected) <= Tolerance<S>::gradient);
      CHECK(difference(product<S, Mma, RightRows::terms>(left, flipped(weight), layout), expected) <=
            Tolerance<S>::gradient);
    }
}

}  // namespace

TEST_CASE("products of rows with a weight against loops, however the weight lies", "[cuda]") {
  check_products<float>();
  check_products<double>();
}

TEST_CASE("a row's product has the same bits whatever other rows there are", "[cuda]") {
  const Matrix left = random_matrix(70, 37, 1), weight = random_matrix(9, 37, 2);
  Matrix last(1, 37);
  for (index_t k = 0; k < 37; ++k) last(0, k) = left(69, k);
  const Matrix all = product<float, MmaFloat, RightRows::columns>(left, weight, Layout::dense);
  const Matrix alone = product<float, MmaFloat, RightRows::columns>(last, weight, Layout::dense);
  for (index_t j = 0; j < 9; ++j) CHECK(all(69, j) == alone(0, j));
}
