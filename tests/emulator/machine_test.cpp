// SPDX-License-Identifier: Apache-2.0
// Machines that the emulated runtime may find.
#include "emulator/machine.hpp"

#include <string>

#include "seqrec/core/arena.hpp"
#include "seqrec/core/tensor.hpp"
#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/device.cuh"
#include "support/catch.hpp"

namespace {

__global__ void set_one(int* out) { *out = 1; }

}  // namespace

TEST_CASE("without a device, nothing that needs one works", "[emulator]") {
  int device = -1, out = 0;
  {
    const emulator::WithMachine none({.devices = 0});
    void* memory = nullptr;
    cudaStream_t stream = nullptr;
    std::size_t free = 0, total = 0;
    CHECK(cudaMalloc(&memory, 8) == cudaErrorNoDevice);
    CHECK(cudaStreamCreate(&stream) == cudaErrorNoDevice);
    CHECK(cudaMemGetInfo(&free, &total) == cudaErrorNoDevice);
    CHECK(cudaGetDevice(&device) == cudaErrorNoDevice);
    CHECK(cudaGetLastError() == cudaErrorNoDevice);
    seqrec::cuda::device_launch<set_one>(1, 1, 0, nullptr, &out);
    CHECK(cudaGetLastError() == cudaErrorNoDevice);
  }
  CHECK(out == 0);
  CHECK(cudaGetDevice(&device) == cudaSuccess);
}

TEST_CASE("an older driver says so before anything else", "[emulator]") {
  const emulator::WithMachine old({.devices = 0, .driver_version = 12020});
  int device = -1, version = 0;
  CHECK(cudaGetDevice(&device) == cudaErrorInsufficientDriver);
  CHECK(cudaGetLastError() == cudaErrorInsufficientDriver);
  CHECK(cudaDriverGetVersion(&version) == cudaSuccess);
  CHECK(version == 12020);
  CHECK(cudaRuntimeGetVersion(&version) == cudaSuccess);
  CHECK(version == 13000);
}

TEST_CASE("memory of the device is as large as a test says", "[emulator]") {
  std::size_t before = 0, free = 0, total = 0;
  REQUIRE(cudaMemGetInfo(&before, &total) == cudaSuccess);
  const std::size_t held = total - before;
  const emulator::WithMachine small({.memory_bytes = held + 100});
  void *one = nullptr, *other = nullptr;
  CHECK(cudaMalloc(&one, 60) == cudaSuccess);
  CHECK(cudaMemGetInfo(&free, &total) == cudaSuccess);
  CHECK(free == 40);
  CHECK(total == held + 100);
  CHECK(cudaMalloc(&other, 41) == cudaErrorMemoryAllocation);
  CHECK(cudaGetLastError() == cudaErrorMemoryAllocation);
  CHECK(cudaFree(one) == cudaSuccess);
  CHECK(cudaMalloc(&other, 100) == cudaSuccess);
  CHECK(cudaFree(other) == cudaSuccess);
}

TEST_CASE("memory that streams are still to give back is waited for before there is none", "[emulator]") {
  const emulator::WithMachine small({.memory_bytes = 100});
  void *one = nullptr, *other = nullptr;
  CHECK(cudaMallocAsync(&one, 60, nullptr) == cudaSuccess);
  CHECK(cudaMallocAsync(&other, 41, nullptr) == cudaErrorMemoryAllocation);
  CHECK(cudaGetLastError() == cudaErrorMemoryAllocation);
  CHECK(cudaFreeAsync(one, nullptr) == cudaSuccess);
  CHECK(cudaMallocAsync(&other, 41, nullptr) == cudaSuccess);
  CHECK(cudaFree(other) == cudaSuccess);
}

TEST_CASE("a device may have no memory in the order of streams", "[emulator]") {
  const emulator::WithMachine without({.has_memory_pools = false});
  int device = 0, pools = 1;
  CHECK(cudaDeviceGetAttribute(&pools, cudaDevAttrMemoryPoolsSupported, device) == cudaSuccess);
  CHECK(pools == 0);
  void* memory = nullptr;
  CHECK(cudaMallocAsync(&memory, 8, nullptr) == cudaErrorNotSupported);
  CHECK(cudaGetLastError() == cudaErrorNotSupported);
  seqrec::Arena<seqrec::DeviceSpace> arena;  // does without it
  arena.use_stream(nullptr);
  for (int block = 0; block < 3; ++block)
    CHECK(cudaMemset(arena.allocate<char>(100'000), block, 100'000) == cudaSuccess);
  arena.reset();
  CHECK(arena.capacity() >= 300'000);
}

TEST_CASE("what the library says of a machine without a device, and with an older driver", "[emulator]") {
  const auto failing = [] {
    void* memory = nullptr;
    SEQREC_CUDA_CHECK(cudaMalloc(&memory, 8));
  };
  {
    const emulator::WithMachine none({.devices = 0});
    CHECK_THAT(seqrec_test::message_of<seqrec::NoDeviceError>(failing),
               ContainsSubstring("cudaErrorNoDevice (no CUDA-capable device is detected); expected a CUDA device that "
                                 "CUDA_VISIBLE_DEVICES does not hide"));
    CHECK_THROWS_AS((seqrec::Tensor<float, 1, seqrec::DeviceSpace>(8)), seqrec::NoDeviceError);
    CHECK_THROWS_AS(seqrec::cuda::Context(), seqrec::NoDeviceError);
  }
  {
    const emulator::WithMachine old({.driver_version = 12040});
    CHECK_THAT(seqrec_test::message_of<seqrec::DriverError>(failing),
               ContainsSubstring("; the driver is for CUDA 12.4 at most, expected one for CUDA 13.0, with which the "
                                 "program was built, or newer"));
    CHECK_THROWS_AS(seqrec::cuda::Context(), seqrec::DriverError);
  }
  const emulator::WithMachine none({.devices = 0, .driver_version = 0});
  CHECK_THAT(seqrec_test::message_of<seqrec::DriverError>(failing),
             ContainsSubstring("; no CUDA driver is installed, expected one for CUDA 13.0, "));
}

TEST_CASE("what the library says of a device with too little memory", "[emulator]") {
  using DeviceMemory = seqrec::Memory<seqrec::DeviceSpace>;
  const emulator::WithMachine small({.memory_bytes = DeviceMemory::held() + 5000});
  const std::string message =
      seqrec_test::message_of<seqrec::DeviceMemoryError>([] { seqrec::Tensor<double, 1, seqrec::DeviceSpace>(1000); });
  CHECK_THAT(message, ContainsSubstring(seqrec::concatenate("8000 bytes are asked for, 5000 of the device's ",
                                                            DeviceMemory::held() + 5000, " are free")));
  CHECK_NOTHROW(seqrec::Tensor<double, 1, seqrec::DeviceSpace>(600));
}
