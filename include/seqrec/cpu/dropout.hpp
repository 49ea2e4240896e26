// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#if defined(__AVX2__) || defined(__SSE2__)
#include <immintrin.h>
#endif

#include "seqrec/core/dropout.hpp"
#include "seqrec/cpu/instruction_set.hpp"

namespace seqrec::cpu {

inline namespace SEQREC_INSTRUCTION_SET {

#if defined(__AVX512F__)
inline constexpr int philox_lanes = 8;
#elif defined(__AVX2__)
inline constexpr int philox_lanes = 4;
#else
inline constexpr int philox_lanes = 2;
#endif

/// Columns whose masks are drawn together: eight for each lane of a vector.
inline constexpr index_t dropout_group = index_t{8} * philox_lanes;

namespace dropout_detail {

// Philox-4x32 is a chain of 32 x 32 -> 64 bit products. Several counters stand side by side in the 64-bit lanes of a
// vector, because that is what vector units multiply.
using Words = std::uint64_t __attribute__((vector_size(8 * philox_lanes)));

/// The low half of each lane times `factor`. (g++ does not find this instruction by itself.)
inline Words multiply_low_halves(Words lanes, std::uint32_t factor) {
#if defined(__AVX512F__)  // the masked form, because g++ 12 warns of its own unmasked one
  return reinterpret_cast<Words>(
      _mm512_maskz_mul_epu32(0xFF, reinterpret_cast<__m512i>(lanes), _mm512_set1_epi64(factor)));
#elif defined(__AVX2__)
  return reinterpret_cast<Words>(_mm256_mul_epu32(reinterpret_cast<__m256i>(lanes), _mm256_set1_epi64x(factor)));
#elif defined(__SSE2__)
  return reinterpret_cast<Words>(_mm_mul_epu32(reinterpret_cast<__m128i>(lanes), _mm_set1_epi64x(factor)));
#else
  return (lanes & 0xFFFFFFFFu) * factor;
#endif
}

/// a0 b0 a1 b1 ...: the words of each block side by side.
inline void interleave(Words a, Words b, Words (&result)[2]) {
#if defined(__AVX512F__)
  result[0] = __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
  result[1] = __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#elif defined(__AVX2__)
  result[0] = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  result[1] = __builtin_shufflevector(a, b, 2, 6, 3, 7);
#else
  result[0] = __builtin_shufflevector(a, b, 0, 2);
  result[1] = __builtin_shufflevector(a, b, 1, 3);
#endif
}

/// Groups drawn at once: independent chains that hide each other's latency and just fill the registers.
inline constexpr int dropout_chains = 4;

/// The lanes of a few groups of columns.
/// @param rows in the batch   @param firsts first columns, multiples of dropout_group
inline void draw_lanes(const Dropout& mask, const std::uint32_t (&rows)[dropout_chains],
                       const std::uint32_t (&firsts)[dropout_chains],
                       std::uint16_t (&lanes)[dropout_chains][dropout_group]) {
  constexpr std::uint64_t low = 0xFFFFFFFFu;
  Words count;
  for (int lane = 0; lane < philox_lanes; ++lane) count[lane] = static_cast<std::uint64_t>(lane);
  Words w0[dropout_chains], w1[dropout_chains], w2[dropout_chains], w3[dropout_chains];
  for (int c = 0; c < dropout_chains; ++c) {
    w0[c] = count + std::uint64_t{firsts[c] / 8};
    w1[c] = Words{} + std::uint64_t{rows[c]};
    w2[c] = Words{} + std::uint64_t{mask.site};
    w3[c] = Words{} + std::uint64_t{mask.step};
  }
  std::uint32_t key_low = mask.key.low, key_high = mask.key.high;
  for (int round = 0; round < philox_rounds; ++round) {
    for (int c = 0; c < dropout_chains; ++c) {
      // Only low halves are ever read, so high halves may hold anything.
      const Words p = multiply_low_halves(w0[c], philox_multiplier_a);
      const Words q = multiply_low_halves(w2[c], philox_multiplier_b);
      w0[c] = (q >> 32) ^ w1[c] ^ std::uint64_t{key_low};
      w1[c] = q;
      w2[c] = (p >> 32) ^ w3[c] ^ std::uint64_t{key_high};
      w3[c] = p;
    }
    key_low += philox_weyl_low;
    key_high += philox_weyl_high;
  }
  for (int c = 0; c < dropout_chains; ++c) {
    const Words front = (w0[c] & low) | w1[c] << 32, back = (w2[c] & low) | w3[c] << 32;
    Words blocks[2];
    interleave(front, back, blocks);
    std::memcpy(lanes[c], blocks, sizeof blocks);
  }
}

}  // namespace dropout_detail

/// What the elements of rows are multiplied by under dropout: 0 where dropped, the mask's scale where kept.
/// @param row_of(i)  the i-th row's number in the batch
/// @param factors    (count, stride) written; stride is at least `columns` rounded up to dropout_group
template <class Scalar, class RowOf>
void dropout_factors(const Dropout& mask, index_t count, RowOf row_of, index_t columns, Scalar* factors,
                     index_t stride) {
  const auto scale = static_cast<Scalar>(mask.scale());
  const std::uint32_t threshold = mask.threshold;
  const index_t groups = round_up(columns, dropout_group) / dropout_group, total = count * groups;
  for (index_t start = 0; start < total; start += dropout_detail::dropout_chains) {
    std::uint32_t rows[dropout_detail::dropout_chains], firsts[dropout_detail::dropout_chains];
    for (int c = 0; c < dropout_detail::dropout_chains; ++c) {
      const index_t unit = std::min(start + c, total - 1);
      rows[c] = static_cast<std::uint32_t>(row_of(unit / groups));
      firsts[c] = static_cast<std::uint32_t>(unit % groups * dropout_group);
    }
    std::uint16_t lanes[dropout_detail::dropout_chains][dropout_group];
    dropout_detail::draw_lanes(mask, rows, firsts, lanes);
    for (int c = 0; c < dropout_detail::dropout_chains && start + c < total; ++c) {
      Scalar* out = factors + (start + c) / groups * stride + firsts[c];
      for (int lane = 0; lane < dropout_group; ++lane) out[lane] = lanes[c][lane] >= threshold ? scale : Scalar(0);
    }
  }
}

/// The factors of consecutive rows, drawn a few rows ahead.
template <class Context>
class DropoutRows {
 public:
  using Scalar = typename Context::Scalar;

  /// @param rows of the shard that will be asked for, in ascending order
  DropoutRows(Context& context, const Dropout& mask, index_t rows, index_t columns)
      : mask_(mask), rows_(rows), columns_(columns), stride_(round_up(columns, dropout_group)) {
    if (mask.active()) factors_ = context.vector(rows_ahead * stride_).data;
  }

  bool active() const { return factors_ != nullptr; }

  /// The factors of a row, counted in the shard.
  const Scalar* row(index_t i) {
    if (i >= end_) {
      const index_t count = std::min(rows_ahead, rows_ - i);
      dropout_factors(
          mask_, count, [&](index_t k) { return mask_.first_row + static_cast<std::uint32_t>(i + k); }, columns_,
          factors_, stride_);
      begin_ = i;
      end_ = i + count;
    }
    return factors_ + (i - begin_) * stride_;
  }

 private:
  static constexpr index_t rows_ahead = 4;

  Dropout mask_;
  index_t rows_, columns_, stride_;
  index_t begin_ = 0, end_ = 0;  ///< rows whose factors are there
  Scalar* factors_ = nullptr;
};

}  // namespace SEQREC_INSTRUCTION_SET
}  // namespace seqrec::cpu
