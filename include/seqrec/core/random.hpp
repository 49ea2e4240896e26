// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>

#include "seqrec/core/types.hpp"

namespace seqrec {

/// The key of a Philox generator.
struct PhiloxKey {
  std::uint32_t low = 0;
  std::uint32_t high = 0;

  bool operator==(const PhiloxKey&) const = default;
};

/// One block of random bits.
struct PhiloxBlock {
  std::uint32_t word[4];
};

/// Constants of Philox-4x32 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", table 2).
inline constexpr int philox_rounds = 10;
/// Scalars, because device code may not read the elements of a constant array of the host.
inline constexpr std::uint32_t philox_multiplier_a = 0xD2511F53u, philox_multiplier_b = 0xCD9E8D57u;
inline constexpr std::uint32_t philox_weyl_low = 0x9E3779B9u, philox_weyl_high = 0xBB67AE85u;

/// Philox-4x32-10: a bijection of the counter chosen by the key. Random access: any block costs the same, in any order,
/// on any thread and any backend.
SEQREC_HOST_DEVICE inline PhiloxBlock philox(PhiloxBlock counter, PhiloxKey key) {
  for (int round = 0; round < philox_rounds; ++round) {
    const std::uint64_t a = std::uint64_t{philox_multiplier_a} * counter.word[0];
    const std::uint64_t b = std::uint64_t{philox_multiplier_b} * counter.word[2];
    counter = {{static_cast<std::uint32_t>(b >> 32) ^ counter.word[1] ^ key.low, static_cast<std::uint32_t>(b),
                static_cast<std::uint32_t>(a >> 32) ^ counter.word[3] ^ key.high, static_cast<std::uint32_t>(a)}};
    key.low += philox_weyl_low;
    key.high += philox_weyl_high;
  }
  return counter;
}

/// What random numbers are for. Streams of one seed with different purposes are independent.
enum class Purpose : std::uint64_t {
  initial_weights = 1,
  shuffle = 2,
  negatives = 3,
  dropout = 4,
  candidates = 5,
  synthetic_data = 6,
  resampling = 7,
  shared_negatives = 8,
  windows = 9,
  tree_negatives = 10
};

/// The finaliser of SplitMix64 (Steele et al. 2014): spreads every input bit over the whole output.
constexpr std::uint64_t mix_bits(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15ull;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

/// The key for a user's seed and a purpose.
constexpr PhiloxKey philox_key(std::uint64_t seed, Purpose purpose) {
  const std::uint64_t bits = mix_bits(mix_bits(seed) ^ static_cast<std::uint64_t>(purpose));
  return {static_cast<std::uint32_t>(bits), static_cast<std::uint32_t>(bits >> 32)};
}

/// A sequence of random numbers on the host, one of 2^64 independent ones per key. Two streams never share state, so
/// what one draws does not depend on who else draws.
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, Purpose purpose, std::uint64_t stream)
      : key_(philox_key(seed, purpose)), stream_(stream) {}

  /// 32 uniform bits.
  std::uint32_t bits() {
    if (used_ == 4) {
      block_ = philox({{static_cast<std::uint32_t>(next_), static_cast<std::uint32_t>(next_ >> 32),
                        static_cast<std::uint32_t>(stream_), static_cast<std::uint32_t>(stream_ >> 32)}},
                      key_);
      ++next_;
      used_ = 0;
    }
    return block_.word[used_++];
  }

  /// Uniform in [0, 1), 53 bits.
  double uniform() {
    const std::uint64_t high = bits() >> 5, low = bits() >> 6;
    return static_cast<double>(high << 26 | low) * 0x1p-53;
  }

  /// Uniform in 0 .. bound-1, without bias (Lemire 2019, "Fast random integer generation in an interval").
  /// `bound` must lie in 1 .. 2^32-1.
  std::uint32_t below(std::uint32_t bound) {
    std::uint64_t product = std::uint64_t{bits()} * bound;
    if (static_cast<std::uint32_t>(product) < bound) {
      const std::uint32_t threshold = (0u - bound) % bound;
      while (static_cast<std::uint32_t>(product) < threshold) product = std::uint64_t{bits()} * bound;
    }
    return static_cast<std::uint32_t>(product >> 32);
  }

  /// Standard normal (Box and Muller 1958).
  double normal() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
    const double angle = 6.283185307179586476925 * uniform();
    spare_ = radius * std::sin(angle);
    has_spare_ = true;
    return radius * std::cos(angle);
  }

 private:
  PhiloxKey key_;
  std::uint64_t stream_;
  std::uint64_t next_ = 0;
  PhiloxBlock block_{};
  int used_ = 4;
  double spare_ = 0;
  bool has_spare_ = false;
};

}  // namespace seqrec
