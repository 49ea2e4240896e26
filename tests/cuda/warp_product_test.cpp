// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/warp_product.cuh"

#include "cuda/device_support.hpp"
#include "cuda/terms_support.hpp"
#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/launch.cuh"
#include "support/catch.hpp"
#include "support/tensors.hpp"

namespace {

using namespace seqrec;
using namespace seqrec_test;

template <class Terms, class S = typename Terms::Sum>
__global__ void product_kernel(MatrixView<const S, DeviceSpace> left, MatrixView<const S, DeviceSpace> right,
                               MatrixView<S, DeviceSpace> y) {
  cuda::MmaSums<S> sums[2];
  cuda::add_tiles<Terms>(
      sums, static_cast<int>(left.columns()), [&](int row, int term) { return left(row, term); },
      [&](int term, int column) { return right(term, column); });
  for (int tile = 0; tile < 2; ++tile)
    for (int i = 0; i < 4; ++i)
      y(cuda::MmaSums<S>::row(i), tile * cuda::mma_columns + cuda::MmaSums<S>::column(i)) = sums[tile].values[i];
}

template <class Terms>
void check_product(index_t terms) {
  using S = typename Terms::Sum;
  const Matrix left = random_matrix(16, terms, 1), right = random_matrix(terms, 16, 2);
  Matrix expected(16, 16);
  for (index_t row = 0; row < 16; ++row)
    for (index_t column = 0; column < 16; ++column)
      for (index_t term = 0; term < terms; ++term)
        expected(row, column) += read_by<Terms>(left(row, term)) * read_by<Terms>(right(term, column));
  using Context = cuda::BasicContext<S>;
  PlacedScalars<Context> of_left(left, Layout::dense), of_right(right, Layout::dense);
  PlacedScalars<Context> y(unwritten(16, 16), Layout::dense);
  Context context;
  cuda::launch<product_kernel<Terms>>(context, {dim3(1), dim3(32)}, of_left.matrix(), of_right.matrix(), y.matrix());
  context.synchronize();
  CHECK(difference(y.read(), expected) <= (sizeof(S) == sizeof(float) ? 1e-5 : 1e-12));
}

}  // namespace

TEST_CASE("a warp's product of few terms, and of more than are summed at once", "[cuda]") {
  for (const index_t terms : {8, 24, 136}) {
    check_product<cuda::FloatTerms>(terms);
    check_product<cuda::Bf16Terms>(terms);
    check_product<cuda::DoubleTerms>(terms);
  }
}

TEST_CASE("terms and columns are rounded up to whole tiles", "[cuda]") {
  CHECK(cuda::whole_tiles(0) == 0);
  CHECK(cuda::whole_tiles(1) == 8);
  CHECK(cuda::whole_tiles(8) == 8);
  CHECK(cuda::whole_tiles(9) == 16);
}
