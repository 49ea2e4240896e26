// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/weight_gradient.cuh"

#include <array>

#include "cuda/device_support.hpp"
#include "support/backends.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;
using namespace seqrec::cuda;

TEMPLATE_TEST_CASE("gradients of weights and bias against loops, added to what was there", "[cuda]", float, double) {
  using DeviceContext = BasicContext<TestType>;
  for (const auto& [rows, outputs, inputs] :
       {std::array<index_t, 3>{1, 1, 1}, {0, 3, 5}, {70, 8, 64}, {200, 72, 5}, {130, 7, 68}})
    for (const Layout layout : {Layout::dense, Layout::strided}) {
      CAPTURE(rows, outputs, inputs, layout == Layout::strided);
      const Matrix dy = random_matrix(rows, outputs, 1), x = random_matrix(rows, inputs, 2);
      const Matrix before = random_matrix(outputs, inputs, 3), bias_before = random_matrix(1, outputs, 4);
      Matrix dweight = before, dbias = bias_before;
      for (index_t r = 0; r < rows; ++r)
        for (index_t o = 0; o < outputs; ++o) {
          dbias(0, o) += dy(r, o);
          for (index_t i = 0; i < inputs; ++i) dweight(o, i) += dy(r, o) * x(r, i);
        }
      for (const bool with_bias : {true, false}) {
        const Matrix found = same_under_three_schedules([&] {
          DeviceContext context;
          PlacedScalars<DeviceContext> placed_dy(dy, layout), placed_x(x, layout);
          PlacedMasters<DeviceContext> weight(before, layout), bias(bias_before, layout);
          add_weight_gradient<TestType>(context, placed_dy.matrix(), placed_x.matrix(), weight.matrix(),
                                        with_bias ? bias.vector() : VectorView<TestType, DeviceSpace>{});
          CHECK(difference(bias.read(), with_bias ? dbias : bias_before) <= Tolerance<TestType>::gradient);
          return weight.read();
        });
        CHECK(difference(found, dweight) <= Tolerance<TestType>::gradient);
      }
    }
}

TEST_CASE("rows are cut into slices that fill a device and hold more than they leave", "[cuda]") {
  for (const auto& [rows, tiles] :
       {std::array<index_t, 2>{1, 1}, {64, 1}, {65, 1}, {13400, 1}, {13400, 8}, {1 << 20, 3}, {100, 1000}}) {
    CAPTURE(rows, tiles);
    const GradientSlices slices(rows, tiles);
    CHECK(slices.count * slices.rows_of_each >= rows);
    CHECK((slices.count - 1) * slices.rows_of_each < rows);
    CHECK(slices.rows_of_each % fewest_rows_of_slice == 0);
    CHECK(slices.count * tiles <= std::max(gradient_blocks_wanted, tiles));
  }
}
