// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/dropout.cuh"

#include "cuda/device_support.hpp"
#include "seqrec/cuda/rows.cuh"
#include "support/masks.hpp"

namespace {

using namespace seqrec_test;
using namespace seqrec::cuda;

template <class Scalar>
__global__ void write_factors(DropoutFactors<Scalar> factors, index_t rows, index_t columns, Scalar* out) {
  const index_t row = row_of_warp();
  if (row >= rows) return;
  for_columns_of_lane(columns, [&](index_t column) { out[row * columns + column] = factors(row, column); });
}

template <class Scalar>
std::vector<Scalar> factors_of(const seqrec::Dropout& mask, index_t rows, index_t columns) {
  DeviceVector<Scalar> out(rows * columns);
  launch<write_factors<Scalar>>(DefaultStream{}, warp_per_row(rows), DropoutFactors<Scalar>(mask), rows, columns,
                                out.view().data);
  return out.to_host();
}

}  // namespace

TEMPLATE_TEST_CASE("the device draws the host's masks", "[cuda]", float, double) {
  for (const double probability : {0.0, 0.2, 0.5, 0.99}) {
    for (const index_t first_row : {0, 1, 100000}) {
      CAPTURE(probability, first_row);
      const seqrec::Dropout mask = mask_of(probability, first_row);
      const auto factors = factors_of<TestType>(mask, 21, 70);
      for (index_t row = 0; row < 21; ++row)
        for (index_t column = 0; column < 70; ++column)
          REQUIRE(factors[static_cast<std::size_t>(row * 70 + column)] ==
                  static_cast<TestType>(factor(mask, row, column)));
    }
  }
}
