// SPDX-License-Identifier: Apache-2.0
// The emulated CUDA runtime: what it does, and what it refuses as the real one would.
#include <cstdint>
#include <string>
#include <vector>

#include "seqrec/core/arena.hpp"
#include "seqrec/cuda/launch.cuh"
#include "seqrec/cuda/memory.cuh"
#include "support/catch.hpp"

namespace {

template <class T>
__global__ void touch_shared(T* out) {
  T* shared = seqrec::cuda::dynamic_shared<T>();
  shared[0] = 7;
  *out = shared[0];
}

/// Device memory for the length of a test.
struct Allocation {
  explicit Allocation(std::size_t bytes) { CHECK(cudaMalloc(&memory, bytes) == cudaSuccess); }
  Allocation(const Allocation&) = delete;
  Allocation& operator=(const Allocation&) = delete;
  ~Allocation() { CHECK(cudaFree(memory) == cudaSuccess); }
  unsigned char* memory = nullptr;
};

}  // namespace

TEST_CASE("device memory is aligned, undefined at first, set and copied", "[emulator]") {
  const Allocation device(100);
  CHECK(reinterpret_cast<std::uintptr_t>(device.memory) % 256 == 0);
  std::vector<unsigned char> host(100);
  CHECK(cudaMemcpy(host.data(), device.memory, 100, cudaMemcpyDeviceToHost) == cudaSuccess);
  CHECK(host == std::vector<unsigned char>(100, 0xCD));
  CHECK(cudaMemset(device.memory, 3, 50) == cudaSuccess);
  CHECK(cudaMemsetAsync(device.memory + 50, 4, 50) == cudaSuccess);
  const Allocation other(100);
  CHECK(cudaMemcpyAsync(other.memory, device.memory, 100, cudaMemcpyDeviceToDevice) == cudaSuccess);
  CHECK(cudaMemcpy(host.data(), other.memory, 100, cudaMemcpyDefault) == cudaSuccess);
  CHECK(host[49] == 3);
  CHECK(host[50] == 4);
  host.assign(100, 9);
  CHECK(cudaMemcpy(device.memory, host.data(), 100, cudaMemcpyHostToDevice) == cudaSuccess);
  CHECK(device.memory[99] == 9);
  CHECK(cudaGetLastError() == cudaSuccess);
}

TEST_CASE("what an arena has taken back is undefined when it is handed out again", "[emulator]") {
  seqrec::Arena<seqrec::DeviceSpace> arena;
  const auto* const first = arena.allocate<unsigned char>(100);
  CHECK(cudaMemset(arena.allocate<unsigned char>(100), 3, 100) == cudaSuccess);
  arena.reset();
  REQUIRE(arena.allocate<unsigned char>(100) == first);
  std::vector<unsigned char> host(100);
  CHECK(cudaMemcpy(host.data(), arena.allocate<unsigned char>(100), 100, cudaMemcpyDeviceToHost) == cudaSuccess);
  CHECK(host == std::vector<unsigned char>(100, 0xCD));
}

TEST_CASE("memory in the order of a stream is given back when the stream comes to it", "[emulator]") {
  cudaStream_t stream = nullptr;
  CHECK(cudaStreamCreate(&stream) == cudaSuccess);
  unsigned char* memory = nullptr;
  REQUIRE(cudaMallocAsync(&memory, 100, stream) == cudaSuccess);
  CHECK(cudaMemsetAsync(memory, 5, 100, stream) == cudaSuccess);
  std::vector<unsigned char> host(100);
  CHECK(cudaMemcpyAsync(host.data(), memory, 100, cudaMemcpyDeviceToHost, stream) == cudaSuccess);
  CHECK(cudaFreeAsync(memory, stream) == cudaSuccess);
  CHECK(cudaStreamSynchronize(stream) == cudaSuccess);
  CHECK(host == std::vector<unsigned char>(100, 5));
  CHECK(cudaMemset(memory, 0, 1) == cudaErrorInvalidValue);  // no memory of the device any more
  CHECK(cudaFreeAsync(memory, stream) == cudaErrorInvalidValue);
  CHECK(cudaFreeAsync(nullptr, stream) == cudaErrorInvalidValue);
  CHECK(cudaGetLastError() == cudaErrorInvalidValue);
  CHECK(cudaMallocAsync(&memory, 0, stream) == cudaSuccess);
  CHECK(memory == nullptr);
  CHECK(cudaStreamDestroy(stream) == cudaSuccess);
}

TEST_CASE("copies that the runtime refuses", "[emulator]") {
  const Allocation device(64);
  std::vector<unsigned char> host(128);
  const auto refused = [](cudaError_t error) {
    CHECK(error == cudaErrorInvalidValue);
    CHECK(cudaPeekAtLastError() == cudaErrorInvalidValue);
    CHECK(cudaGetLastError() == cudaErrorInvalidValue);
    CHECK(cudaGetLastError() == cudaSuccess);
  };
  refused(cudaMemcpy(host.data(), device.memory, 65, cudaMemcpyDeviceToHost));
  refused(cudaMemcpy(host.data(), device.memory, 64, cudaMemcpyHostToDevice));
  refused(cudaMemcpy(host.data(), host.data() + 64, 64, cudaMemcpyDeviceToHost));
  refused(cudaMemset(host.data(), 0, 64));
  refused(cudaMemset(device.memory + 1, 0, 64));
  refused(cudaFree(host.data()));
  refused(cudaFree(device.memory + 1));
}

TEST_CASE("allocations of nothing and of too much", "[emulator]") {
  void* memory = &memory;
  CHECK(cudaMalloc(&memory, 0) == cudaSuccess);
  CHECK(memory == nullptr);
  CHECK(cudaFree(nullptr) == cudaSuccess);
  CHECK(cudaMalloc(&memory, std::size_t{1} << 50) == cudaErrorMemoryAllocation);
  CHECK(memory == nullptr);
  CHECK(cudaGetLastError() == cudaErrorMemoryAllocation);
}

TEST_CASE("errors have the runtime's names", "[emulator]") {
  CHECK(std::string(cudaGetErrorName(cudaErrorMemoryAllocation)) == "cudaErrorMemoryAllocation");
  CHECK(std::string(cudaGetErrorString(cudaErrorMemoryAllocation)) == "out of memory");
  CHECK(std::string(cudaGetErrorName(cudaSuccess)) == "cudaSuccess");
}

TEST_CASE("streams are made, waited for and destroyed", "[emulator]") {
  cudaStream_t stream = nullptr;
  CHECK(cudaStreamCreate(&stream) == cudaSuccess);
  CHECK(stream != nullptr);
  CHECK(cudaStreamSynchronize(stream) == cudaSuccess);
  CHECK(cudaDeviceSynchronize() == cudaSuccess);
  CHECK(cudaStreamDestroy(stream) == cudaSuccess);
}

TEST_CASE("launches that the runtime refuses", "[emulator]") {
  int out = 0;
  const auto error_of = [&](dim3 grid, dim3 block, std::size_t shared_bytes) {
    seqrec::cuda::device_launch<touch_shared<int>>(grid, block, shared_bytes, nullptr, &out);
    return cudaGetLastError();
  };
  CHECK(error_of(1, 1025, 4) == cudaErrorInvalidConfiguration);
  CHECK(error_of(1, dim3(1, 1, 65), 4) == cudaErrorInvalidConfiguration);
  CHECK(error_of(1, 0, 4) == cudaErrorInvalidConfiguration);
  CHECK(error_of(0, 1, 4) == cudaErrorInvalidConfiguration);
  CHECK(error_of(dim3(1, 65536), 1, 4) == cudaErrorInvalidConfiguration);
  CHECK(error_of(1, 1, (48 << 10) + 1) == cudaErrorInvalidValue);
  CHECK(out == 0);
  CHECK(error_of(1, 1, 48 << 10) == cudaSuccess);
  CHECK(out == 7);
}

TEST_CASE("the device says how much shared memory a block may ask for", "[emulator]") {
  const auto attribute = cudaDevAttrMaxSharedMemoryPerBlockOptin;
  int device = -1, bytes = 0;
  CHECK(cudaGetDevice(&device) == cudaSuccess);
  CHECK(cudaDeviceGetAttribute(&bytes, attribute, device) == cudaSuccess);
  CHECK(bytes == 163 << 10);
  CHECK(cudaDeviceGetAttribute(&bytes, attribute, 1) == cudaErrorInvalidValue);
  CHECK(cudaGetLastError() == cudaErrorInvalidValue);
  CHECK(cudaFuncSetAttribute(touch_shared<int>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes) == cudaSuccess);
  CHECK(cudaFuncSetAttribute(touch_shared<int>, cudaFuncAttributeMaxDynamicSharedMemorySize, 48 << 10) == cudaSuccess);
}

TEST_CASE("more shared memory must be asked for", "[emulator]") {
  int out = 0;
  const auto attribute = cudaFuncAttributeMaxDynamicSharedMemorySize;
  CHECK(cudaFuncSetAttribute(touch_shared<int>, attribute, 1 << 20) == cudaErrorInvalidValue);
  CHECK(cudaGetLastError() == cudaErrorInvalidValue);
  CHECK(cudaFuncSetAttribute(touch_shared<int>, attribute, 100 << 10) == cudaSuccess);
  seqrec::cuda::device_launch<touch_shared<int>>(1, 1, 100 << 10, nullptr, &out);
  CHECK(cudaGetLastError() == cudaSuccess);
  CHECK(out == 7);
  CHECK(cudaFuncSetAttribute(touch_shared<int>, attribute, 48 << 10) == cudaSuccess);
}
