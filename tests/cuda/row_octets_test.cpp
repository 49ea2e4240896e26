// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/row_octets.cuh"

#include <array>

#include "cuda/device_support.hpp"
#include "seqrec/cuda/context.cuh"
#include "support/backends.hpp"
#include "support/tensors.hpp"

namespace {

using namespace seqrec;
using namespace seqrec_test;
using namespace seqrec::cuda;

/// target = (target +) source, and the sum of each row.
template <class S>
__global__ void copy_rows(MatrixView<const S, DeviceSpace> source, Gradient<BasicContext<S>> target,
                          VectorView<S, DeviceSpace> sums, int lanes, int alignment) {
  const OctetPlace at(lanes);
  const index_t row = at.first_row();
  S sum = 0;
  if (row < source.rows())
    for_octets_of_lane(at, source.columns(), [&](index_t column, int count) {
      const auto x = Octet<S>::load(source.row(row) + column, count, alignment);
      for (int i = 0; i < octet; ++i) sum += x[i];  // zeros behind the row's end
      x.leave(target, row, column, count, alignment);
    });
  sum = at.sum(sum);
  if (row < source.rows() && at.lane == 0) sums(row) = sum;
}

}  // namespace

TEMPLATE_TEST_CASE("rows pass through lanes that have eight columns each", "[cuda]", float, double) {
  for (const auto& [rows, columns] :
       {std::array<index_t, 2>{1, 1}, {0, 5}, {40, 8}, {3, 50}, {33, 64}, {9, 256}, {2, 300}, {2, 520}})
    for (const Layout layout : {Layout::dense, Layout::strided})
      for (const GradientMode mode : {GradientMode::write, GradientMode::add}) {
        CAPTURE(rows, columns, layout == Layout::strided, mode == GradientMode::add);
        const Matrix x = random_matrix(rows, columns, 1), before = random_matrix(rows, columns, 2);
        Placed<TestType, DeviceSpace> source(x, layout), target(before, layout);
        DeviceVector<TestType> sums(rows);
        const int alignment = row_alignment(source.matrix(), target.matrix());
        launch<copy_rows<TestType>>(DefaultStream{}, octet_shape(rows, columns), source.matrix(),
                                    Gradient<BasicContext<TestType>>{target.matrix(), mode}, sums.view(),
                                    octets_of_row(columns), alignment);
        CHECK(difference(target.read(), mode == GradientMode::add ? sum(before, x) : x) <= Tolerance<TestType>::value);
        const auto found = sums.to_host();
        for (index_t i = 0; i < rows; ++i) {
          double expected = 0;
          for (index_t j = 0; j < columns; ++j) expected += x(i, j);
          CHECK(std::abs(static_cast<double>(found[static_cast<std::size_t>(i)]) - expected) <=
                Tolerance<TestType>::value * static_cast<double>(columns));
        }
      }
}

TEST_CASE("lanes that share a row", "[cuda]") {
  CHECK(octets_of_row(0) == 1);
  CHECK(octets_of_row(8) == 1);
  CHECK(octets_of_row(9) == 2);
  CHECK(octets_of_row(50) == 8);
  CHECK(octets_of_row(64) == 8);
  CHECK(octets_of_row(256) == 32);
  CHECK(octets_of_row(1000) == 32);
  CHECK(octet_shape(33, 64).grid.x == 2);
  CHECK(octet_shape(0, 64).grid.x == 0);
}
