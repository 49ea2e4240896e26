// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/tensor_core.cuh"

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "cuda/device_support.hpp"
#include "seqrec/cuda/launch.cuh"

namespace {

using namespace seqrec_test;
using namespace seqrec::cuda;

/// C (16, 8) += A (16, K) B (K, 8), by each warp of a block for matrices of its own.
template <class Mma, class T>
__global__ void multiply(const T* a, const T* b, T* c) {
  const int warp = static_cast<int>((threadIdx.x + blockDim.x * threadIdx.y) / warp_size);
  a += warp * mma_rows * Mma::terms;
  b += warp * Mma::terms * mma_columns;
  c += warp * mma_rows * mma_columns;
  Mma mma;
  mma.set_left([&](int row, int term) { return a[row * Mma::terms + term]; });
  mma.set_right([&](int term, int column) { return b[term * mma_columns + column]; });
  MmaSums sums;
  for (int i = 0; i < 4; ++i) sums.values[i] = c[MmaSums::row(i) * mma_columns + MmaSums::column(i)];
  mma.multiply(sums);
  for (int i = 0; i < 4; ++i) c[MmaSums::row(i) * mma_columns + MmaSums::column(i)] = sums.values[i];
}

template <class T>
__global__ void round_numbers(const T* x, std::uint32_t* tf32, std::uint32_t* pairs) {
  tf32[threadIdx.x] = tf32_bits(x[threadIdx.x]);
  pairs[threadIdx.x] = bf16_pair(x[threadIdx.x], -x[threadIdx.x]);
}

constexpr int warps = 2;

/// Numbers that both kinds hold exactly, so that only sums round.
std::vector<float> numbers(int count, unsigned seed) {
  std::minstd_rand random(seed);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = static_cast<float>(static_cast<int>(random() % 255) - 127) / 16;
  return values;
}

template <class Mma>
void check_products() {
  constexpr int terms = Mma::terms;
  const std::vector<float> a = numbers(warps * mma_rows * terms, 1), b = numbers(warps * terms * mma_columns, 2),
                           c = numbers(warps * mma_rows * mma_columns, 3);
  const auto left = to_device(a), right = to_device(b);
  for (const dim3 block : {dim3(warp_size * warps), dim3(8, 4 * warps)}) {
    const auto products = same_under_three_schedules([&] {
      auto sums = to_device(c);
      launch<multiply<Mma, float>>(DefaultStream{}, {1, block}, left.view().data, right.view().data, sums.view().data);
      return sums.to_host();
    });
    for (int warp = 0; warp < warps; ++warp)
      for (int row = 0; row < mma_rows; ++row)
        for (int column = 0; column < mma_columns; ++column) {
          CAPTURE(warp, row, column);
          const auto at = [](const std::vector<float>& of, int i) {
            return static_cast<double>(of[static_cast<std::size_t>(i)]);
          };
          const int element = (warp * mma_rows + row) * mma_columns + column;
          double sum = at(c, element);
          for (int term = 0; term < terms; ++term)
            sum += at(a, (warp * mma_rows + row) * terms + term) * at(b, (warp * terms + term) * mma_columns + column);
          // Sums of multiples of 1/256 below 2^11 are exact in single precision, in whatever order.
          REQUIRE(at(products, element) == sum);
        }
  }
}

}  // namespace

TEST_CASE("a warp multiplies in bf16: every element lies in the lane and register where it belongs", "[cuda]") {
  check_products<MmaBf16>();
}

TEST_CASE("a warp multiplies in TF32: every element lies in the lane and register where it belongs", "[cuda]") {
  check_products<MmaTf32>();
}

TEST_CASE("single precision is rounded to what tensor cores take", "[cuda]") {
  std::vector<float> values = {0.0f,           1.0f,  1.0f + 0x1p-11f, 1.0f + 0x1p-12f, 1.0f + 0x1p-8f,
                               1.0f + 0x3p-8f, -3.3f, 1e-30f,          3e38f,           INFINITY};
  const auto x = to_device(values);
  const auto count = static_cast<seqrec::index_t>(values.size());
  DeviceVector<std::uint32_t> tf32(count), pairs(count);
  launch<round_numbers<float>>(DefaultStream{}, {1, static_cast<unsigned>(count)}, x.view().data, tf32.view().data,
                               pairs.view().data);
  const auto of_tf32 = tf32.to_host(), of_bf16 = pairs.to_host();
  // Halves go away from zero in TF32 (1 + 2^-11), and to even in bf16 (1 + 2^-8 down, 1 + 3 2^-8 up).
  CHECK(of_tf32[2] == 0x3F802000u);
  CHECK(of_tf32[3] == 0x3F800000u);
  CHECK(of_bf16[4] == 0xBF803F80u);
  CHECK(of_bf16[5] == 0xBF823F82u);
  CHECK(of_tf32[9] == 0x7F800000u);
  CHECK(of_bf16[9] == 0xFF807F80u);
  for (std::size_t i = 0; i < 9; ++i) {
    CAPTURE(values[i]);
    float back = 0;
    std::memcpy(&back, &of_tf32[i], sizeof back);
    CHECK(std::abs(back - values[i]) <= std::abs(values[i]) * 0x1p-11f);
    const std::uint32_t lower = of_bf16[i] << 16;
    std::memcpy(&back, &lower, sizeof back);
    CHECK(std::abs(back - values[i]) <= std::abs(values[i]) * 0x1p-8f);
    CHECK((of_bf16[i] >> 16 ^ 0x8000u) == (of_bf16[i] & 0xFFFFu));
  }
}
