// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Eigen/Core>
#include <bit>
#include <cstdint>

#if defined(__AVX512BF16__) && !defined(__CUDACC__)
#include <immintrin.h>
#endif

#include "seqrec/core/types.hpp"
#include "seqrec/cpu/gemm_tile.hpp"
#include "seqrec/cpu/instruction_set.hpp"

// Operands in bfloat16, a float's upper half: 8 bits of exponent, 8 of significand. A product reads two neighbours
// along k at a time, side by side in 32 bits, and adds both products to a float. Processors with AVX512_BF16 have one
// instruction for that, which on AMD's does twice the multiply-adds of float, and on Intel's as many; everywhere else
// the halves are taken apart, and nothing but memory is saved.
//
// Rounding an operand is off by 2^-8 of it at most, the sums are those of float. So an element of a product is off by
// less than 2^-7 of the sum of its terms' magnitudes, and as a rule by far less: errors go either way.

namespace seqrec::cpu {
inline namespace SEQREC_INSTRUCTION_SET {

/// Two neighbours along k of an operand, the first in the lower half.
using Bf16Pair = std::uint32_t;

/// Pairs that hold `inner` numbers: of the last one half is zero where they are odd.
constexpr index_t bf16_pairs(index_t inner) { return (inner + 1) / 2; }

/// The upper half of the nearest bfloat16, ties to even, as bits of a float whose lower half is zero. NaN stays NaN.
constexpr std::uint32_t bf16_bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t nearest = bits + 0x7fff + (bits >> 16 & 1);
  const bool is_nan = (bits & 0x7fffffff) > 0x7f800000;
  return (is_nan ? bits | 0x400000 : nearest) & 0xffff0000;
}

constexpr Bf16Pair bf16_pair(float first, float second) { return bf16_bits(first) >> 16 | bf16_bits(second); }

/// Rounds 16 numbers.
EIGEN_ALWAYS_INLINE void bf16_halves(const float* numbers, std::uint16_t* halves) {
#if defined(__AVX512BF16__) && !defined(__CUDACC__)
  const __m256bh rounded = _mm512_cvtneps_pbh(_mm512_loadu_ps(numbers));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(halves), reinterpret_cast<__m256i>(rounded));
#else
  for (int i = 0; i < 16; ++i) halves[i] = static_cast<std::uint16_t>(bf16_bits(numbers[i]) >> 16);
#endif
}

/// Pairs up a row along itself.   @param to of bf16_pairs(count)
inline void pair_up(const float* row, index_t count, Bf16Pair* to) {
  for (index_t pair = 0; pair < count / 2; ++pair) to[pair] = bf16_pair(row[2 * pair], row[2 * pair + 1]);
  if (count % 2 != 0) to[count / 2] = bf16_pair(row[count - 1], 0);
}

/// Pairs up two rows, element by element.
inline void pair_up(const float* first, const float* second, index_t count, Bf16Pair* to) {
  for (index_t i = 0; i < count; ++i) to[i] = bf16_pair(first[i], second[i]);
}

namespace gemm_detail {

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"  // a vector type as a template argument, as Eigen itself has it
/// Operands that are Bf16Pairs.
struct Bf16Terms {
  using Scalar = float;
  using Element = Bf16Pair;
  using Packet = typename Eigen::internal::packet_traits<float>::type;

#if defined(__AVX512BF16__) && !defined(__CUDACC__)
  using Register = __m512bh;

  static EIGEN_ALWAYS_INLINE Register load(const Element* from) {
    return reinterpret_cast<Register>(_mm512_loadu_si512(from));
  }
  static EIGEN_ALWAYS_INLINE Register spread(Element of_a) {
    return reinterpret_cast<Register>(_mm512_set1_epi32(static_cast<int>(of_a)));
  }
  static EIGEN_ALWAYS_INLINE Packet add_product(const Register& of_a, const Register& of_b, const Packet& sum) {
    return _mm512_dpbf16_ps(sum, of_a, of_b);
  }
#else
  /// The halves of pairs, as floats.
  struct Register {
    Packet first, second;
  };

  static EIGEN_ALWAYS_INLINE Register load(const Element* from) {
    using namespace Eigen::internal;
    if constexpr (GemmTiles<float>::lanes == 1) {
      return spread(*from);
    } else {
      using Bits = typename unpacket_traits<Packet>::integer_packet;
      const auto pairs = ploadu<Bits>(reinterpret_cast<const std::int32_t*>(from));
      return {preinterpret<Packet>(plogical_shift_left<16>(pairs)),
              preinterpret<Packet>(pand(pairs, pset1<Bits>(static_cast<std::int32_t>(0xffff0000))))};
    }
  }
  static EIGEN_ALWAYS_INLINE Register spread(Element of_a) {
    using namespace Eigen::internal;
    return {pset1<Packet>(std::bit_cast<float>(of_a << 16)), pset1<Packet>(std::bit_cast<float>(of_a & 0xffff0000))};
  }
  static EIGEN_ALWAYS_INLINE Packet add_product(const Register& of_a, const Register& of_b, const Packet& sum) {
    using namespace Eigen::internal;
    return pmadd(of_a.first, of_b.first, pmadd(of_a.second, of_b.second, sum));
  }
#endif
};
#pragma GCC diagnostic pop

}  // namespace gemm_detail
}  // namespace SEQREC_INSTRUCTION_SET
}  // namespace seqrec::cpu
