// SPDX-License-Identifier: Apache-2.0
// The order of threads: it does not matter to a correct kernel, and shows a race in a wrong one.
#include <cmath>
#include <cstring>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "seqrec/cuda/launch.cuh"
#include "support/catch.hpp"

namespace {

using seqrec::cuda::shared_array;

struct WithBarrier {
  static void wait() { __syncthreads(); }
};
struct WithoutBarrier {
  static void wait() {}
};

/// The softmax of each segment, one block a segment: shuffles, static shared memory, barriers.
template <class AfterPartials>
__global__ void segment_softmax(const float* x, const int* offsets, float* y) {
  __shared__ shared_array<float, 32> partial;
  const int begin = offsets[blockIdx.x], end = offsets[blockIdx.x + 1];
  const int thread = static_cast<int>(threadIdx.x), threads = static_cast<int>(blockDim.x);
  float highest = -INFINITY;
  for (int i = begin + thread; i < end; i += threads) highest = fmaxf(highest, x[i]);
  for (int distance = 16; distance > 0; distance /= 2)
    highest = fmaxf(highest, __shfl_xor_sync(~0u, highest, distance));
  if (thread % 32 == 0) partial[thread / 32] = highest;
  AfterPartials::wait();
  highest = partial[0];
  for (int warp = 1; warp < threads / 32; ++warp) highest = fmaxf(highest, partial[warp]);
  __syncthreads();
  float total = 0;
  for (int i = begin + thread; i < end; i += threads) total += expf(x[i] - highest);
  for (int distance = 16; distance > 0; distance /= 2) total += __shfl_xor_sync(~0u, total, distance);
  if (thread % 32 == 0) partial[thread / 32] = total;
  __syncthreads();
  total = 0;
  for (int warp = 0; warp < threads / 32; ++warp) total += partial[warp];
  for (int i = begin + thread; i < end; i += threads) y[i] = expf(x[i] - highest) / total;
}

struct Segments {
  std::vector<int> offsets{0};
  std::vector<float> values;

  Segments() {
    for (int i = 0; i < 64; ++i) offsets.push_back(offsets.back() + i * 37 % 200);
    for (int i = 0; i < offsets.back(); ++i) values.push_back(static_cast<float>(i * 7919 % 1000) * 0.01f);
  }
};

template <class AfterPartials>
std::vector<float> softmax_under(emulator::Schedule schedule) {
  const Segments segments;
  std::vector<float> y(segments.values.size());
  const emulator::WithSchedule scope(schedule);
  seqrec::cuda::device_launch<segment_softmax<AfterPartials>>(64, 128, 0, nullptr, segments.values.data(),
                                                              segments.offsets.data(), y.data());
  return y;
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

}  // namespace

TEST_CASE("a correct kernel gives the same bits under every schedule", "[emulator]") {
  const std::vector<float> forward = softmax_under<WithBarrier>({0, 1});
  const Segments segments;
  for (std::size_t s = 0; s + 1 < segments.offsets.size(); ++s) {
    double sum = 0;
    for (int i = segments.offsets[s]; i < segments.offsets[s + 1]; ++i)
      sum += static_cast<double>(forward[static_cast<std::size_t>(i)]);
    if (segments.offsets[s] < segments.offsets[s + 1]) CHECK(sum == Approx(1).epsilon(1e-5));
  }
  for (const unsigned seed : {1u, 2u, 3u, 4u, 5u}) CHECK(same_bits(forward, softmax_under<WithBarrier>({seed, 1})));
}

TEST_CASE("a missing barrier shows as bits that depend on the schedule", "[emulator]") {
  if constexpr (emulator::watch::on) return;  // there it is an error (watch_test.cpp)
  const std::vector<float> forward = softmax_under<WithoutBarrier>({0, 1});
  CHECK_FALSE(same_bits(forward, softmax_under<WithoutBarrier>({1, 1})));
  CHECK_FALSE(same_bits(forward, softmax_under<WithoutBarrier>({7, 1})));
}

TEST_CASE("blocks on several CPU threads give the same bits as on one", "[emulator]") {
  const std::vector<float> one = softmax_under<WithBarrier>({0, 1});
  for (const unsigned threads : {2u, 5u})
    for (const unsigned seed : {0u, 1u, 7u}) CHECK(same_bits(one, softmax_under<WithBarrier>({seed, threads})));
}

namespace {

/// Each thread notes when it came: the order of lanes of one warp, of warps, and of blocks.
template <class Count>
__global__ void note_arrival(Count* next, Count* thread_arrival, Count* block_arrival) {
  const Count arrival = atomicAdd(next, 1);
  if (blockIdx.x == 0) thread_arrival[threadIdx.x] = arrival;
  if (threadIdx.x == 0) block_arrival[blockIdx.x] = arrival;
}

/// A race within one warp: lane i reads what lane i + 1 writes.
template <class Value>
__global__ void read_neighbour(Value* values, Value* seen) {
  const unsigned lane = threadIdx.x;
  values[lane] = static_cast<Value>(lane + 1);
  seen[lane] = values[(lane + 1) % 32];
}

/// A race that a barrier hides only halfway: the read is ordered after the write, the next write is not after the read.
template <class Value>
__global__ void overwrite_too_early(Value* seen) {
  __shared__ shared_array<Value, 1> cell;
  for (int round = 0; round < 2; ++round) {
    if (threadIdx.x == 0) cell[0] = static_cast<Value>(round);
    __syncthreads();
    if (threadIdx.x == 64) seen[round] = cell[0];
  }
}

std::vector<int> seen_by_neighbours(std::uint64_t seed) {
  std::vector<int> values(32, 0), seen(32, 0);
  const emulator::WithSchedule scope(emulator::Schedule{seed, 1});
  seqrec::cuda::device_launch<read_neighbour<int>>(1, 32, 0, nullptr, values.data(), seen.data());
  return seen;
}

std::vector<int> seen_before_overwrite(std::uint64_t seed) {
  std::vector<int> seen(2, -1);
  const emulator::WithSchedule scope(emulator::Schedule{seed, 1});
  seqrec::cuda::device_launch<overwrite_too_early<int>>(1, 96, 0, nullptr, seen.data());
  return seen;
}

}  // namespace

TEST_CASE("seed 0 runs forward, seed 1 in reverse, others shuffled", "[emulator]") {
  const auto arrivals = [](std::uint64_t seed) {
    int next = 0;
    std::vector<int> threads(70), blocks(5);
    const emulator::WithSchedule scope(emulator::Schedule{seed, 1});
    seqrec::cuda::device_launch<note_arrival<int>>(5, 70, 0, nullptr, &next, threads.data(), blocks.data());
    CHECK(next == 5 * 70);
    threads.insert(threads.end(), blocks.begin(), blocks.end());
    return threads;
  };
  std::vector<int> forward(75), backward(75);
  std::iota(forward.begin(), forward.begin() + 70, 0);
  std::iota(backward.rbegin() + 5, backward.rend(), 4 * 70);
  for (int block = 0; block < 5; ++block) {
    forward[static_cast<std::size_t>(70 + block)] = block * 70;
    backward[static_cast<std::size_t>(70 + block)] = (5 - block) * 70 - 1;
  }
  CHECK(arrivals(0) == forward);
  CHECK(arrivals(1) == backward);
  CHECK(arrivals(2) != forward);
  CHECK(arrivals(2) != arrivals(3));
  CHECK(arrivals(2) == arrivals(2));
}

TEST_CASE("of a huge grid the ends can run alone", "[emulator]") {
  int next = 0;
  std::vector<int> threads(1), blocks(1000, -1), expected(1000, -1);
  expected[0] = 0;
  expected[1] = 1;
  expected[998] = 2;
  expected[999] = 3;
  const emulator::WithSchedule scope(emulator::Schedule{0, 1, 2});
  seqrec::cuda::device_launch<note_arrival<int>>(1000, 1, 0, nullptr, &next, threads.data(), blocks.data());
  CHECK(blocks == expected);
  seqrec::cuda::device_launch<note_arrival<int>>(3, 1, 0, nullptr, &next, threads.data(), blocks.data());
  CHECK(next == 4 + 3);
}

TEST_CASE("two accesses without a barrier happen in both orders under seeds 0 and 1", "[emulator]") {
  if constexpr (emulator::watch::on) return;  // there they are an error (watch_test.cpp)
  CHECK_FALSE(seen_by_neighbours(0) == seen_by_neighbours(1));
  CHECK(seen_before_overwrite(0) == std::vector<int>{1, 1});
  CHECK(seen_before_overwrite(1) == std::vector<int>{0, 1});
}

TEST_CASE("a schedule ends with its scope", "[emulator]") {
  const std::uint64_t before = emulator::schedule().seed;
  {
    const emulator::WithSchedule scope(before + 5);
    CHECK(emulator::schedule().seed == before + 5);
  }
  CHECK(emulator::schedule().seed == before);
}

TEST_CASE("two system threads may launch at once", "[emulator]") {
  const std::vector<float> alone = softmax_under<WithBarrier>({0, 1});
  const emulator::WithSchedule scope(emulator::Schedule{0, 2});
  const Segments segments;
  std::vector<std::vector<float>> y(3, std::vector<float>(segments.values.size()));
  {
    std::vector<std::jthread> threads;
    for (std::vector<float>& mine : y)
      threads.emplace_back([&segments, &mine] {
        for (int round = 0; round < 3; ++round)
          seqrec::cuda::device_launch<segment_softmax<WithBarrier>>(64, 128, 0, nullptr, segments.values.data(),
                                                                    segments.offsets.data(), mine.data());
      });
  }
  for (const std::vector<float>& mine : y) CHECK(same_bits(alone, mine));
}
