// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/pair_gradients.cuh"

#include <vector>

#include "cuda/device_support.hpp"
#include "seqrec/cuda/launch.cuh"

namespace {

using namespace seqrec;
using namespace seqrec_test;

__global__ void behind_kernel(cuda::PairTable pairs, VectorView<index_t, DeviceSpace> behind) {
  const index_t key = threadIdx.x;
  behind(key) = cuda::first_behind(pairs, 1, pairs.first_key.size() - 1, key);
}

template <class S>
__global__ void sums_kernel(VectorView<S, DeviceSpace> sums, index_t entries) {
  cuda::sum_entries<S>(
      sums.size(), entries,
      [](index_t entry) { return [entry](index_t column) { return static_cast<S>(entry * 1000 + column); }; },
      [&](index_t column, S sum) { sums(column) = sum; });
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

TEST_CASE("a warp sums entries in more columns than it takes at once, and nothing where there are none", "[cuda]") {
  constexpr index_t columns = 2 * cuda::gradient_columns_at_once * cuda::warp_size + 5;
  for (const index_t entries : {0, 1, 3}) {
    DeviceVector<double> sums(columns);
    cuda::launch<sums_kernel<double>>(DefaultStream{}, {dim3(1), dim3(32)}, sums.view(), entries);
    std::vector<double> expected;
    for (index_t column = 0; column < columns; ++column)
      expected.push_back(static_cast<double>(entries * (entries - 1) * 500 + entries * column));
    CHECK(sums.to_host() == expected);
  }
}
