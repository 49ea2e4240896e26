// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cpu/bf16_pairs.hpp"

#include <Eigen/Core>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;
using namespace seqrec::cpu;

TEST_CASE("bfloat16: numbers are rounded as Eigen rounds them", "[cpu]") {
  constexpr float infinity = std::numeric_limits<float>::infinity(), largest = std::numeric_limits<float>::max();
  std::vector<float> values = {0.0f,      -0.0f,     1.0f,     1.0f + 0x1p-8f, 1.0f + 0x3p-8f, 1.0f + 0x1.2p-8f,
                               0x1p-133f, 0x1p-149f, -largest, infinity,       -infinity,      3.14159f,
                               -1e-30f,   largest};
  std::mt19937 random(1);
  for (int i = 0; i < 10'000; ++i) {
    const auto any = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (!std::isnan(any)) values.push_back(any);
  }
  for (const float value : values) {
    CAPTURE(value);
    const auto found = std::bit_cast<float>(bf16_bits(value)), expected = static_cast<float>(Eigen::bfloat16(value));
    REQUIRE(std::bit_cast<std::uint32_t>(found) == std::bit_cast<std::uint32_t>(expected));
    if (std::abs(value) < 3e38f && std::abs(value) > 1e-37f)
      REQUIRE(std::abs(found - value) <= 0x1p-8f * std::abs(value));
  }
}

TEST_CASE("bfloat16: sixteen numbers at a time are rounded like each by itself", "[cpu]") {
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  float numbers[16];
  std::uint16_t halves[16];
  for (int round = 0; round < 100; ++round) {
    for (float& number : numbers) number = normal(random);
    numbers[3] = 0;
    numbers[5] = std::numeric_limits<float>::infinity();
    bf16_halves(numbers, halves);
    for (int i = 0; i < 16; ++i) REQUIRE(halves[i] == bf16_bits(numbers[i]) >> 16);
  }
  numbers[7] = std::nanf("");
  bf16_halves(numbers, halves);
  CHECK(std::isnan(std::bit_cast<float>(static_cast<std::uint32_t>(halves[7]) << 16)));
}

TEST_CASE("bfloat16: what is no number stays none", "[cpu]") {
  for (const std::uint32_t bits : {0x7fc00000u, 0x7f800001u, 0x7fffffffu, 0xffffffffu, 0xff800001u})
    CHECK(std::isnan(std::bit_cast<float>(bf16_bits(std::bit_cast<float>(bits)))));
}

TEST_CASE("bfloat16: rows are paired along themselves and with each other", "[cpu]") {
  for (const index_t count : {1, 2, 5, 16, 33}) {
    std::vector<float> first, second;
    for (index_t i = 0; i < count; ++i) {
      first.push_back(static_cast<float>(i + 1));
      second.push_back(static_cast<float>(-2 * i));
    }
    const auto upper = [](float value) { return std::bit_cast<std::uint32_t>(value); };
    std::vector<Bf16Pair> along(static_cast<std::size_t>(bf16_pairs(count)), 99), across(first.size(), 99);
    pair_up(first.data(), count, along.data());
    pair_up(first.data(), second.data(), count, across.data());
    for (std::size_t i = 0; i < first.size(); ++i) {  // small whole numbers: nothing is rounded
      CHECK(across[i] == (upper(first[i]) >> 16 | upper(second[i])));
      CHECK((i % 2 == 0 ? along[i / 2] << 16 : along[i / 2] & 0xffff0000) == upper(first[i]));
    }
    if (count % 2 != 0) CHECK(along.back() >> 16 == 0);
  }
}
