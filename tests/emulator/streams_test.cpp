// SPDX-License-Identifier: Apache-2.0
// What is given to a stream happens as late as CUDA allows, and between streams in any order that nothing forbids.
#include "emulator/streams.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "seqrec/cuda/launch.cuh"
#include "support/catch.hpp"

namespace {

using emulator::KernelError;
using seqrec::cuda::device_launch;
using seqrec_test::message_of;

/// Appends a number to a list in host memory, which no real kernel could: list[0] counts the others.
template <class T>
__global__ void note(T* list, T value) {
  list[++list[0]] = value;
}

template <class T>
__global__ void square(const T* x, T* y) {
  y[threadIdx.x] = x[threadIdx.x] * x[threadIdx.x];
}

template <class T>
__global__ void leaves_early(T* out) {
  if (threadIdx.x == 1) return;
  __syncthreads();
  out[0] = 1;
}

struct AStream {
  explicit AStream(unsigned flags = cudaStreamDefault) {
    CHECK(cudaStreamCreateWithFlags(&handle, flags) == cudaSuccess);
  }
  AStream(const AStream&) = delete;
  AStream& operator=(const AStream&) = delete;
  ~AStream() { CHECK(cudaStreamDestroy(handle) == cudaSuccess); }
  void wait() const { CHECK(cudaStreamSynchronize(handle) == cudaSuccess); }
  cudaStream_t handle = nullptr;
};

struct AnEvent {
  AnEvent() { CHECK(cudaEventCreateWithFlags(&handle, cudaEventDisableTiming) == cudaSuccess); }
  AnEvent(const AnEvent&) = delete;
  AnEvent& operator=(const AnEvent&) = delete;
  ~AnEvent() {
    const cudaError_t error = cudaEventDestroy(handle);  // clang-tidy takes the macro's two mentions for two calls
    CHECK(error == cudaSuccess);
  }
  cudaEvent_t handle = nullptr;
};

struct OnDevice {
  OnDevice() { CHECK(cudaMalloc(&data, 32 * sizeof(int)) == cudaSuccess); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;
  ~OnDevice() { CHECK(cudaFree(data) == cudaSuccess); }
  int* data = nullptr;
};

struct Pinned {
  Pinned() { CHECK(cudaMallocHost(&data, 32 * sizeof(int)) == cudaSuccess); }
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;
  ~Pinned() { CHECK(cudaFreeHost(data) == cudaSuccess); }
  int* data = nullptr;
};

/// What has been noted so far.
std::vector<int> noted(const std::vector<int>& list) { return {list.begin() + 1, list.begin() + 1 + list[0]}; }

constexpr std::size_t bytes = 32 * sizeof(int);

}  // namespace

TEST_CASE("a launch happens when somebody waits, with the arguments of the call", "[emulator]") {
  std::vector<int> list(8, 0);
  const AStream stream;
  int value = 5;
  device_launch<note<int>>(1, 1, 0, stream.handle, list.data(), value);
  value = 6;
  device_launch<note<int>>(1, 1, 0, stream.handle, list.data(), value);
  CHECK(noted(list).empty());
  stream.wait();
  CHECK(noted(list) == std::vector<int>{5, 6});
  // The default stream waits for others, and the host for it.
  device_launch<note<int>>(1, 1, 0, stream.handle, list.data(), 8);
  device_launch<note<int>>(1, 1, 0, nullptr, list.data(), 9);
  CHECK(noted(list) == std::vector<int>{5, 6, 8, 9});
}

TEST_CASE("streams that nothing orders run in any order, each in its own", "[emulator]") {
  const auto order = [](std::uint64_t seed) {
    const emulator::WithSchedule scope(seed);
    std::vector<int> list(16, 0);
    const AStream first, second;
    for (int i = 0; i < 4; ++i) {
      device_launch<note<int>>(1, 1, 0, first.handle, list.data(), i);
      device_launch<note<int>>(1, 1, 0, second.handle, list.data(), 10 + i);
    }
    first.wait();
    std::vector<int> meanwhile = noted(list);
    CHECK(cudaDeviceSynchronize() == cudaSuccess);
    std::vector<int> of_first, of_second;
    for (const int value : noted(list)) (value < 10 ? of_first : of_second).push_back(value);
    CHECK(of_first == std::vector<int>{0, 1, 2, 3});
    CHECK(of_second == std::vector<int>{10, 11, 12, 13});
    return meanwhile;
  };
  CHECK(order(0) == std::vector<int>{0, 1, 2, 3});
  CHECK(order(1) == std::vector<int>{10, 11, 12, 13, 0, 1, 2, 3});
  const std::vector<int> mixed = order(7);
  CHECK(mixed != order(0));
  CHECK(mixed != order(1));
  CHECK(std::count_if(mixed.begin(), mixed.end(), [](int value) { return value < 10; }) == 4);
}

TEST_CASE("an event orders two streams, and without it the difference shows", "[emulator]") {
  const auto squares = [](std::uint64_t seed, bool waits) {
    const emulator::WithSchedule scope(seed);
    const OnDevice x, y;
    const AStream copies, work;
    const AnEvent arrived;
    CHECK(cudaEventQuery(arrived.handle) == cudaSuccess);  // never recorded: nothing to wait for
    const std::vector<int> host(32, 3);
    CHECK(cudaMemcpyAsync(x.data, host.data(), bytes, cudaMemcpyHostToDevice, copies.handle) == cudaSuccess);
    CHECK(cudaEventRecord(arrived.handle, copies.handle) == cudaSuccess);
    CHECK(cudaEventQuery(arrived.handle) == cudaErrorNotReady);
    CHECK(cudaGetLastError() == cudaSuccess);
    if (waits) CHECK(cudaStreamWaitEvent(work.handle, arrived.handle) == cudaSuccess);
    // Recorded anew, it is another event; the stream waits for the one before.
    CHECK(cudaEventRecord(arrived.handle, work.handle) == cudaSuccess);
    device_launch<square<unsigned>>(1, 32, 0, work.handle, reinterpret_cast<const unsigned*>(x.data),
                                    reinterpret_cast<unsigned*>(y.data));
    std::vector<int> result(32);
    const cudaError_t copied = cudaMemcpyAsync(result.data(), y.data, bytes, cudaMemcpyDeviceToHost, work.handle);
    CHECK(copied == cudaSuccess);
    CHECK(cudaEventSynchronize(arrived.handle) == cudaSuccess);
    CHECK(cudaEventQuery(arrived.handle) == cudaSuccess);
    return result;
  };
  for (const std::uint64_t seed : {0u, 1u, 7u}) CHECK(squares(seed, true) == std::vector<int>(32, 9));
  if constexpr (emulator::watch::on)
    CHECK_THAT(message_of<KernelError>([&] { squares(0, false); }), ContainsSubstring("that nobody wrote"));
  else
    CHECK(squares(0, false) != std::vector<int>(32, 9));
  CHECK(squares(1, false) == std::vector<int>(32, 9));
}

TEST_CASE("pageable memory is copied aside at once, pinned memory is read when its turn comes", "[emulator]") {
  const OnDevice x;
  const AStream stream;
  std::vector<int> pageable(32, 1), result(32, 0);
  const Pinned pinned;
  std::fill_n(pinned.data, 32, 2);

  CHECK(cudaMemcpyAsync(x.data, pageable.data(), bytes, cudaMemcpyHostToDevice, stream.handle) == cudaSuccess);
  pageable.assign(32, 9);
  CHECK(cudaMemcpyAsync(result.data(), x.data, bytes, cudaMemcpyDeviceToHost, stream.handle) == cudaSuccess);
  CHECK(result == std::vector<int>(32, 1));  // there, although nobody has waited

  CHECK(cudaMemcpyAsync(x.data, pinned.data, bytes, cudaMemcpyHostToDevice, stream.handle) == cudaSuccess);
  std::fill_n(pinned.data, 32, 9);  // too early
  CHECK(cudaMemcpyAsync(result.data(), x.data, bytes, cudaMemcpyDeviceToHost, stream.handle) == cudaSuccess);
  CHECK(result == std::vector<int>(32, 9));

  CHECK(cudaMemsetAsync(x.data, 0, bytes, stream.handle) == cudaSuccess);
  CHECK(cudaMemcpyAsync(pinned.data, x.data, bytes, cudaMemcpyDeviceToHost, stream.handle) == cudaSuccess);
  CHECK(pinned.data[31] == 9);
  stream.wait();
  CHECK(pinned.data[31] == 0);
  CHECK(cudaFreeHost(pageable.data()) == cudaErrorInvalidValue);
  CHECK(cudaGetLastError() == cudaErrorInvalidValue);
}

TEST_CASE("the legacy default stream waits for blocking streams, and not for others", "[emulator]") {
  const emulator::WithSchedule late(0);
  std::vector<int> list(8, 0);
  const AStream blocking, free(cudaStreamNonBlocking);
  device_launch<note<int>>(1, 1, 0, free.handle, list.data(), 1);
  device_launch<note<int>>(1, 1, 0, blocking.handle, list.data(), 2);
  device_launch<note<int>>(1, 1, 0, nullptr, list.data(), 3);
  CHECK(noted(list) == std::vector<int>{2, 3});
  const AnEvent event;
  CHECK(cudaEventRecord(event.handle, free.handle) == cudaSuccess);
  CHECK(cudaStreamWaitEvent(nullptr, event.handle) == cudaSuccess);
  CHECK(noted(list) == std::vector<int>{2, 3, 1});
}

TEST_CASE("work outlives its stream, and memory waits for work", "[emulator]") {
  std::vector<int> list(8, 0);
  const OnDevice source;
  CHECK(cudaMemset(source.data, 0, bytes) == cudaSuccess);
  {
    const OnDevice target;  // given back after the stream is gone, while both have work
    const AStream stream;
    device_launch<square<int>>(1, 32, 0, stream.handle, source.data, target.data);
    device_launch<note<int>>(1, 1, 0, stream.handle, list.data(), 4);
  }
  CHECK(noted(list) == std::vector<int>{4});
}

TEST_CASE("what fails in a stream is thrown at whoever waits", "[emulator]") {
  std::vector<int> out(2, 0), list(8, 0);
  const AStream stream;
  device_launch<leaves_early<int>>(1, 32, 0, stream.handle, out.data());
  device_launch<note<int>>(1, 1, 0, stream.handle, list.data(), 1);
  CHECK_THAT(message_of<KernelError>([&] { cudaStreamSynchronize(stream.handle); }), ContainsSubstring("leaves_early"));
  CHECK(cudaStreamSynchronize(stream.handle) == cudaSuccess);
  CHECK(noted(list).empty());  // a device that has failed does nothing more of what it was given

  int* memory = nullptr;
  CHECK(cudaMalloc(&memory, bytes) == cudaSuccess);
  device_launch<leaves_early<int>>(1, 32, 0, stream.handle, out.data());
  CHECK(cudaFree(memory) == cudaErrorLaunchFailure);  // waits, and cannot throw
  CHECK(cudaGetLastError() == cudaErrorLaunchFailure);
  CHECK_THROWS_AS(cudaDeviceSynchronize(), KernelError);
  CHECK(cudaDeviceSynchronize() == cudaSuccess);
}

TEST_CASE("a stream that does not exist is refused", "[emulator]") {
  cudaStream_t gone = nullptr;
  {
    const AStream stream;
    gone = stream.handle;
  }
  const OnDevice x;
  const AnEvent event;
  std::vector<int> list(8, 0);
  CHECK(cudaStreamSynchronize(gone) == cudaErrorInvalidResourceHandle);
  CHECK(cudaStreamDestroy(gone) == cudaErrorInvalidResourceHandle);
  CHECK(cudaMemsetAsync(x.data, 0, bytes, gone) == cudaErrorInvalidResourceHandle);
  CHECK(cudaMemcpyAsync(x.data, list.data(), 8, cudaMemcpyHostToDevice, gone) == cudaErrorInvalidResourceHandle);
  CHECK(cudaEventRecord(event.handle, gone) == cudaErrorInvalidResourceHandle);
  CHECK(cudaStreamWaitEvent(gone, event.handle) == cudaErrorInvalidResourceHandle);
  CHECK(cudaGetLastError() == cudaErrorInvalidResourceHandle);
  device_launch<note<int>>(1, 1, 0, gone, list.data(), 1);
  CHECK(cudaGetLastError() == cudaErrorInvalidResourceHandle);
  CHECK(noted(list).empty());
}
