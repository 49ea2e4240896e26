// SPDX-License-Identifier: Apache-2.0
// How fast one core reads what lies in its first cache, in its second, and beyond: the other roof beside the peak of
// multiply-adds. 64 MiB are about what a step of Adam reads and writes at a table of 63,000 items.

#include "harness.hpp"

namespace {

using namespace benchmarks;

void read(benchmark::State& state) {
  using Numbers = Eigen::Array<float, Eigen::Dynamic, 1>;
  const index_t floats = state.range(0) * 1024 / static_cast<index_t>(sizeof(float));
  const Numbers numbers = Numbers::Ones(floats);
  // Eight sums at once: one alone would wait for itself.
  constexpr index_t strip = 8 * static_cast<index_t>(peak_detail::lanes);
  for ([[maybe_unused]] auto _ : state) {
    Eigen::Array<float, strip, 1> sums = Eigen::Array<float, strip, 1>::Zero();
    for (index_t i = 0; i < floats; i += strip) sums += numbers.segment<strip>(i);
    benchmark::DoNotOptimize(sums.data());
    benchmark::ClobberMemory();
  }
  report(state, {.rows = static_cast<double>(floats), .bytes = sizeof(float) * static_cast<double>(floats)});
}

BENCHMARK(read)
    ->Name("memory/read/cpu/f32")
    ->ArgName("KiB")
    ->Arg(16)
    ->Arg(512)
    ->Arg(64 * 1024)
    ->Unit(benchmark::kMicrosecond);

}  // namespace
