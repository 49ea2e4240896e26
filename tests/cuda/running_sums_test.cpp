// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/running_sums.cuh"

#include <vector>

#include "cuda/device_support.hpp"

namespace {

using namespace seqrec_test;
using namespace seqrec::cuda;
using seqrec::index_t;
using seqrec::offset_t;

/// In place: each element becomes the sum up to it, times 1000, plus its place in the history.
template <class T>
__global__ void sum_up(seqrec::VectorView<const offset_t, seqrec::DeviceSpace> offsets, index_t columns,
                       WalkOrder order, T* values) {
  running_sums<T>(
      offsets, columns, order, [&](index_t row, index_t, index_t column) { return values[row * columns + column]; },
      [&](index_t row, index_t place, index_t column, T sum) {
        values[row * columns + column] = 1000 * sum + static_cast<T>(place);
      });
}

}  // namespace

TEST_CASE("running sums of histories shorter and longer than what is read ahead, both ways", "[cuda]") {
  const std::vector<offset_t> offsets = {0, 0, 1, 9, 9, 18, 20};
  const auto on_device = to_device(offsets);
  for (const index_t columns : {1, 33})
    for (const WalkOrder order : {WalkOrder::forward, WalkOrder::backward}) {
      CAPTURE(columns, order == WalkOrder::forward);
      std::vector<double> values(static_cast<std::size_t>(20 * columns)), expected(values.size());
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i % 7);
      const auto at = [&](index_t row, index_t column) { return static_cast<std::size_t>(row * columns + column); };
      for (std::size_t b = 0; b + 1 < offsets.size(); ++b)
        for (index_t row = offsets[b]; row < offsets[b + 1]; ++row)
          for (index_t column = 0; column < columns; ++column) {
            double sum = 0;
            const bool forward = order == WalkOrder::forward;
            for (index_t other = forward ? offsets[b] : row; other < (forward ? row + 1 : offsets[b + 1]); ++other)
              sum += values[at(other, column)];
            expected[at(row, column)] = 1000 * sum + static_cast<double>(row - offsets[b]);
          }
      DeviceVector<double> result(20 * columns);
      result.copy_from_host(values.data());
      launch<sum_up<double>>(DefaultStream{}, running_sums_shape(on_device.view(), columns), on_device.view(), columns,
                             order, result.view().data);
      CHECK(result.to_host() == expected);
    }
}
