// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/upload.cuh"

#include <cstddef>
#include <numeric>
#include <vector>

#include "cuda/device_support.hpp"
#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/launch.cuh"

namespace {

using namespace seqrec;

/// target(i) = 2 source(i), so slowly that a copy which does not wait for it would be seen on a GPU.
template <class T>
__global__ void double_numbers(const T* source, T* target, index_t count) {
  for (index_t round = 0; round < count; ++round) target[threadIdx.x] = 2 * source[threadIdx.x];
}

}  // namespace

TEST_CASE("uploads reach their readers, one after another in the same place", "[cuda]") {
  constexpr index_t size = 64;
  constexpr int rounds = 5;
  const auto found = seqrec_test::same_under_three_schedules([&] {
    cuda::Context context;
    seqrec_test::DeviceVector<int> place(size), doubled(rounds * size);
    cuda::Upload upload;
    for (int round = 0; round < rounds; ++round) {  // none of which the host waits for
      std::vector<int> numbers(size);
      std::iota(numbers.begin(), numbers.end(), 100 * round);
      upload.begin(place.view().data, numbers.data(), size * sizeof(int));
      numbers.assign(size, -1);  // may change at once
      upload.wait(context.stream());
      cuda::launch<double_numbers<int>>(context, {1, size}, static_cast<const int*>(place.view().data),
                                        doubled.view().data + round * size, size);
      upload.release(context.stream());
    }
    context.synchronize();
    return doubled.to_host();
  });
  std::vector<int> expected;
  for (int round = 0; round < rounds; ++round)
    for (int i = 0; i < static_cast<int>(size); ++i) expected.push_back(2 * (100 * round + i));
  CHECK(found == expected);
}

TEST_CASE("an upload may be of any size, and of nothing", "[cuda]") {
  cuda::Context context;
  cuda::Upload upload;
  upload.wait(context.stream());  // for nothing
  for (const std::size_t size : {std::size_t{0}, std::size_t{3}, std::size_t{100'000}, std::size_t{5}}) {
    std::vector<unsigned char> bytes(size), back(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<unsigned char>(i % 251);
    seqrec_test::DeviceVector<unsigned char> place(static_cast<index_t>(size));
    upload.begin(place.view().data, bytes.data(), size);
    upload.wait(context.stream());
    context.copy_to_host(back.data(), place.view().data, static_cast<index_t>(size));
    CHECK(back == bytes);
  }
}
