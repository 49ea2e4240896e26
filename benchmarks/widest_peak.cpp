// SPDX-License-Identifier: Apache-2.0
// What one core can do with the widest vectors that it has, whatever this program was compiled for.

#include "widest_peak.hpp"

#include <algorithm>

#include "peak.hpp"
#include "processor.hpp"

namespace benchmarks {

#if defined(__x86_64__)
namespace {

constexpr int rounds = 4'000'000;

// A macro about a `Vector`, because a function can only be inlined where it has its caller's instructions; and names
// instead of an array, because g++ keeps an array of vectors in memory.
#define SEQREC_MULTIPLY_ADDS                                                                                \
  Vector a = Vector{} + from, b = a + from, c = b + from, d = c + from, e = d + from, f = e + from;         \
  Vector g = f + from, h = g + from, i = h + from, j = i + from, k = j + from, l = k + from;                \
  const Vector factor = Vector{} + 0.999f, summand = Vector{} + 0.001f;                                     \
  for (int round = 0; round < rounds; ++round) {                                                            \
    a = a * factor + summand, b = b * factor + summand, c = c * factor + summand, d = d * factor + summand; \
    e = e * factor + summand, f = f * factor + summand, g = g * factor + summand, h = h * factor + summand; \
    i = i * factor + summand, j = j * factor + summand, k = k * factor + summand, l = l * factor + summand; \
  }                                                                                                         \
  const Vector sum = a + b + c + d + e + f + g + h + i + j + k + l;                                         \
  float total = 0;                                                                                          \
  for (unsigned lane = 0; lane < sizeof sum / sizeof(float); ++lane) total += sum[lane];                    \
  return total

__attribute__((target("avx2,fma"), noinline)) float multiply_add_8(float from) {
  using Vector = float __attribute__((vector_size(32)));
  SEQREC_MULTIPLY_ADDS;
}
__attribute__((target("avx512f"), noinline)) float multiply_add_16(float from) {
  using Vector = float __attribute__((vector_size(64)));
  SEQREC_MULTIPLY_ADDS;
}

}  // namespace

double widest_peak() {
  const int lanes = processor_lanes();
  if (lanes < 8) return 0;
  float (*volatile const loop)(float) =
      lanes == 16 ? multiply_add_16 : multiply_add_8;  // volatile: to be called each time
  double best = 0;
  for (int repetition = 0; repetition < 3; ++repetition) {
    const double start = thread_seconds();
    const float sum = loop(1);
    const double elapsed = thread_seconds() - start;
    if (sum > 0) best = std::max(best, 2.0 * 12 * lanes * rounds / elapsed);
  }
  return best;
}
#else
double widest_peak() { return 0; }
#endif

}  // namespace benchmarks
