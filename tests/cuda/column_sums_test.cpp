// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/column_sums.cuh"

#include "cuda/device_support.hpp"
#include "support/backends.hpp"
#include "support/tensors.hpp"

namespace {

using namespace seqrec_test;
using namespace seqrec::cuda;

/// A function of row and column that reads no matrix.
template <class Scalar>
struct RowTimesColumn {
  __device__ Scalar operator()(index_t row, index_t column) const { return static_cast<Scalar>(row * column); }
};

}  // namespace

TEMPLATE_TEST_CASE("column sums against loops, added to what was there", "[cuda]", float, double) {
  using DeviceContext = BasicContext<TestType>;
  for (const index_t rows : {0, 1, 5, 255, 256, 257, 700}) {
    for (const index_t columns : {1, 31, 33, 64}) {
      CAPTURE(rows, columns);
      const Matrix x = random_matrix(rows, columns, 1), before = random_matrix(1, columns, 2);
      PlacedScalars<DeviceContext> placed_x(x, Layout::strided);
      const Matrix sums = same_under_three_schedules([&] {
        DeviceContext context;
        PlacedMasters<DeviceContext> target(before, Layout::strided);
        add_column_sums(context, rows, MatrixValues<TestType>{placed_x.matrix()}, target.vector());
        return target.read();
      });
      Matrix expected = before;
      for (index_t i = 0; i < rows; ++i)
        for (index_t j = 0; j < columns; ++j) expected(j) += x(i, j);
      CHECK(difference(sums, expected) <= Tolerance<TestType>::gradient);
    }
  }
}

TEST_CASE("sums of more than two rounds of slices", "[cuda]") {
  const index_t rows = rows_per_slice * rows_per_slice + 3;
  BasicContext<double> context;
  PlacedMasters<BasicContext<double>> target(Matrix(1, 2), Layout::dense);
  add_column_sums(context, rows, RowTimesColumn<double>{}, target.vector());
  const Matrix sums = target.read();
  CHECK(sums(0) == 0);
  CHECK(sums(1) == static_cast<double>(rows * (rows - 1)) / 2);
}
