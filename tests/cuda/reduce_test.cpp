// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/reduce.cuh"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "cuda/device_support.hpp"
#include "seqrec/cuda/launch.cuh"

namespace {

using namespace seqrec_test;
using namespace seqrec::cuda;
using seqrec::index_t;

/// Five results a thread: what each thread sees of its warp's and its block's sum and maximum.
template <class T>
__global__ void reduce_all_ways(const T* x, T lowest, T* out) {
  const unsigned thread = threadIdx.x + blockDim.x * threadIdx.y;
  const unsigned threads = blockDim.x * blockDim.y;
  const T value = x[blockIdx.x * threads + thread];
  T* mine = out + 5 * (blockIdx.x * threads + thread);
  mine[0] = warp_sum(value);
  mine[1] = warp_max(value);
  mine[2] = block_sum(value);
  mine[3] = block_max(value, lowest);
  mine[4] = block_sum(value) + block_sum(-value);  // one straight after another, through the same shared memory
}

template <class T>
std::vector<T> reduced(const std::vector<T>& x, dim3 block) {
  const unsigned blocks = static_cast<unsigned>(x.size()) / (block.x * block.y);
  const auto device_x = to_device(x);
  return same_under_three_schedules([&] {
    DeviceVector<T> out(static_cast<index_t>(5 * x.size()));
    launch<reduce_all_ways<T>>(DefaultStream{}, {blocks, block}, device_x.view().data, std::numeric_limits<T>::lowest(),
                               out.view().data);
    return out.to_host();
  });
}

/// Thread t's values are 100 v + t; what every thread gets of their sums.
template <std::size_t Count>
__global__ void sum_several(int* out) {
  int values[Count];
  for (std::size_t v = 0; v < Count; ++v) values[v] = 100 * static_cast<int>(v) + static_cast<int>(threadIdx.x);
  out[threadIdx.x + blockDim.x * threadIdx.y] = warp_sums(values);
}

template <std::size_t Count>
bool sums_several_values() {
  const std::vector<int> sums = same_under_three_schedules([] {
    DeviceVector<int> out(64);
    launch<sum_several<Count>>(DefaultStream{}, {dim3(1), dim3(32, 2)}, out.view().data);
    return out.to_host();
  });
  bool right = true;
  for (int thread = 0; thread < 64; ++thread)
    right = right && sums[static_cast<std::size_t>(thread)] ==
                         32 * 100 * (thread % 32 / (32 / static_cast<int>(Count))) + 31 * 32 / 2;
  return right;
}

}  // namespace

TEST_CASE("several values a lane are summed at once, each for its share of the lanes", "[cuda]") {
  CHECK(sums_several_values<1>());
  CHECK(sums_several_values<2>());
  CHECK(sums_several_values<8>());
  CHECK(sums_several_values<32>());
}

TEMPLATE_TEST_CASE("sums and maxima of warps and blocks against loops", "[cuda]", float, double, int) {
  for (const dim3 block : {dim3(32), dim3(96), dim3(1024), dim3(32, 5), dim3(16, 4)}) {
    const std::size_t threads = block.x * block.y;
    CAPTURE(block.x, block.y);
    std::vector<TestType> x(2 * threads);
    for (std::size_t i = 0; i < x.size(); ++i)
      x[i] = static_cast<TestType>(static_cast<double>(i * 7919 % 1009) / 8 - 100);  // exact sums in every type
    const std::vector<TestType> out = reduced(x, block);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const auto expect = [&](std::size_t first, std::size_t count, std::size_t result) {
        TestType sum = 0, highest = x[first];
        for (std::size_t j = first; j < first + count; ++j) {
          sum += x[j];
          highest = x[j] > highest ? x[j] : highest;
        }
        wrong += out[5 * i + result] != sum || out[5 * i + result + 1] != highest;
      };
      expect(i / 32 * 32, 32, 0);
      expect(i / threads * threads, threads, 2);
      wrong += out[5 * i + 4] != 0;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("all threads see the same bits of a sum that rounds", "[cuda]") {
  std::vector<float> x(256);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<float>(i)) * 1e3f;
  const std::vector<float> out = reduced(x, 256);
  double sum = 0;
  for (const float value : x) sum += static_cast<double>(value);
  CHECK(out[2] == Approx(sum).margin(1e-2));
  for (std::size_t i = 0; i < x.size(); ++i) {
    REQUIRE(same_bits<float>({out[5 * i + 2]}, {out[2]}));
    REQUIRE(same_bits<float>({out[5 * i]}, {out[i / 32 * 32 * 5]}));
  }
}

TEST_CASE("a NaN is not lost in a maximum", "[cuda]") {
  for (const std::size_t where : {0u, 17u, 63u}) {
    std::vector<double> x(64, 1.0);
    x[where] = std::numeric_limits<double>::quiet_NaN();
    const std::vector<double> out = reduced(x, 64);
    for (std::size_t i = 0; i < 64; ++i) {
      CHECK(std::isnan(out[5 * i + 3]));
      CHECK(std::isnan(out[5 * i + 1]) == (i / 32 == where / 32));
    }
  }
}
