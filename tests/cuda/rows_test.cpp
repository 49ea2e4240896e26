// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/rows.cuh"

#include <vector>

#include "cuda/device_support.hpp"

namespace {

using namespace seqrec_test;
using namespace seqrec::cuda;
using seqrec::index_t;

/// Counts how often each element is visited, and by which lane.
template <class T>
__global__ void visit(T* visits, T* lanes, index_t rows, index_t columns) {
  const index_t row = row_of_warp();
  if (row >= rows) return;
  for_columns_of_lane(columns, [&](index_t column) {
    visits[row * columns + column] += 1;
    lanes[row * columns + column] = static_cast<T>(threadIdx.x);
  });
}

}  // namespace

TEST_CASE("every element of every row is visited once, by the lane of its column", "[cuda]") {
  for (const index_t rows : {0, 1, 7, 8, 9, 30}) {
    for (const index_t columns : {1, 31, 32, 33, 100}) {
      CAPTURE(rows, columns);
      DeviceVector<int> visits(rows * columns), lanes(rows * columns);
      launch<visit<int>>(DefaultStream{}, warp_per_row(rows), visits.view().data, lanes.view().data, rows, columns);
      CHECK(visits.to_host() == std::vector<int>(static_cast<std::size_t>(rows * columns), 1));
      const std::vector<int> seen = lanes.to_host();
      for (std::size_t i = 0; i < seen.size(); ++i)
        REQUIRE(seen[i] == static_cast<int>(i % static_cast<std::size_t>(columns) % 32));
    }
  }
}
