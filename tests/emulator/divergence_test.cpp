// SPDX-License-Identifier: Apache-2.0
// What would hang or be undefined on a GPU is an exception that names kernel, block, thread and source line.
#include <stdexcept>
#include <string>
#include <vector>

#include "seqrec/cuda/launch.cuh"
#include "support/catch.hpp"

namespace {

using emulator::KernelError;
using seqrec::cuda::device_launch;
using seqrec_test::message_of;

template <class Flag>
__global__ void leaves_before_the_barrier(Flag* out) {
  if (blockIdx.x == 2 && threadIdx.x == 5) return;
  __syncthreads();
  if (threadIdx.x == 0) out[blockIdx.x] = 1;
}

template <class Flag>
__global__ void two_barriers(Flag* out) {
  if (threadIdx.y == 0) {  // NOLINT(bugprone-branch-clone): two barriers are the point
    __syncthreads();
  } else {
    __syncthreads();
  }
  out[0] = 1;
}

template <class Flag>
__global__ void half_a_warp_shuffles(Flag* out) {
  if (threadIdx.x < 16) out[threadIdx.x] = __shfl_xor_sync(~0u, static_cast<Flag>(threadIdx.x), 1);
}

template <class Flag>
__global__ void warp_waits_while_others_stand_at_the_barrier(Flag* out) {
  if (threadIdx.x == 40) __syncwarp();
  __syncthreads();
  out[0] = 1;
}

template <class Flag>
__global__ void different_operations(Flag* out) {
  out[threadIdx.x] = threadIdx.x % 2 == 0 ? __any_sync(~0u, 1) : __all_sync(~0u, 1);
}

template <class Flag>
__global__ void reads_a_lane_outside_the_mask(Flag* out) {
  if (threadIdx.x < 8) out[threadIdx.x] = __shfl_sync(0xFFu, static_cast<Flag>(threadIdx.x), 20);
}

template <class Flag>
__global__ void reads_beyond_a_short_warp(Flag* out) {
  out[threadIdx.x] = __shfl_down_sync(~0u, static_cast<Flag>(threadIdx.x), 4u);
}

template <class Flag>
__global__ void mask_without_itself(Flag* out) {
  out[threadIdx.x] = __any_sync(0xFFFEu, 1);
}

template <class Flag>
__global__ void throws(Flag* out) {
  if (threadIdx.x == 3) throw std::runtime_error("something odd");
  __syncthreads();
  out[0] = 1;
}

template <class Flag>
__global__ void uses_one_element_too_many(Flag* out) {
  __shared__ seqrec::cuda::shared_array<Flag, 8> cells;
  cells[threadIdx.x] = 1;
  out[threadIdx.x] = cells[threadIdx.x];
}

/// Counts how many of its kind are alive: an abandoned thread must not leave any behind.
struct Counted {
  explicit Counted(int& alive_) : alive(alive_) { ++alive; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --alive; }
  int& alive;
};

template <class Flag>
__global__ void holds_something_at_a_barrier(Flag* alive) {
  const Counted counted(*alive);
  if (threadIdx.x == 60) return;
  __syncthreads();
}

template <auto Kernel>
std::string error_of(dim3 grid, dim3 block) {
  std::vector<int> out(1024, 0);
  return message_of<KernelError>([&] { device_launch<Kernel>(grid, block, 0, nullptr, out.data()); });
}

}  // namespace

TEST_CASE("a barrier that one thread never reaches", "[emulator]") {
  const std::string message = error_of<leaves_before_the_barrier<int>>(4, 64);
  CHECK_THAT(message, ContainsSubstring("leaves_before_the_barrier"));
  CHECK_THAT(message, ContainsSubstring("block (2,0,0)"));
  CHECK_THAT(message, ContainsSubstring("thread (0,0,0) waits at __syncthreads ("));
  CHECK_THAT(message, ContainsSubstring("divergence_test.cpp:"));
  CHECK_THAT(message, ContainsSubstring("but thread (5,0,0) has left the kernel"));
}

TEST_CASE("threads at two different barriers", "[emulator]") {
  const std::string message = error_of<two_barriers<int>>(1, dim3(8, 2));
  CHECK_THAT(message, ContainsSubstring("thread (0,0,0) waits at __syncthreads ("));
  CHECK_THAT(message, ContainsSubstring("but thread (0,1,0) waits at __syncthreads ("));
}

TEST_CASE("a warp operation that some lanes never reach", "[emulator]") {
  const std::string message = error_of<half_a_warp_shuffles<int>>(1, 32);
  CHECK_THAT(message, ContainsSubstring("half_a_warp_shuffles"));
  CHECK_THAT(message, ContainsSubstring("thread (0,0,0) waits at __shfl_xor_sync ("));
  CHECK_THAT(message, ContainsSubstring("with mask 0xffffffff"));
  CHECK_THAT(message, ContainsSubstring("but thread (16,0,0) has left the kernel"));

  const std::string barrier = error_of<warp_waits_while_others_stand_at_the_barrier<int>>(1, 64);
  CHECK_THAT(barrier, ContainsSubstring("thread (40,0,0) waits at __syncwarp ("));
  CHECK_THAT(barrier, ContainsSubstring("but thread (32,0,0) waits at __syncthreads ("));
}

TEST_CASE("lanes of one mask in different operations", "[emulator]") {
  const std::string message = error_of<different_operations<int>>(1, 32);
  CHECK_THAT(message, ContainsSubstring("thread (0,0,0) waits at __any_sync ("));
  CHECK_THAT(message, ContainsSubstring("but thread (1,0,0) waits at __all_sync ("));
}

TEST_CASE("a value asked of a lane that takes no part", "[emulator]") {
  CHECK_THAT(error_of<reads_a_lane_outside_the_mask<int>>(1, 32),
             ContainsSubstring("for lane 20, which takes no part"));
  CHECK_THAT(error_of<reads_beyond_a_short_warp<int>>(1, 20), ContainsSubstring("thread (16,0,0) waits at"));
  CHECK_THAT(error_of<reads_beyond_a_short_warp<int>>(1, 20), ContainsSubstring("for lane 20, which takes no part"));
}

TEST_CASE("a mask without the lane that passes it", "[emulator]") {
  CHECK_THAT(error_of<mask_without_itself<int>>(1, 16),
             ContainsSubstring("thread (0,0,0) waits at __any_sync (") && ContainsSubstring("leaves itself out"));
}

TEST_CASE("an exception out of a kernel", "[emulator]") {
  CHECK_THAT(error_of<throws<int>>(1, 32),
             ContainsSubstring("throws") && ContainsSubstring("thread (3,0,0) threw: something odd"));
}

TEST_CASE("a shared array knows its bounds", "[emulator]") {
  CHECK_THAT(error_of<uses_one_element_too_many<int>>(1, 9),
             ContainsSubstring("thread (8,0,0) uses element 8 of a shared_array of 8"));
}

TEST_CASE("a failed block unwinds its threads, and the next launch works", "[emulator]") {
  int alive = 0;
  CHECK_THROWS_AS(device_launch<holds_something_at_a_barrier<int>>(1, 64, 0, nullptr, &alive), KernelError);
  CHECK(alive == 0);
  std::vector<int> out(2, 0);
  device_launch<leaves_before_the_barrier<int>>(2, 64, 0, nullptr, out.data());
  CHECK(out == std::vector<int>{1, 1});
}

TEST_CASE("an error on one of several CPU threads reaches the caller", "[emulator]") {
  const emulator::WithSchedule scope(emulator::Schedule{0, 3});
  CHECK_THAT(error_of<leaves_before_the_barrier<int>>(50, 64), ContainsSubstring("block (2,0,0)"));
}

TEST_CASE("device functions outside of a kernel", "[emulator]") {
  CHECK_THAT(message_of<std::logic_error>([] { __syncthreads(); }), ContainsSubstring("outside of a kernel"));
}
