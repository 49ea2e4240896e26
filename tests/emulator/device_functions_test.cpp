// SPDX-License-Identifier: Apache-2.0
// Barriers with votes, warp operations, atomics, shared memory and mathematics, against what CUDA's manual says.
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <vector>

#include "seqrec/cuda/launch.cuh"
#include "support/catch.hpp"

namespace {

using seqrec::cuda::device_launch;
using seqrec::cuda::dynamic_shared;
using seqrec::cuda::shared_array;

/// What a warp operation gives to each of `threads` threads, required to be the same under three schedules.
template <auto Kernel, class T>
std::vector<T> results(int threads) {
  std::vector<T> first;
  for (const unsigned seed : {0u, 1u, 7u}) {
    std::vector<T> out(static_cast<std::size_t>(threads));
    const emulator::WithSchedule scope(seed);
    device_launch<Kernel>(1, static_cast<unsigned>(threads), 0, nullptr, out.data());
    if (first.empty()) first = out;
    REQUIRE(out == first);
  }
  return first;
}

template <class T>
__global__ void shuffle_sync(T* out) {
  out[threadIdx.x] = __shfl_sync(~0u, static_cast<T>(threadIdx.x) / 4, 7);
}
template <class T>
__global__ void shuffle_sync_of_eight(T* out) {
  out[threadIdx.x] = __shfl_sync(~0u, static_cast<T>(threadIdx.x), 11, 8);
}
template <class T>
__global__ void shuffle_up(T* out) {
  out[threadIdx.x] = __shfl_up_sync(~0u, static_cast<T>(threadIdx.x), 3u);
}
template <class T>
__global__ void shuffle_up_of_four(T* out) {
  out[threadIdx.x] = __shfl_up_sync(~0u, static_cast<T>(threadIdx.x), 1u, 4);
}
template <class T>
__global__ void shuffle_down(T* out) {
  out[threadIdx.x] = __shfl_down_sync(~0u, static_cast<T>(threadIdx.x), 5u);
}
template <class T>
__global__ void shuffle_xor(T* out) {
  out[threadIdx.x] = __shfl_xor_sync(~0u, static_cast<T>(threadIdx.x), 9);
}
template <class T>
__global__ void shuffle_xor_of_eight(T* out) {
  out[threadIdx.x] = __shfl_xor_sync(~0u, static_cast<T>(threadIdx.x), 8, 8);
}
/// Odd and even lanes sum apart, in two branches of the code.
template <class T>
__global__ void sum_in_two_groups(T* out) {
  T sum = static_cast<T>(threadIdx.x);
  if (threadIdx.x % 2 == 0) {
    for (int distance = 16; distance > 1; distance /= 2) sum += __shfl_xor_sync(0x55555555u, sum, distance);
  } else {
    for (int distance = 16; distance > 1; distance /= 2) sum += __shfl_xor_sync(0xAAAAAAAAu, sum, distance);
  }
  out[threadIdx.x] = sum;
}

template <class T>
__global__ void ballot(T* out) {
  out[threadIdx.x] = __ballot_sync(~0u, threadIdx.x % 3 == 0);
}
template <class T>
__global__ void any_and_all(T* out) {
  const bool second_warp = threadIdx.x >= 32;
  T bits = 0;
  if (__any_sync(~0u, threadIdx.x == 4) != 0) bits |= 1;
  if (__any_sync(~0u, 0) != 0) bits |= 2;
  if (__all_sync(~0u, second_warp) != 0) bits |= 4;
  if (__all_sync(~0u, threadIdx.x != 4) != 0) bits |= 8;
  out[threadIdx.x] = bits;
}
template <class T>
__global__ void barrier_votes(T* out) {
  const T count = __syncthreads_count(threadIdx.x % 2 == 0);
  const T any = __syncthreads_or(threadIdx.x == 77);
  const T none = __syncthreads_or(0);
  const T all = __syncthreads_and(threadIdx.x < 100);
  const T not_all = __syncthreads_and(threadIdx.x < 99);
  out[threadIdx.x] = count * 10000 + any * 1000 + none * 100 + all * 10 + not_all;
}

}  // namespace

TEST_CASE("shuffles move values between lanes", "[emulator]") {
  const auto number = [](std::size_t i) { return static_cast<double>(i); };
  const std::vector<double> fixed = results<shuffle_sync<double>, double>(64);
  const std::vector<float> fixed8 = results<shuffle_sync_of_eight<float>, float>(32);
  const std::vector<int> up = results<shuffle_up<int>, int>(64);
  const std::vector<int> up4 = results<shuffle_up_of_four<int>, int>(32);
  const std::vector<unsigned> down = results<shuffle_down<unsigned>, unsigned>(32);
  const std::vector<long long> exchanged = results<shuffle_xor<long long>, long long>(32);
  const std::vector<int> exchanged8 = results<shuffle_xor_of_eight<int>, int>(32);
  for (std::size_t i = 0; i < 32; ++i) {
    CAPTURE(i);
    CHECK(fixed[i] == 1.75);
    CHECK(fixed[i + 32] == 9.75);
    CHECK(fixed8[i] == static_cast<float>(i - i % 8 + 3));
    CHECK(number(static_cast<std::size_t>(up[i])) == number(i < 3 ? i : i - 3));
    CHECK(up[i + 32] == up[i] + 32);
    CHECK(up4[i] == static_cast<int>(i % 4 == 0 ? i : i - 1));
    CHECK(down[i] == (i + 5 < 32 ? i + 5 : i));
    CHECK(exchanged[i] == static_cast<long long>(i ^ 9));
    // A source in an earlier part of the warp can be read, one in a later part cannot.
    CHECK(exchanged8[i] == static_cast<int>(i / 8 % 2 == 1 ? i ^ 8 : i));
  }
}

TEST_CASE("groups of lanes operate apart", "[emulator]") {
  const std::vector<int> sums = results<sum_in_two_groups<int>, int>(32);
  for (std::size_t i = 0; i < 32; ++i) CHECK(sums[i] == (i % 2 == 0 ? 240 : 256));
}

TEST_CASE("votes of a warp and of a block", "[emulator]") {
  const std::vector<unsigned> ballots = results<ballot<unsigned>, unsigned>(40);
  for (std::size_t i = 0; i < 40; ++i) CHECK(ballots[i] == (i < 32 ? 0x49249249u : 0x92u));
  CHECK(__popc(ballots[0]) == 11);
  CHECK(__popc(0u) == 0);
  const std::vector<int> bits = results<any_and_all<int>, int>(64);
  for (std::size_t i = 0; i < 64; ++i) CHECK(bits[i] == (i < 32 ? 1 : 4 + 8));
  const std::vector<int> votes = results<barrier_votes<int>, int>(100);
  for (const int vote : votes) CHECK(vote == 50 * 10000 + 1000 + 10);
}

namespace {

template <class T>
struct Atomics {
  T sum, highest, lowest, bits, exchanged, swapped;
};

template <class T>
__global__ void count_atomically(Atomics<T>* out) {
  const T mine = static_cast<T>(blockIdx.x * blockDim.x + threadIdx.x);
  atomicAdd(&out->sum, mine);
  atomicMax(&out->highest, mine);
  atomicMin(&out->lowest, mine);
  atomicOr(&out->bits, mine);
  if (mine == 5) out->exchanged = atomicExch(&out->exchanged, 6);
  atomicCAS(&out->swapped, mine, mine + 1);  // counts as far as the order of threads allows
}

template <class T>
__global__ void add_atomically(T* sum) {
  atomicAdd(sum, 1);
}

}  // namespace

TEMPLATE_TEST_CASE("atomics on integers", "[emulator]", int, unsigned, unsigned long long) {
  for (const unsigned threads : {1u, 3u}) {
    const emulator::WithSchedule scope(emulator::Schedule{0, threads});
    Atomics<TestType> out{0, 0, 1000, 512, 9, 0};
    device_launch<count_atomically<TestType>>(10, 50, 0, nullptr, &out);
    CHECK(out.sum == 500 * 499 / 2);
    CHECK(out.highest == 499);
    CHECK(out.lowest == 0);
    CHECK(out.bits == 1023);
    CHECK(out.exchanged == 9);
    if (threads == 1) CHECK(out.swapped == 500);
  }
}

TEMPLATE_TEST_CASE("atomic sums of floating point", "[emulator]", float, double) {
  const emulator::WithSchedule scope(emulator::Schedule{0, 3});
  TestType sum = 0.5;
  device_launch<add_atomically<TestType>>(40, 33, 0, nullptr, &sum);
  CHECK(sum == TestType{1320.5});
}

namespace {

template <class T>
__global__ void report_shared(std::uint32_t* undefined, T* out) {
  __shared__ shared_array<T, 4> fixed;
  T* dynamic = dynamic_shared<T>();
  std::memcpy(&undefined[2 * blockIdx.x], &fixed[1], sizeof(std::uint32_t));
  std::memcpy(&undefined[2 * blockIdx.x + 1], &dynamic[2], sizeof(std::uint32_t));
  for (int i = 0; i < 4; ++i) fixed[i] = dynamic[i] = static_cast<T>(i);
  out[blockIdx.x] = fixed[3] + dynamic[2];
}

/// Reverses a row through dynamic shared memory; the address sanitizer sees one element too many.
template <class T>
__global__ void reverse_row(const T* x, T* y, int count) {
  T* row = dynamic_shared<T>();
  for (int i = static_cast<int>(threadIdx.x); i < count; i += static_cast<int>(blockDim.x)) row[i] = x[i];
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < count; i += static_cast<int>(blockDim.x)) y[i] = row[count - 1 - i];
}

/// Sums without having cleared its shared memory first.
template <class T>
__global__ void sum_without_clearing(const T* x, T* total) {
  T* sum = dynamic_shared<T>();
  atomicAdd(sum, x[threadIdx.x]);
  __syncthreads();
  if (threadIdx.x == 0) *total = *sum;
}

}  // namespace

TEST_CASE("shared memory is undefined at the start of each block", "[emulator]") {
  if constexpr (emulator::watch::on) return;  // nobody may look (watch_test.cpp)
  for (const unsigned threads : {1u, 2u}) {
    const emulator::WithSchedule scope(emulator::Schedule{0, threads});
    std::vector<std::uint32_t> undefined(20);
    std::vector<float> out(10);
    device_launch<report_shared<float>>(10, 1, 4 * sizeof(float), nullptr, undefined.data(), out.data());
    CHECK(undefined == std::vector<std::uint32_t>(20, 0xCDCDCDCDu));
    CHECK(out == std::vector<float>(10, 5.0f));
  }
  const std::vector<float> ones(32, 1.0f);
  float total = 0;
  device_launch<sum_without_clearing<float>>(1, 32, sizeof(float), nullptr, ones.data(), &total);
  CHECK(total < -1e8f);
}

TEST_CASE("dynamic shared memory has the size of the launch", "[emulator]") {
  for (const int count : {1, 31, 33, 1000, 5}) {
    std::vector<double> x(static_cast<std::size_t>(count)), y(x.size());
    std::iota(x.begin(), x.end(), 1.0);
    device_launch<reverse_row<double>>(1, 64, x.size() * sizeof(double), nullptr, x.data(), y.data(), count);
    CHECK(std::vector<double>(y.rbegin(), y.rend()) == x);
  }
}

namespace {

template <class T>
__global__ void note_indices(T* out) {
  const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  out[block * blockDim.x * blockDim.y * blockDim.z + thread] =
      blockIdx.x + 10 * blockIdx.y + 100 * blockIdx.z + 1000 * (threadIdx.x + 10 * threadIdx.y + 100 * threadIdx.z);
  __syncthreads();  // the indices must be right again afterwards
  out[block * blockDim.x * blockDim.y * blockDim.z + thread] += 1000000 * threadIdx.x;
}

template <class T>
__global__ void sum_of_block(T* out) {
  __shared__ shared_array<T, 8> partial;
  T sum = static_cast<T>(blockIdx.x + threadIdx.x);
  for (int distance = 16; distance > 0; distance /= 2) sum += __shfl_xor_sync(~0u, sum, distance);
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x == 0) {
    sum = 0;
    for (int warp = 0; warp < 8; ++warp) sum += partial[warp];
    out[blockIdx.x] = sum;
  }
}

}  // namespace

TEST_CASE("indices in three dimensions", "[emulator]") {
  const dim3 grid(2, 3, 4), block(3, 2, 5);
  std::vector<unsigned> out(24 * 30), expected;
  for (unsigned b = 0; b < 24; ++b)
    for (unsigned t = 0; t < 30; ++t)
      expected.push_back(b % 2 + 10 * (b / 2 % 3) + 100 * (b / 6) + 1001000 * (t % 3) + 10000 * (t / 3 % 2) +
                         100000 * (t / 6));
  for (const unsigned seed : {0u, 1u, 7u}) {
    const emulator::WithSchedule scope(seed);
    device_launch<note_indices<unsigned>>(grid, block, 0, nullptr, out.data());
    CHECK(out == expected);
  }
}

TEST_CASE("a thousand blocks take seconds, not minutes", "[emulator]") {
  std::vector<long long> out(1000);
  const auto start = std::chrono::steady_clock::now();
  device_launch<sum_of_block<long long>>(1000, 256, 0, nullptr, out.data());
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  INFO("1000 blocks of 256 threads, 6 waits each: " << seconds.count() << " s");
  CHECK(seconds.count() < 300);  // 0.2 s on one core; ten times as much under a sanitizer
  for (std::size_t i = 0; i < out.size(); ++i) REQUIRE(out[i] == 256 * static_cast<long long>(i) + 255 * 128);
}

TEST_CASE("vector types are laid out as CUDA's", "[emulator]") {
  STATIC_REQUIRE(sizeof(float4) == 16);
  STATIC_REQUIRE(alignof(float4) == 16);
  STATIC_REQUIRE(sizeof(float2) == 8);
  STATIC_REQUIRE(alignof(float2) == 8);
  const float4 four = make_float4(1, 2, 3, 4);
  CHECK(four.x + 10 * four.y + 100 * four.z + 1000 * four.w == 4321);
  CHECK(make_float2(1, 2).y == 2);
  CHECK(make_double2(1, 2).y == 2);
  CHECK(make_int2(1, 2).y == 2);
  CHECK(make_int4(1, 2, 3, 4).w == 4);
}

TEST_CASE("device mathematics", "[emulator]") {
  CHECK(rsqrtf(4.0f) == 0.5f);
  CHECK(rsqrt(16.0) == 0.25);
  CHECK(__expf(1.0f) == Approx(std::exp(1.0)));
  CHECK(__logf(2.0f) == Approx(std::log(2.0)));
  CHECK(__fdividef(1.0f, 8.0f) == 0.125f);
  CHECK(fmaf(2.0f, 3.0f, 4.0f) == 10.0f);
  const float value = 3;
  CHECK(__ldg(&value) == 3);
}
