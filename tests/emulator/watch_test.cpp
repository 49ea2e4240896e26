// SPDX-License-Identifier: Apache-2.0
// What a watched build must find, named by kernel, block and thread, and what it must not. Runs in watched builds.
#include "emulator/watch.hpp"

#ifdef SEQREC_EMULATOR_WATCHED

#include <string>
#include <vector>

#include "seqrec/core/tensor.hpp"
#include "seqrec/cuda/launch.cuh"
#include "seqrec/cuda/memory.cuh"
#include "support/catch.hpp"

namespace {

using emulator::KernelError;
using seqrec::cuda::device_launch;
using seqrec::cuda::dynamic_shared;
using seqrec::cuda::shared_array;
using seqrec_test::message_of;

template <class T>
struct Device {
  explicit Device(std::size_t count_) : count(count_) { CHECK(cudaMalloc(&data, count * sizeof(T)) == cudaSuccess); }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  ~Device() { CHECK(cudaFree(data) == cudaSuccess); }
  T* data = nullptr;
  std::size_t count;
};

/// Whether a kernel waits where it should.
template <bool Waits>
struct Barrier {
  static void wait() {
    if constexpr (Waits) __syncthreads();
  }
};
template <bool Waits>
struct WarpBarrier {
  static void wait() {
    if constexpr (Waits) __syncwarp();
  }
};

/// Each thread writes its element of shared memory, but for one, and reads its neighbour's.
template <class T, int Missing>
__global__ void fill_all_but_one(T* out) {
  T* const cells = dynamic_shared<T>();
  const int thread = static_cast<int>(threadIdx.x), threads = static_cast<int>(blockDim.x);
  if (thread != Missing || blockIdx.x != 1) cells[thread] = static_cast<T>(thread);
  __syncthreads();
  out[blockIdx.x * blockDim.x + threadIdx.x] = cells[(thread + 1) % threads];
}

template <class T, int Written>
__global__ void fixed_array(T* out) {
  __shared__ shared_array<T, 8> cells;
  if (threadIdx.x < Written) cells[threadIdx.x] = 1;
  __syncthreads();
  T sum = 0;
  for (int i = 0; i < 8; ++i) sum += cells[i];
  out[threadIdx.x] = sum;
}

template <class T>
__global__ void copy(const T* x, T* y, int from) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  y[i] = x[i + from];
}

template <class T, bool Waits>
__global__ void reverse(T* out) {
  T* const cells = dynamic_shared<T>();
  const unsigned thread = threadIdx.x, last = blockDim.x - 1;
  cells[thread] = static_cast<T>(thread);
  Barrier<Waits>::wait();
  out[thread] = cells[last - thread];
}

/// Two rounds through the same element: the second write must wait for the reads of the first.
template <class T, bool Waits>
__global__ void hand_out(T* out) {
  T* const cell = dynamic_shared<T>();
  for (int round = 0; round < 2; ++round) {
    if (threadIdx.x == 0) *cell = static_cast<T>(round);
    __syncthreads();
    out[threadIdx.x] += *cell;
    Barrier<Waits>::wait();
  }
}

template <class T, bool Waits>
__global__ void within_a_warp(T* out) {
  T* const cells = dynamic_shared<T>();
  cells[threadIdx.x] = 1;
  WarpBarrier<Waits>::wait();
  out[threadIdx.x] = cells[threadIdx.x ^ 1u];
}

/// All blocks write one element.
template <class T>
__global__ void write_first(T* out) {
  if (threadIdx.x == 3) out[0] = static_cast<T>(blockIdx.x);
}

template <class T>
__global__ void count(T* out) {
  atomicAdd(out, 1);
}

template <auto Kernel, class T>
std::string error_of(unsigned grid, unsigned block, T* out) {
  return message_of<KernelError>([&] { device_launch<Kernel>(grid, block, block * sizeof(T), nullptr, out); });
}

}  // namespace

TEST_CASE("shared memory that nobody wrote is not read unseen", "[emulator]") {
  const Device<float> out(128);
  device_launch<fill_all_but_one<float, -1>>(2, 64, 64 * sizeof(float), nullptr, out.data);
  const std::string message = error_of<fill_all_but_one<float, 40>>(2, 64, out.data);
  CHECK_THAT(message, ContainsSubstring("fill_all_but_one") && ContainsSubstring("block (1,0,0)"));
  CHECK_THAT(message, ContainsSubstring("thread (39,0,0) reads 4 bytes of shared memory that nobody wrote"));
  CHECK_THAT(message, ContainsSubstring("160 bytes into 256; then it has left the kernel"));

  device_launch<fixed_array<double, 8>>(1, 8, 0, nullptr, reinterpret_cast<double*>(out.data));
  const std::string fixed = message_of<KernelError>(
      [&] { device_launch<fixed_array<double, 7>>(1, 8, 0, nullptr, reinterpret_cast<double*>(out.data)); });
  CHECK_THAT(fixed, ContainsSubstring("thread (0,0,0) reads 8 bytes of shared memory that nobody wrote"));
  CHECK_THAT(fixed, ContainsSubstring("56 bytes into 64"));
}

TEST_CASE("device memory that nobody wrote is not read unseen", "[emulator]") {
  const Device<int> x(64), y(64);
  const std::vector<int> host(64, 5);
  CHECK(cudaMemcpy(x.data, host.data(), 63 * sizeof(int), cudaMemcpyHostToDevice) == cudaSuccess);
  const auto copy_all = [&](int* from, int* to) {
    return message_of<KernelError>([&] { device_launch<copy<int>>(2, 32, 0, nullptr, from, to, 0); });
  };
  const std::string message = copy_all(x.data, y.data);
  CHECK_THAT(message, ContainsSubstring("kernel") && ContainsSubstring("copy") && ContainsSubstring("block (1,0,0)"));
  CHECK_THAT(message, ContainsSubstring("thread (31,0,0) reads 4 bytes of device memory that nobody wrote"));
  CHECK_THAT(message, ContainsSubstring("252 bytes into 256"));
  // What is copied is as undefined as it was; what is set is defined.
  const Device<int> z(64);
  CHECK(cudaMemcpy(z.data, x.data, 256, cudaMemcpyDeviceToDevice) == cudaSuccess);
  CHECK_THAT(copy_all(z.data, y.data), ContainsSubstring("thread (31,0,0)"));
  CHECK(cudaMemset(z.data + 63, 0, sizeof(int)) == cudaSuccess);
  device_launch<copy<int>>(2, 32, 0, nullptr, z.data, y.data, 0);
  device_launch<copy<int>>(2, 32, 0, nullptr, y.data, x.data, 0);
  seqrec::Memory<seqrec::DeviceSpace>::forget(y.data, 2 * sizeof(int));
  CHECK_THAT(copy_all(y.data, x.data), ContainsSubstring("thread (0,0,0) reads 4 bytes of device memory"));
}

TEST_CASE("memory that was not asked for, or was given back, is not used unseen", "[emulator]") {
  const Device<int> x(64), y(60);
  CHECK(cudaMemset(x.data, 0, 256) == cudaSuccess);
  const std::string written = message_of<KernelError>(
      [&] { device_launch<copy<int>>(1, 64, 0, nullptr, static_cast<const int*>(x.data), y.data, 0); });
  CHECK_THAT(written, ContainsSubstring("thread (60,0,0) writes 4 bytes of device memory that is not allocated"));
  CHECK_THAT(written, ContainsSubstring("240 bytes into 240"));
  const std::string read = message_of<KernelError>(
      [&] { device_launch<copy<int>>(1, 60, 0, nullptr, static_cast<const int*>(x.data), y.data, 8); });
  CHECK_THAT(read, ContainsSubstring("thread (56,0,0) reads 4 bytes of device memory that is not allocated"));

  int* gone = nullptr;
  {
    const Device<int> given_back(64);
    gone = given_back.data;
  }
  CHECK_THAT(error_of<write_first<int>>(1, 32, gone), ContainsSubstring("thread (3,0,0) writes 4 bytes of device"));
  const std::string beyond = message_of<KernelError>(
      [&] { device_launch<fill_all_but_one<int, -1>>(1, 60, 59 * sizeof(int), nullptr, y.data); });
  CHECK_THAT(beyond, ContainsSubstring("thread (59,0,0) writes 4 bytes of shared memory that is not allocated"));
}

TEST_CASE("a missing barrier is seen under every schedule", "[emulator]") {
  const Device<int> out(96);
  CHECK(cudaMemset(out.data, 0, 96 * sizeof(int)) == cudaSuccess);
  for (const unsigned seed : {0u, 1u, 7u}) {
    const emulator::WithSchedule scope(seed);
    const std::size_t shared = 96 * sizeof(int);
    device_launch<reverse<int, true>>(1, 96, shared, nullptr, out.data);
    device_launch<hand_out<int, true>>(1, 96, shared, nullptr, out.data);
    device_launch<within_a_warp<int, true>>(1, 96, shared, nullptr, out.data);
    // Undefined where nobody was before, raced for where somebody was.
    CHECK_THAT((error_of<reverse<int, false>>(1, 96, out.data)),
               ContainsSubstring("reverse") && ContainsSubstring("block (0,0,0): thread (") &&
                   ContainsSubstring(" bytes of shared memory that "));
    CHECK_THAT((error_of<hand_out<int, false>>(1, 96, out.data)),
               ContainsSubstring("hand_out") && ContainsSubstring(", and nothing orders the two"));
    CHECK_THAT((error_of<within_a_warp<int, false>>(1, 96, out.data)),
               ContainsSubstring("within_a_warp") && ContainsSubstring(" bytes of shared memory that "));
  }
  const emulator::WithSchedule reversed(1);
  CHECK_THAT((error_of<hand_out<int, false>>(1, 96, out.data)),
             ContainsSubstring("thread (0,0,0) writes 4 bytes of shared memory that thread (") &&
                 ContainsSubstring(" read, and nothing orders the two: 0 bytes into 384"));
}

TEST_CASE("blocks that write the same are found, those that count are not", "[emulator]") {
  const Device<int> out(1);
  CHECK(cudaMemset(out.data, 0, sizeof(int)) == cudaSuccess);
  device_launch<count<int>>(3, 32, 0, nullptr, out.data);
  device_launch<write_first<int>>(1, 32, 0, nullptr, out.data);
  device_launch<write_first<int>>(1, 32, 0, nullptr, out.data);  // a launch waits for the one before
  const std::string message = error_of<write_first<int>>(3, 32, out.data);
  CHECK_THAT(message, ContainsSubstring("block (1,0,0): thread (3,0,0) writes 4 bytes of device memory that thread "
                                        "(3,0,0) of block (0,0,0) wrote, and nothing orders the two"));
  for (const unsigned threads : {2u, 3u}) {
    const emulator::WithSchedule scope(emulator::Schedule{0, threads});
    device_launch<count<int>>(30, 32, 0, nullptr, out.data);
    CHECK_THAT(error_of<write_first<int>>(30, 32, out.data), ContainsSubstring("of block ("));
  }
}

#endif
