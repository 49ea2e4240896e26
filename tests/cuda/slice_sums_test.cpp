// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/slice_sums.cuh"

#include "cuda/device_support.hpp"
#include "support/backends.hpp"
#include "support/tensors.hpp"

using namespace seqrec_test;
using namespace seqrec::cuda;

TEMPLATE_TEST_CASE("sums of slices against loops, added to what was there", "[cuda]", float, double) {
  using DeviceContext = BasicContext<TestType>;
  for (const index_t slices : {0, 1, 5})
    for (const index_t rows : {1, 9})
      for (const index_t columns : {1, 33}) {
        CAPTURE(slices, rows, columns);
        const Matrix sums = random_matrix(slices * rows, columns, 1), before = random_matrix(rows, columns, 2);
        DeviceContext context;
        PlacedScalars<DeviceContext> placed_sums(sums, Layout::strided);
        PlacedMasters<DeviceContext> target(before, Layout::strided);
        add_slice_sums(context, placed_sums.matrix(), target.matrix());
        Matrix expected = before;
        for (index_t i = 0; i < sums.rows; ++i)
          for (index_t j = 0; j < columns; ++j) expected(i % rows, j) += sums(i, j);
        CHECK(difference(target.read(), expected) <= Tolerance<TestType>::value);
      }
}
