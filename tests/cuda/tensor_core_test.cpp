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
/// @tparam in_pairs  two terms are read at once
template <class Mma, bool in_pairs, class T>
__global__ void multiply(const T* a, const T* b, T* c) {
  using Sums = MmaSums<T>;
  const int warp = static_cast<int>((threadIdx.x + blockDim.x * threadIdx.y) / warp_size);
  a += warp * mma_rows * Mma::terms;
  b += warp * Mma::terms * mma_columns;
  c += warp * mma_rows * mma_columns;
  Mma mma;
  const auto left = [&](int row, int term) { return a[row * Mma::terms + term]; };
  const auto right = [&](int term, int column) { return b[term * mma_columns + column]; };
  if constexpr (in_pairs) {
    struct Pair {
      float values[2];
    };
    mma.set_left_pairs([&](int row, int term) { return Pair{{left(row, term), left(row, term + 1)}}; });
    mma.set_right_pairs([&](int term, int column) { return Pair{{right(term, column), right(term + 1, column)}}; });
  } else {
    mma.set_left(left);
    mma.set_right(right);
  }
  Sums sums;
  for (int i = 0; i < 4; ++i) sums.values[i] = c[Sums::row(i) * mma_columns + Sums::column(i)];
  mma.multiply(sums);
  for (int i = 0; i < 4; ++i) c[Sums::row(i) * mma_columns + Sums::column(i)] = sums.values[i];
}

template <class T>
__global__ void round_numbers(const T* x, std::uint32_t* tf32, std::uint32_t* pairs) {
  tf32[threadIdx.x] = tf32_bits(x[threadIdx.x]);
  pairs[threadIdx.x] = bf16_pair(x[threadIdx.x], -x[threadIdx.x]);
}

constexpr int warps = 2;

/// Numbers that all kinds hold exactly, so that only sums round.
template <class T>
std::vector<T> numbers(int count, unsigned seed) {
  std::minstd_rand random(seed);
  std::vector<T> values(static_cast<std::size_t>(count));
  for (T& value : values) value = static_cast<T>(static_cast<int>(random() % 255) - 127) / 16;
  return values;
}

/// Numbers of (0, 1) with all digits that a float has.
std::vector<float> long_numbers(int count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = static_cast<float>(random() >> 8 | 1u) * 0x1p-24f;
  return values;
}

/// @param most_off  by how much of the sum of |a| |b| a result may differ from the product of a, b and c
template <class Mma, bool in_pairs = false, class T>
void check_products(const std::vector<T>& a, const std::vector<T>& b, const std::vector<T>& c, double most_off) {
  constexpr int terms = Mma::terms;
  const auto left = to_device(a), right = to_device(b);
  for (const dim3 block : {dim3(warp_size * warps), dim3(8, 4 * warps)}) {
    const auto products = same_under_three_schedules([&] {
      auto sums = to_device(c);
      launch<multiply<Mma, in_pairs, T>>(DefaultStream{}, {1, block}, left.view().data, right.view().data,
                                         sums.view().data);
      return sums.to_host();
    });
    for (int warp = 0; warp < warps; ++warp)
      for (int row = 0; row < mma_rows; ++row)
        for (int column = 0; column < mma_columns; ++column) {
          CAPTURE(warp, row, column);
          const auto at = [](const std::vector<T>& of, int i) {
            return static_cast<double>(of[static_cast<std::size_t>(i)]);
          };
          const int element = (warp * mma_rows + row) * mma_columns + column;
          double sum = at(c, element), sizes = std::abs(sum);
          for (int term = 0; term < terms; ++term) {
            const double product =
                at(a, (warp * mma_rows + row) * terms + term) * at(b, (warp * terms + term) * mma_columns + column);
            sum += product;
            sizes += std::abs(product);
          }
          REQUIRE(std::abs(at(products, element) - sum) <= most_off * sizes);
        }
  }
}

/// Sums of multiples of 1/256 below 2^11 are exact in single precision, in whatever order.
template <class Mma, bool in_pairs = false, class T = float>
void check_exact_products() {
  check_products<Mma, in_pairs>(numbers<T>(warps * mma_rows * Mma::terms, 1),
                                numbers<T>(warps * Mma::terms * mma_columns, 2),
                                numbers<T>(warps * mma_rows * mma_columns, 3), 0);
}

}  // namespace

TEST_CASE("a warp multiplies in bf16: every element lies in the lane and register where it belongs", "[cuda]") {
  check_exact_products<MmaBf16>();
  check_exact_products<MmaBf16, true>();
}

TEST_CASE("a warp multiplies in TF32: every element lies in the lane and register where it belongs", "[cuda]") {
  check_exact_products<MmaTf32>();
  check_exact_products<MmaTf32, true>();
}

TEST_CASE("a warp multiplies in double: every element lies in the lane and register where it belongs", "[cuda]") {
  check_exact_products<MmaDouble, false, double>();
}

TEST_CASE("a warp multiplies floats by three products in TF32, about as exactly as sums of floats are", "[cuda]") {
  check_exact_products<MmaFloat>();
  check_exact_products<MmaFloat, true>();
  // Sums of eight positive numbers, each rounded by less than 2^-23 of what it is then.
  check_products<MmaFloat>(long_numbers(warps * mma_rows * 8, 4), long_numbers(warps * 8 * mma_columns, 5),
                           std::vector<float>(warps * mma_rows * mma_columns), 0x1p-20);
}

TEST_CASE("products of numbers that are none are none", "[cuda]") {
  for (const float bad : {NAN, INFINITY}) {
    std::vector<float> a(warps * mma_rows * 8, 1.0f);
    a[3] = bad;
    const auto left = to_device(a), right = to_device(std::vector<float>(warps * 8 * mma_columns, 1.0f));
    auto sums = to_device(std::vector<float>(warps * mma_rows * mma_columns));
    launch<multiply<MmaFloat, false, float>>(DefaultStream{}, {1, warp_size * warps}, left.view().data,
                                             right.view().data, sums.view().data);
    const auto products = sums.to_host();
    CHECK_FALSE(std::isfinite(products[0]));
    CHECK(products[mma_columns] == 8.0f);
  }
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
