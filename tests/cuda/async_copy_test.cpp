// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/async_copy.cuh"

#include <numeric>
#include <vector>

#include "cuda/device_support.hpp"
#include "seqrec/cuda/launch.cuh"

namespace {

using namespace seqrec_test;
using namespace seqrec::cuda;

/// Reverses each of `tiles` rows of blockDim.x pieces of `Bytes` bytes; while one is turned around, the next arrives.
template <class T, int Bytes>
__global__ void reverse_rows(const T* x, int tiles, T* y) {
  constexpr int of_piece = Bytes / static_cast<int>(sizeof(T));
  const int threads = static_cast<int>(blockDim.x), thread = static_cast<int>(threadIdx.x);
  const int row = threads * of_piece;
  T* const buffers = dynamic_shared<T>();
  const auto begin = [&](int tile) {
    if (tile < tiles)
      copy_async<Bytes>(buffers + tile % 2 * row + thread * of_piece, x + tile * row + thread * of_piece);
    commit_copies();  // also where there is none: then every step waits for the same number
  };
  begin(0);
  for (int tile = 0; tile < tiles; ++tile) {
    begin(tile + 1);
    wait_for_copies<1>();
    __syncthreads();
    for (int i = thread; i < row; i += threads) y[tile * row + i] = buffers[tile % 2 * row + row - 1 - i];
    __syncthreads();
  }
}

/// Copies the first numbers of each piece of four; the others are zeros.
template <class T>
__global__ void copy_beginnings(const T* x, T* y) {
  T* const pieces = dynamic_shared<T>();
  const int thread = static_cast<int>(threadIdx.x);
  copy_async<16>(pieces + 4 * thread, x + 4 * thread, 4 * (thread % 5));
  commit_copies();
  wait_for_copies<0>();
  for (int i = 0; i < 4; ++i) y[4 * thread + i] = pieces[4 * thread + i];
}

template <int Bytes>
void check_rows() {
  constexpr int tiles = 5, threads = 48, numbers = tiles * threads * Bytes / 4, row = numbers / tiles;
  std::vector<float> values(numbers);
  std::iota(values.begin(), values.end(), 1.0f);
  const auto x = to_device(values);
  const auto reversed = same_under_three_schedules([&] {
    DeviceVector<float> y(numbers);
    const std::size_t shared = 2 * sizeof(float) * static_cast<std::size_t>(row);
    launch<reverse_rows<float, Bytes>>(DefaultStream{}, {1, threads, shared}, x.view().data, tiles, y.view().data);
    return y.to_host();
  });
  for (int tile = 0; tile < tiles; ++tile)
    for (int i = 0; i < row; ++i)
      REQUIRE(reversed[static_cast<std::size_t>(tile * row + i)] == static_cast<float>(tile * row + row - i));
}

}  // namespace

TEST_CASE("tiles that arrive while the one before is at work", "[cuda]") {
  check_rows<4>();
  check_rows<8>();
  check_rows<16>();
}

TEST_CASE("what is not copied of a piece is zeros", "[cuda]") {
  std::vector<float> values(4 * 32);
  std::iota(values.begin(), values.end(), 1.0f);
  const auto x = to_device(values);
  const auto copied = same_under_three_schedules([&] {
    DeviceVector<float> y(4 * 32);
    launch<copy_beginnings<float>>(DefaultStream{}, {1, 32, 16 * 32}, x.view().data, y.view().data);
    return y.to_host();
  });
  for (std::size_t i = 0; i < copied.size(); ++i) CHECK(copied[i] == (i % 4 < i / 4 % 5 ? values[i] : 0.0f));
}
