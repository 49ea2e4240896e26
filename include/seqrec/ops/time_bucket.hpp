// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>

#include "seqrec/core/types.hpp"

namespace seqrec {

/// Buckets of time_bucket.
inline constexpr index_t time_buckets = 128;

/// Seconds from one time to another, whichever is later.
SEQREC_HOST_DEVICE constexpr std::uint64_t seconds_between(std::int64_t a, std::int64_t b) {
  const auto x = static_cast<std::uint64_t>(a), y = static_cast<std::uint64_t>(b);  // unsigned: no overflow
  return a > b ? x - y : y - x;
}

/// floor(log(max(1, seconds)) / 0.301), at most 127: spans of time whose logarithms are alike (HSTU, Zhai et al. 2024,
/// arXiv:2402.17152, reference code). A minute is in bucket 13, a day in 37, a year in 57.
SEQREC_HOST_DEVICE inline index_t time_bucket(std::uint64_t seconds) {
  if (seconds <= 1) return 0;
  const auto bucket = static_cast<index_t>(std::log(static_cast<double>(seconds)) / 0.301);
  return bucket < time_buckets ? bucket : time_buckets - 1;
}

}  // namespace seqrec
