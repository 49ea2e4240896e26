// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/launch.cuh"

#include <string>
#include <vector>

#include "cuda/device_support.hpp"

namespace {

using namespace seqrec_test;
using seqrec::ArgumentError;
using seqrec::CudaError;
using seqrec::index_t;
using seqrec::cuda::blocks_across;
using seqrec::cuda::blocks_for;
using seqrec::cuda::dispatch_at_least;
using seqrec::cuda::launch;

template <class T, int Factor>
__global__ void scale_all(const T* x, T* y, index_t count) {
  const index_t i = static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < count) y[i] = static_cast<T>(Factor) * x[i];
}

/// Fills all the dynamic shared memory it is told of, and adds it up.
template <class T>
__global__ void sum_of_shared(T* total, int count) {
  T* cells = seqrec::cuda::dynamic_shared<T>();
  for (int i = static_cast<int>(threadIdx.x); i < count; i += static_cast<int>(blockDim.x)) cells[i] = 1;
  __syncthreads();
  if (threadIdx.x != 0) return;
  T sum = 0;
  for (int i = 0; i < count; ++i) sum += cells[i];
  *total = sum;
}

}  // namespace

TEST_CASE("a kernel is launched over any number of elements", "[cuda]") {
  for (const index_t count : {0, 1, 255, 256, 257, 1000}) {
    std::vector<float> x(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i) + 0.5f;
    const auto device_x = to_device(x);
    const auto y = same_under_three_schedules([&] {
      DeviceVector<float> out(count);
      launch<scale_all<float, 3>>(DefaultStream{}, {blocks_for(count, 256), 256}, device_x.view().data, out.view().data,
                                  count);
      return out.to_host();
    });
    for (float& value : x) value *= 3;
    CHECK(y == x);
  }
}

TEST_CASE("the number of blocks", "[cuda]") {
  CHECK(blocks_for(0, 32) == 0);
  CHECK(blocks_for(1, 32) == 1);
  CHECK(blocks_for(32, 32) == 1);
  CHECK(blocks_for(33, 32) == 2);
  CHECK_THAT(message_of<ArgumentError>([] { blocks_for(index_t{1} << 40, 32); }),
             ContainsSubstring("blocks of a launch is 34359738368, expected at most 2^31 - 1"));
}

TEST_CASE("the number of blocks across", "[cuda]") {
  CHECK(blocks_across("columns", 0, 32) == 0);
  CHECK(blocks_across("columns", 33, 32) == 2);
  CHECK(blocks_across("columns", 65535 * 32, 32) == 65535);
  CHECK(message_of<ArgumentError>([] { blocks_across("columns", 65535 * 32 + 1, 32); }) ==
        "columns is 2097121, expected at most 2097120");
}

TEST_CASE("a launch that is refused says which and where", "[cuda]") {
  DeviceVector<float> out(1);
  const auto too_many_threads = [&] {
    launch<scale_all<float, 3>>(DefaultStream{}, {1, 2048}, static_cast<const float*>(out.view().data), out.view().data,
                                index_t{1});
  };
  // Of a configuration, or of a value: drivers differ.
  CHECK_THAT(message_of<CudaError>(too_many_threads),
             ContainsSubstring("launch.cuh:") && ContainsSubstring("cudaErrorInvalid"));
  CHECK(cudaGetLastError() == cudaSuccess);
}

TEST_CASE("more than 48 KiB of shared memory", "[cuda]") {
  DeviceVector<int> out(1);
  const int count = 20000;
  launch<sum_of_shared<int>>(DefaultStream{}, {1, 64, count * sizeof(int)}, out.view().data, count);
  CHECK(out.to_host()[0] == count);
  CHECK_THROWS_AS(launch<sum_of_shared<int>>(DefaultStream{}, {1, 64, std::size_t{1} << 20}, out.view().data, count),
                  CudaError);
}

TEST_CASE("a run-time number becomes the smallest template constant that is not below it", "[cuda]") {
  const auto chosen = [](index_t value) {
    int choice = 0, calls = 0;
    dispatch_at_least<1, 2, 8>("width", value, [&]<int Width>() {
      choice = Width;
      ++calls;
    });
    CHECK(calls == 1);
    return choice;
  };
  CHECK(chosen(0) == 1);
  CHECK(chosen(1) == 1);
  CHECK(chosen(2) == 2);
  CHECK(chosen(3) == 8);
  CHECK(chosen(8) == 8);
  CHECK_THAT(message_of<ArgumentError>([&] { chosen(9); }), ContainsSubstring("width is 9, expected at most 8"));
}

TEST_CASE("a dispatched kernel is the one of its width", "[cuda]") {
  const auto x = to_device(std::vector<double>{1, 2, 3});
  DeviceVector<double> y(3);
  dispatch_at_least<2, 5>("factor", 4, [&]<int Factor>() {
    launch<scale_all<double, Factor>>(DefaultStream{}, {1, 32}, x.view().data, y.view().data, index_t{3});
  });
  CHECK(y.to_host() == std::vector<double>{5, 10, 15});
}
