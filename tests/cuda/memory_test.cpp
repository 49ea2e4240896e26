// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/memory.cuh"

#include <string>
#include <utility>
#include <vector>

#include "cuda/device_support.hpp"
#include "seqrec/core/arena.hpp"
#include "seqrec/core/tensor.hpp"

namespace {

using namespace seqrec;
using DeviceMemory = Memory<DeviceSpace>;

}  // namespace

TEST_CASE("device memory is cleared, copied there and back", "[cuda]") {
  std::vector<int> numbers{1, 2, 3, 4, 5}, back(5);
  int* memory = static_cast<int*>(DeviceMemory::allocate(5 * sizeof(int)));
  DeviceMemory::copy_from_host(memory, numbers.data(), 5 * sizeof(int));
  DeviceMemory::clear(memory + 1, 2 * sizeof(int));
  DeviceMemory::copy_to_host(back.data(), memory, 5 * sizeof(int));
  CHECK(back == std::vector<int>{1, 0, 0, 4, 5});
  DeviceMemory::release(memory, 5 * sizeof(int));
}

TEST_CASE("nothing is copied or cleared where there is nothing", "[cuda]") {
  CHECK_NOTHROW(DeviceMemory::copy_from_host(nullptr, nullptr, 0));
  CHECK_NOTHROW(DeviceMemory::copy_to_host(nullptr, nullptr, 0));
  CHECK_NOTHROW(DeviceMemory::clear(nullptr, 0));
  CHECK_NOTHROW(DeviceMemory::release(nullptr, 0));
}

TEST_CASE("device memory that is not to be had", "[cuda]") {
  const auto message_of_much = [] {
    return seqrec_test::message_of<DeviceMemoryError>([] { DeviceMemory::allocate(std::size_t{1} << 50); });
  };
  CHECK_THAT(message_of_much(), ContainsSubstring("cudaMalloc failed at ") && ContainsSubstring("memory.cuh:") &&
                                    ContainsSubstring("(out of memory): 1125899906842624 bytes are asked for, "));
  CHECK(cudaGetLastError() == cudaSuccess);
  const std::size_t before = DeviceMemory::held();
  {
    const Tensor<double, 1, DeviceSpace> tensor(1000);
    Arena<DeviceSpace> arena;
    arena.allocate<char>(100'000);
    CHECK(DeviceMemory::held() == before + 8000 + arena.capacity());
    CHECK_THAT(message_of_much(), ContainsSubstring(concatenate(", and ", DeviceMemory::held(), " are held by this")));
  }
  CHECK(DeviceMemory::held() == before);
}

namespace {

__global__ void fill(float* memory, index_t count, float value) {
  for (index_t i = 0; i < count; ++i) memory[i] = value;
}

/// Steps of growing size: what each has left is read before its memory goes back.
void check_steps_in_a_stream() {
  cudaStream_t stream = nullptr;
  SEQREC_CUDA_CHECK(cudaStreamCreate(&stream));
  const std::size_t before = DeviceMemory::held();
  {
    Arena<DeviceSpace> arena;
    arena.use_stream(stream);
    for (const index_t count : {20'000, 100, 90'000}) {
      std::vector<float> back(3);
      for (int block = 0; block < 3; ++block) {  // more than the arena holds at first
        float* const memory = arena.allocate<float>(count);
        cuda::device_launch<fill>(dim3(1), dim3(1), 0, stream, memory, count, static_cast<float>(block + 1));
        DeviceMemory::copy_to_host(&back[static_cast<std::size_t>(block)], memory + count - 1, sizeof(float), stream);
      }
      CHECK(back == std::vector<float>{1, 2, 3});
      arena.reset();
      CHECK(DeviceMemory::held() == before + arena.capacity());
    }
  }
  CHECK(DeviceMemory::held() == before);
  SEQREC_CUDA_CHECK(cudaStreamDestroy(stream));
}

}  // namespace

TEST_CASE("an arena of one order of work grows and shrinks in it", "[cuda]") { check_steps_in_a_stream(); }

TEST_CASE("memory in a stream that is not to be had", "[cuda]") {
  const auto message =
      seqrec_test::message_of<DeviceMemoryError>([] { DeviceMemory::allocate(std::size_t{1} << 50, nullptr); });
  CHECK_THAT(message, ContainsSubstring("cudaMallocAsync failed at ") && ContainsSubstring("memory.cuh:") &&
                          ContainsSubstring("(out of memory): 1125899906842624 bytes are asked for, "));
  CHECK(cudaGetLastError() == cudaSuccess);
}

TEST_CASE("a device tensor starts with zeros, and moves", "[cuda]") {
  Tensor<float, 2, DeviceSpace> tensor(3, 4);
  CHECK(tensor.to_host() == std::vector<float>(12, 0.0f));
  std::vector<float> values(12);
  for (std::size_t i = 0; i < 12; ++i) values[i] = static_cast<float>(i);
  tensor.copy_from_host(values.data());
  const float* data = tensor.view().data;
  const Tensor<float, 2, DeviceSpace> moved = std::move(tensor);
  CHECK(moved.view().data == data);
  CHECK(moved.to_host() == values);
  CHECK(Tensor<double, 1, DeviceSpace>(0).to_host().empty());
}

TEST_CASE("an arena on the device hands out aligned memory, and again after a reset", "[cuda]") {
  Arena<DeviceSpace> arena;
  const std::vector<double> numbers{1.5, 2.5, 3.5};
  for (int round = 0; round < 2; ++round) {
    arena.allocate<char>(1);
    double* memory = arena.allocate<double>(3);
    CHECK(reinterpret_cast<std::uintptr_t>(memory) % memory_alignment == 0);
    DeviceMemory::copy_from_host(memory, numbers.data(), 3 * sizeof(double));
    std::vector<double> back(3);
    DeviceMemory::copy_to_host(back.data(), memory, 3 * sizeof(double));
    CHECK(back == numbers);
    arena.reset();
  }
}
