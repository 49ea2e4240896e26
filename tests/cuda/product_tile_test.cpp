// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/product_tile.cuh"

#include <cmath>

#include "cuda/device_support.hpp"
#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/launch.cuh"
#include "support/backends.hpp"
#include "support/tensors.hpp"

namespace {

using namespace seqrec;
using namespace seqrec_test;
using namespace seqrec::cuda;

/// out = left right', one block for as much of it as a tile holds.
template <class S, int Rows, int Columns>
__global__ void multiply_kernel(MatrixView<const S, DeviceSpace> left, MatrixView<const S, DeviceSpace> right,
                                MatrixView<S, DeviceSpace> out) {
  using Tile = ProductTile<S, Rows, Columns>;
  Tile tile;
  tile.multiply(
      left.columns(),
      [&](index_t input) { return [&, input](int i) { return i < left.rows() ? left(i, input) : S{0}; }; },
      [&](index_t input) { return [&, input](int j) { return j < right.rows() ? right(j, input) : S{0}; }; });
  for (int i = 0; i < Tile::of_thread; ++i)
    for (int j = 0; j < Tile::of_thread; ++j)
      if (tile.row(i) < out.rows() && tile.column(j) < out.columns()) out(tile.row(i), tile.column(j)) = tile.sum(i, j);
}

template <int Rows, int Columns>
void check_products() {
  for (const index_t inputs : {0, 1, 15, 16, 37})
    for (const auto& size : {std::pair<index_t, index_t>{Rows, Columns}, {Rows - 3, Columns - 1}, {1, 1}}) {
      const index_t rows = size.first, columns = size.second;
      CAPTURE(inputs, rows, columns);
      const Matrix left = random_matrix(rows, inputs, 1), right = random_matrix(columns, inputs, 2);
      const Matrix found = same_under_three_schedules([&] {
        Placed<double, DeviceSpace> a(left, Layout::strided), b(right, Layout::strided),
            out(unwritten(rows, columns), Layout::strided);
        launch<multiply_kernel<double, Rows, Columns>>(DefaultStream{},
                                                       {dim3(1), dim3(ProductTile<double, Rows, Columns>::threads)},
                                                       a.matrix(), b.matrix(), out.matrix());
        return out.read();
      });
      Matrix expected(rows, columns);
      for (index_t i = 0; i < rows; ++i)
        for (index_t j = 0; j < columns; ++j)
          for (index_t k = 0; k < inputs; ++k) expected(i, j) = std::fma(left(i, k), right(j, k), expected(i, j));
      CHECK(same_bits(found, expected));
    }
}

}  // namespace

TEST_CASE("tiles of products are fused multiply-adds in order, wherever they end", "[cuda]") {
  check_products<64, 64>();
  check_products<64, 32>();
}
