// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/pair_gradients.cuh"

#include <utility>
#include <vector>

#include "cuda/device_support.hpp"
#include "seqrec/cuda/launch.cuh"

namespace {

using namespace seqrec;
using namespace seqrec_test;

__global__ void behind_kernel(cuda::PairTable pairs, VectorView<index_t, DeviceSpace> behind) {
  const index_t key = threadIdx.x;
  behind(key) = cuda::first_that(1, pairs.first_key.size() - 1, [&](index_t c) { return pairs.first_key(c) > key; });
}

/// Of entry i: 1000 i + column, and a hundred a head; 10 i + unit.
struct Numbers {
  index_t i;
  __device__ double column(int column, int head) const { return static_cast<double>(1000 * i + column + 100 * head); }
  __device__ double unit(int unit) const { return static_cast<double>(10 * i + unit); }
};

__global__ void sums_kernel(VectorView<double, DeviceSpace> columns, VectorView<double, DeviceSpace> units,
                            index_t entries) {
  cuda::sum_entries<double>(
      columns.size(), units.size(), entries, [](int column) { return column / 7; },
      [](index_t i) { return Numbers{i}; }, [&](int column, double sum) { columns(column) = sum; },
      [&](int unit, double sum) { units(unit) = sum; });
}

}  // namespace

TEST_CASE("the first candidate whose window begins behind a key, of some that follow one another", "[cuda]") {
  const std::vector<offset_t> first_keys = {9, 2, 2, 5, 6, 0};  // the first and the last are somebody else's
  auto keys = to_device(first_keys);
  DeviceVector<index_t> behind(9);
  cuda::PairTable pairs;
  pairs.first_key = keys.view();
  cuda::launch<behind_kernel>(DefaultStream{}, {dim3(1), dim3(9)}, pairs, behind.view());
  CHECK(behind.to_host() == std::vector<index_t>{1, 1, 3, 3, 3, 4, 5, 5, 5});
}

TEST_CASE("a warp sums entries in more columns or units than it takes at once, and nothing where there are none",
          "[cuda]") {
  constexpr index_t at_once = cuda::gradient_columns_at_once * cuda::warp_size;
  for (const index_t entries : {0, 1, 3})
    for (const auto& [columns, units] : {std::pair<index_t, index_t>{2 * at_once + 5, 3}, {3, at_once + 1}, {0, 1}}) {
      DeviceVector<double> of_columns(columns), of_units(units);
      cuda::launch<sums_kernel>(DefaultStream{}, {dim3(1), dim3(32)}, of_columns.view(), of_units.view(), entries);
      const index_t numbers = entries * (entries - 1) / 2;
      std::vector<double> expected, expected_units;
      for (index_t i = 0; i < columns; ++i) {
        const index_t sum = 1000 * numbers + entries * (i + i / 7 * 100);
        expected.push_back(static_cast<double>(sum));
      }
      for (index_t i = 0; i < units; ++i) expected_units.push_back(static_cast<double>(10 * numbers + entries * i));
      CHECK(of_columns.to_host() == expected);
      CHECK(of_units.to_host() == expected_units);
    }
}
