// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

// What vectors a program was compiled for, and what the processor that runs it has. Lanes are floats of a register.
// Files of one program are compiled for different processors, so each has functions of its own (static).

namespace benchmarks {

/// @return 16 with AVX-512, 8 with AVX2 and fused multiply-adds, else 4 (of any architecture)
static constexpr int compiled_lanes() {
#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512VL__) && defined(__AVX512BW__)
  return 16;
#elif defined(__AVX2__) && defined(__FMA__)
  return 8;
#else
  return 4;
#endif
}

/// The same of the processor; where we cannot ask, what we were compiled for.
static inline int processor_lanes() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512bw"))
    return 16;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 8;
  return 4;
#else
  return compiled_lanes();
#endif
}

/// "AVX-512, 16 lanes"
static inline std::string name_of_lanes(int lanes) {
#if defined(__x86_64__)
  const char* const name = lanes == 16 ? "AVX-512" : lanes == 8 ? "AVX2" : "SSE2";
#else
  const char* const name = "vectors";
#endif
  return std::string(name) + ", " + std::to_string(lanes) + " lanes";
}

}  // namespace benchmarks
