// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/random.hpp"

#include <cmath>
#include <cstdint>
#include <set>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;

namespace {

std::vector<std::uint32_t> words(PhiloxBlock block) { return {block.word, block.word + 4}; }

std::vector<std::uint32_t> draw(RandomStream stream, int count) {
  std::vector<std::uint32_t> drawn;
  for (int i = 0; i < count; ++i) drawn.push_back(stream.bits());
  return drawn;
}

/// Pearson's statistic for equally likely cells: mean cells-1, variance 2(cells-1).
double chi_squared(const std::vector<int>& counts) {
  double total = 0, sum = 0;
  for (const int count : counts) total += count;
  const double expected = total / static_cast<double>(counts.size());
  for (const int count : counts) sum += (count - expected) * (count - expected) / expected;
  return sum;
}

}  // namespace

TEST_CASE("Philox gives the known answers of its authors", "[core]") {
  // philox4x32-10 in kat_vectors of Random123 1.14 (Salmon et al. 2011)
  using Words = std::vector<std::uint32_t>;
  CHECK(words(philox({{0, 0, 0, 0}}, {0, 0})) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(words(philox({{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}}, {0xffffffff, 0xffffffff})) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(words(philox({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, {0xa4093822, 0x299f31d0})) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("SplitMix64's finaliser gives its known answers", "[core]") {
  // the first two numbers of SplitMix64 from state 1234567
  CHECK(mix_bits(1234567) == 6457827717110365317ull);
  CHECK(mix_bits(1234567 + 0x9E3779B97F4A7C15ull) == 3203168211198807973ull);
}

TEST_CASE("keys tell seeds and purposes apart", "[core]") {
  std::set<std::uint64_t> keys;
  for (std::uint64_t seed = 0; seed < 100; ++seed)
    for (const Purpose purpose :
         {Purpose::initial_weights, Purpose::shuffle, Purpose::negatives, Purpose::dropout, Purpose::candidates,
          Purpose::synthetic_data, Purpose::resampling, Purpose::shared_negatives, Purpose::windows}) {
      const PhiloxKey key = philox_key(seed, purpose);
      keys.insert(std::uint64_t{key.high} << 32 | key.low);
    }
  CHECK(keys.size() == 900);
}

TEST_CASE("a stream is the blocks of its counter, whoever else draws", "[core]") {
  const std::uint64_t number = 0x123456789ABCDEFull;
  RandomStream stream(7, Purpose::shuffle, number);
  RandomStream other(7, Purpose::shuffle, number + 1);
  for (std::uint32_t block = 0; block < 3; ++block)
    for (const std::uint32_t word :
         words(philox({{block, 0, 0x89ABCDEF, 0x01234567}}, philox_key(7, Purpose::shuffle)))) {
      CHECK(stream.bits() == word);
      other.bits();
    }
}

TEST_CASE("streams repeat for the same seed, purpose and number and for no other", "[core]") {
  const auto drawn = draw(RandomStream(1, Purpose::negatives, 5), 100);
  CHECK(draw(RandomStream(1, Purpose::negatives, 5), 100) == drawn);
  CHECK(draw(RandomStream(2, Purpose::negatives, 5), 100) != drawn);
  CHECK(draw(RandomStream(1, Purpose::candidates, 5), 100) != drawn);
  CHECK(draw(RandomStream(1, Purpose::negatives, 6), 100) != drawn);

  RandomStream stream(1, Purpose::negatives, 5);
  stream.bits();
  RandomStream copy = stream;  // a copy goes on from where the original was
  CHECK(copy.bits() == stream.bits());
}

TEST_CASE("uniform numbers fill [0, 1) evenly", "[core]") {
  RandomStream stream(3, Purpose::shuffle, 0);
  const int count = 100'000;
  std::vector<int> cells(64, 0);
  double sum = 0, products = 0, previous = stream.uniform();
  for (int i = 0; i < count; ++i) {
    const double value = stream.uniform();
    REQUIRE((value >= 0.0 && value < 1.0));
    ++cells[static_cast<std::size_t>(value * 64)];
    sum += value;
    products += (value - 0.5) * (previous - 0.5);
    previous = value;
  }
  CHECK(sum / count == Approx(0.5).margin(4 * std::sqrt(1.0 / 12 / count)));
  CHECK(products / count == Approx(0.0).margin(4.0 / 12 / std::sqrt(count)));  // neighbours do not correlate
  CHECK(chi_squared(cells) < 63 + 4 * std::sqrt(2.0 * 63));
}

TEST_CASE("below gives every number equally often", "[core]") {
  RandomStream stream(4, Purpose::negatives, 0);
  for (const std::uint32_t bound : {2u, 6u, 7u, 100u}) {
    std::vector<int> counts(bound, 0);
    for (int i = 0; i < 100'000; ++i) {
      const std::uint32_t value = stream.below(bound);
      REQUIRE(value < bound);
      ++counts[value];
    }
    CHECK(chi_squared(counts) < bound - 1 + 4 * std::sqrt(2.0 * (bound - 1)));
  }
  for (int i = 0; i < 100; ++i) REQUIRE(stream.below(1) == 0);
}

TEST_CASE("below is unbiased where scaling alone is not", "[core]") {
  // Of 2^32 inputs scaled to 3 * 2^30 values, each third value would get two and the others one.
  RandomStream stream(5, Purpose::negatives, 0);
  const std::uint32_t bound = 3u << 30;
  std::vector<int> counts(3, 0);
  for (int i = 0; i < 30'000; ++i) {
    const std::uint32_t value = stream.below(bound);
    REQUIRE(value < bound);
    ++counts[value % 3];
  }
  CHECK(chi_squared(counts) < 2 + 4 * std::sqrt(2.0 * 2));
}

TEST_CASE("normal numbers have the normal distribution's moments and tails", "[core]") {
  RandomStream stream(6, Purpose::initial_weights, 0);
  const int count = 200'000;
  double sums[5] = {}, products = 0, previous = 0;
  int beyond_two = 0;
  for (int i = 0; i < count; ++i) {
    const double value = stream.normal();
    REQUIRE(std::isfinite(value));
    for (int power = 1; power <= 4; ++power) sums[power] += std::pow(value, power);
    beyond_two += std::abs(value) > 2.0;
    products += value * previous;  // the two of a pair come after one another
    previous = value;
  }
  const double deviation = 1 / std::sqrt(count);
  CHECK(sums[1] / count == Approx(0.0).margin(4 * deviation));
  CHECK(sums[2] / count == Approx(1.0).margin(4 * std::sqrt(2.0) * deviation));
  CHECK(sums[3] / count == Approx(0.0).margin(4 * std::sqrt(15.0) * deviation));
  CHECK(sums[4] / count == Approx(3.0).margin(4 * std::sqrt(96.0) * deviation));
  CHECK(products / count == Approx(0.0).margin(4 * deviation));
  CHECK(beyond_two / static_cast<double>(count) == Approx(0.0455).margin(4 * std::sqrt(0.0455) * deviation));
}
