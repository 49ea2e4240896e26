// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <benchmark/benchmark.h>

#include "peak.hpp"

// What stands in a benchmark's line beside its time.

namespace benchmarks {

inline constexpr const char* rate_counter = "flop/s";
inline constexpr const char* percent_counter = "%peak";  ///< of what multiply-adds in registers reach in the same run
inline constexpr const char* peak_counter = "peak";      ///< from `report` to main.cpp, which makes a percentage of it

/// What one run amounts to.
struct Cost {
  double rows = 0;        ///< users, tokens or elements, whatever the op works through
  double operations = 0;  ///< useful floating-point ones; 0 where they are not the point
  double bytes = 0;       ///< of operands and results, each once; 0 where nobody counted
};

/// Adds rows/s, flop/s and the share of the peak of `cost` to a benchmark's line.
/// @param threads  that worked on it
inline void report(benchmark::State& state, const Cost& cost, int threads = 1) {
  using benchmark::Counter;
  state.counters["rows/s"] = Counter(cost.rows, Counter::kIsIterationInvariantRate);
  if (cost.bytes > 0) state.counters["bytes/s"] = Counter(cost.bytes, Counter::kIsIterationInvariantRate);
  if (cost.operations <= 0) return;
  state.counters[rate_counter] = Counter(cost.operations, Counter::kIsIterationInvariantRate);
  state.counters[peak_counter] = peak(threads);
}

}  // namespace benchmarks
