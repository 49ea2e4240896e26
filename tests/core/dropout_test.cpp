// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/dropout.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::message_of;

namespace {

constexpr std::uint32_t rows = 400, columns = 50;

Dropout half(std::uint64_t seed = 1, std::uint32_t step = 3, std::uint32_t site = 2) {
  return {philox_key(seed, Purpose::dropout), step, site, 0, Dropout::threshold_of(0.5)};
}

std::vector<bool> mask(const Dropout& dropout) {
  std::vector<bool> kept;
  for (std::uint32_t row = 0; row < rows; ++row)
    for (std::uint32_t column = 0; column < columns; ++column) kept.push_back(dropout.keeps(row, column));
  return kept;
}

double agreement(const std::vector<bool>& a, const std::vector<bool>& b) {
  double equal = 0;
  for (std::size_t i = 0; i < a.size(); ++i) equal += a[i] == b[i];
  return equal / static_cast<double>(a.size());
}

}  // namespace

TEST_CASE("thresholds are probabilities in 16 bits", "[core]") {
  CHECK(Dropout::threshold_of(0.0) == 0);
  CHECK(Dropout::threshold_of(0.5) == 32768);
  CHECK(Dropout::threshold_of(0.2) == 13107);
  CHECK(Dropout::threshold_of(0.9999) == 65529);
}

TEST_CASE("probabilities outside [0, 1) are refused, not clamped", "[core][errors]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double bad : {-0.1, -1e-9, 1.0, 1.5, 0.999999, nan, std::numeric_limits<double>::infinity()})
    CHECK_THROWS_AS(Dropout::threshold_of(bad), ArgumentError);
  CHECK(message_of<ArgumentError>([] { Dropout::threshold_of(1.5); }) ==
        "dropout probability is 1.5, expected a value in [0, 1)");
}

TEST_CASE("the kept fraction is that of the probability, and scale its inverse", "[core]") {
  for (const double probability : {0.1, 0.2, 0.5, 0.9}) {
    Dropout dropout = half();
    dropout.threshold = Dropout::threshold_of(probability);
    CHECK(dropout.active());
    double kept = 0;
    for (const bool keeps : mask(dropout)) kept += keeps;
    const double count = double{rows} * columns;
    const double deviation = std::sqrt(probability * (1 - probability) / count);
    CHECK(kept / count == Approx(1 - probability).margin(4 * deviation));
    // the expectation of a scaled element is the element: exactly, although the probability was rounded
    CHECK(dropout.scale() * (65536.0 - dropout.threshold) / 65536.0 == Approx(1.0).epsilon(1e-15));
    CHECK(dropout.scale() == Approx(1 / (1 - probability)).epsilon(1e-4));
  }
}

TEST_CASE("without a threshold everything is kept as it is", "[core]") {
  Dropout dropout = half();
  dropout.threshold = 0;
  CHECK_FALSE(dropout.active());
  CHECK(dropout.scale() == 1.0);
  CHECK(mask(dropout) == std::vector<bool>(rows * columns, true));
}

TEST_CASE("an element is its column's lane of its row's block", "[core]") {
  // What vectorised backends rely on: eight columns a block, low half of each word first.
  const Dropout dropout = half();
  for (const std::uint32_t row : {0u, 1u, 70'000u}) {
    for (std::uint32_t block = 0; block < 4; ++block) {
      const PhiloxBlock bits = philox({{block, row, dropout.site, dropout.step}}, dropout.key);
      for (std::uint32_t lane = 0; lane < 8; ++lane) {
        const std::uint32_t value = lane % 2 == 0 ? bits.word[lane / 2] & 0xFFFF : bits.word[lane / 2] >> 16;
        CHECK(dropout.keeps(row, 8 * block + lane) == (value >= dropout.threshold));
      }
    }
  }
}

TEST_CASE("masks of other seeds, steps and sites are independent", "[core]") {
  const std::vector<bool> reference = mask(half());
  CHECK(mask(half()) == reference);
  const double margin = 4 * 0.5 / std::sqrt(double{rows} * columns);
  CHECK(agreement(reference, mask(half(2))) == Approx(0.5).margin(margin));
  CHECK(agreement(reference, mask(half(1, 4))) == Approx(0.5).margin(margin));
  CHECK(agreement(reference, mask(half(1, 3, 3))) == Approx(0.5).margin(margin));
}

TEST_CASE("an element's mask does not depend on the shard it lies in", "[core]") {
  Dropout shard = half();
  shard.first_row = 123;  // tells an op what to add to its own rows, and changes no bits
  CHECK(mask(shard) == mask(half()));
}
