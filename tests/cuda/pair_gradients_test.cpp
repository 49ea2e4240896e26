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

/// Of entry i: 1000 i + column; 10 i + unit.
struct Numbers {
  static constexpr int together = 2;
  struct Read {
    index_t i;
    int first, columns, units;
    __device__ void add_to(cuda::Octet<double>& of_columns, cuda::Octet<double>& of_units) const {
      for (int k = 0; k < columns; ++k) of_columns[k] += static_cast<double>(1000 * i + first + k);
      for (int k = 0; k < units; ++k) of_units[k] += static_cast<double>(10 * i + first + k);
    }
  };
  index_t i;
  __device__ Read load(int first, int columns, int units) const { return {i, first, columns, units}; }
};

/// Each group of lanes has rows of its own, or all have the first.
__global__ void sums_kernel(MatrixView<double, DeviceSpace> columns, MatrixView<double, DeviceSpace> units,
                            index_t entries, bool is_shared, cuda::EntryLanes lanes) {
  const index_t row = is_shared ? 0 : lanes.group();
  cuda::sum_entries<double>(
      lanes, columns.columns(), units.columns(), entries, is_shared, [](index_t i) { return Numbers{i}; },
      [&](int first, int count, const auto& sum) { sum.store(columns.row(row) + first, count, 8); },
      [&](int first, int count, const auto& sum) { sum.store(units.row(row) + first, count, 8); });
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
  for (const int of_group : {1, 8, 32})
    for (const bool is_shared : {false, true})
      for (const index_t entries : {0, 1, 3, 70})
        for (const auto& [columns, units] : {std::pair<index_t, index_t>{517, 3}, {3, 257}, {0, 1}}) {
          CAPTURE(of_group, is_shared, entries, columns, units);
          const index_t rows = is_shared ? 1 : cuda::warp_size / of_group;
          DeviceVector<double> of_columns(rows * columns), of_units(rows * units);
          const MatrixView<double, DeviceSpace> to_columns(of_columns.view().data, rows, columns),
              to_units(of_units.view().data, rows, units);
          cuda::launch<sums_kernel>(DefaultStream{}, {dim3(1), dim3(32)}, to_columns, to_units, entries, is_shared,
                                    cuda::EntryLanes{of_group, 8});
          const index_t numbers = entries * (entries - 1) / 2;
          std::vector<double> expected, expected_units;
          for (index_t row = 0; row < rows; ++row) {
            for (index_t i = 0; i < columns; ++i) expected.push_back(static_cast<double>(1000 * numbers + entries * i));
            for (index_t i = 0; i < units; ++i)
              expected_units.push_back(static_cast<double>(10 * numbers + entries * i));
          }
          CHECK(of_columns.to_host() == expected);
          CHECK(of_units.to_host() == expected_units);
        }
}
