// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/device.cuh"

#include <cstdint>
#include <numeric>
#include <vector>

#include "cuda/device_support.hpp"
#include "seqrec/cuda/check.cuh"

namespace {

using namespace seqrec_test;
using seqrec::cuda::shared_array;

/// Reverses each block's part of x, through both kinds of shared memory in turn.
template <class T>
__global__ void reverse_blocks(const T* x, T* y) {
  __shared__ shared_array<T, 128> fixed;
  T* dynamic = seqrec::cuda::dynamic_shared<T>();
  const unsigned thread = threadIdx.x, last = blockDim.x - 1;
  const unsigned first = blockIdx.x * blockDim.x;
  fixed[thread] = x[first + thread];
  __syncthreads();
  dynamic[last - thread] = fixed[thread];
  __syncthreads();
  y[first + thread] = dynamic[thread];
}

template <class T>
__global__ void transpose_tile(const T* x, T* y) {
  __shared__ shared_array<T[33], 32> tile;  // a column more than needed, so that no two lanes meet in one bank
  tile[threadIdx.y][threadIdx.x] = x[threadIdx.y * 32 + threadIdx.x];
  __syncthreads();
  y[threadIdx.y * 32 + threadIdx.x] = tile[threadIdx.x][threadIdx.y];
}

/// Whether dynamic shared memory begins on 16 bytes, beside an array of odd size.
template <class T>
__global__ void note_alignment(T* out) {
  __shared__ shared_array<char, 3> odd;
  odd[0] = 1;
  *out = static_cast<T>(reinterpret_cast<std::uintptr_t>(seqrec::cuda::dynamic_shared<T>()) % 16) + odd[0] - 1;
}

}  // namespace

TEMPLATE_TEST_CASE("shared memory, fixed and dynamic", "[cuda]", float, double, std::int32_t) {
  std::vector<TestType> x(3 * 128), expected(x.size());
  std::iota(x.begin(), x.end(), TestType{1});
  for (std::size_t i = 0; i < x.size(); ++i) expected[i] = x[i / 128 * 128 + 127 - i % 128];
  const auto device_x = to_device(x);
  const auto y = same_under_three_schedules([&] {
    DeviceVector<TestType> out(3 * 128);
    seqrec::cuda::device_launch<reverse_blocks<TestType>>(3, 128, 128 * sizeof(TestType), nullptr, device_x.view().data,
                                                          out.view().data);
    SEQREC_CUDA_CHECK(cudaGetLastError());
    return out.to_host();
  });
  CHECK(y == expected);
}

TEST_CASE("a shared array of rows", "[cuda]") {
  std::vector<float> x(32 * 32);
  std::iota(x.begin(), x.end(), 0.0f);
  const auto device_x = to_device(x);
  const auto y = same_under_three_schedules([&] {
    DeviceVector<float> out(32 * 32);
    seqrec::cuda::device_launch<transpose_tile<float>>(1, dim3(32, 32), 0, nullptr, device_x.view().data,
                                                       out.view().data);
    SEQREC_CUDA_CHECK(cudaGetLastError());
    return out.to_host();
  });
  for (std::size_t i = 0; i < 32; ++i)
    for (std::size_t j = 0; j < 32; ++j) REQUIRE(y[i * 32 + j] == x[j * 32 + i]);
}

TEST_CASE("dynamic shared memory is aligned to 16 bytes", "[cuda]") {
  DeviceVector<double> out(1);
  out.copy_from_host(std::vector<double>{-1}.data());
  seqrec::cuda::device_launch<note_alignment<double>>(1, 1, 24, nullptr, out.view().data);
  SEQREC_CUDA_CHECK(cudaGetLastError());
  CHECK(out.to_host()[0] == 0);
}
