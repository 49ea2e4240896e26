// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#if defined(__AVX2__) || defined(__SSE2__)
#include <immintrin.h>
#endif

#include "seqrec/core/dropout.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/instruction_set.hpp"
#include "seqrec/cpu/pieces.hpp"

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

/// One bit a lane: whether it is kept.
inline std::uint64_t kept_lanes(const std::uint16_t (&lanes)[dropout_group], std::uint32_t threshold) {
#if defined(__AVX512BW__)
  const __m512i least = _mm512_set1_epi16(static_cast<short>(threshold));
  const std::uint64_t low = _mm512_cmpge_epu16_mask(_mm512_loadu_si512(lanes), least);
  return low | std::uint64_t{_mm512_cmpge_epu16_mask(_mm512_loadu_si512(lanes + 32), least)} << 32;
#elif defined(__AVX2__) && !defined(__AVX512F__)
  // threshold - lane, not below 0, is 0 where the lane is kept.
  const __m256i least = _mm256_set1_epi16(static_cast<short>(threshold)), zero = _mm256_setzero_si256();
  const auto kept = [&](const std::uint16_t* from) {
    const __m256i lane = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    return _mm256_cmpeq_epi16(_mm256_subs_epu16(least, lane), zero);
  };
  const __m256i bytes = _mm256_permute4x64_epi64(_mm256_packs_epi16(kept(lanes), kept(lanes + 16)), 0xD8);
  return static_cast<std::uint32_t>(_mm256_movemask_epi8(bytes));
#else
  std::uint64_t bits = 0;
  for (int lane = 0; lane < dropout_group; ++lane) bits |= std::uint64_t{lanes[lane] >= threshold} << lane;
  return bits;
#endif
}

}  // namespace dropout_detail

/// Words of 64 columns that a row of a mask takes.
constexpr index_t mask_words(index_t columns) { return (columns + 63) / 64; }

/// Draws rows of a mask: bit j % 64 of a row's word j / 64 says whether column j is kept.
/// @param row_of(i)      the i-th row's number in the batch
/// @param columns_of(i)  how many of its columns are wanted; bits behind them may be set or not
/// @param words          (rows, stride) written where they are wanted; stride is at least mask_words of any row
template <class RowOf, class ColumnsOf>
void draw_mask(const Dropout& mask, index_t rows, RowOf row_of, ColumnsOf columns_of, std::uint64_t* words,
               index_t stride) {
  using dropout_detail::dropout_chains;
  constexpr int group_bytes = dropout_group / 8;
  index_t row = 0, column = 0;
  while (true) {
    // The next groups of columns, of one row or of several.
    std::uint32_t numbers[dropout_chains] = {}, firsts[dropout_chains] = {};
    unsigned char* places[dropout_chains];
    int groups = 0;
    while (groups < dropout_chains && row < rows) {
      if (column >= columns_of(row)) {
        ++row;
        column = 0;
        continue;
      }
      numbers[groups] = static_cast<std::uint32_t>(row_of(row));
      firsts[groups] = static_cast<std::uint32_t>(column);
      places[groups] = reinterpret_cast<unsigned char*>(words + row * stride) + column / 8;
      column += dropout_group;
      ++groups;
    }
    if (groups == 0) return;
    std::uint16_t lanes[dropout_chains][dropout_group];
    dropout_detail::draw_lanes(mask, numbers, firsts, lanes);
    for (int c = 0; c < groups; ++c) {
      const std::uint64_t bits = dropout_detail::kept_lanes(lanes[c], mask.threshold);
      std::memcpy(places[c], &bits,
                  group_bytes);  // the low bytes come first on every processor that Eigen has packets for
    }
  }
}

/// What a piece of a row, from column `first` on, is multiplied by: `scale` where a mask keeps, 0 where it drops.
/// @param words  the row's   @param first a multiple of piece_size
template <class S>
EIGEN_ALWAYS_INLINE Piece<S> kept_piece(const std::uint64_t* words, index_t first, S scale) {
  // As wide as a register, because g++ compares wider vectors element by element.
  using Integer = std::conditional_t<sizeof(S) == 4, std::int32_t, std::int64_t>;
  constexpr int size = static_cast<int>(piece_size<S>);
  constexpr int lanes = static_cast<int>(std::clamp<std::size_t>(EIGEN_MAX_STATIC_ALIGN_BYTES, 16, 64) / sizeof(S));
  using Integers [[gnu::vector_size(lanes * sizeof(S))]] = Integer;
  const auto bits = static_cast<Integer>(words[first / 64] >> (first % 64) & ((1u << size) - 1));
  Integer scale_bits;
  std::memcpy(&scale_bits, &scale, sizeof scale);
  Piece<S> piece;
  for (int part = 0; part < size; part += lanes) {
    Integers bit_of_lane;
    for (int lane = 0; lane < lanes; ++lane) bit_of_lane[lane] = Integer{1} << (part + lane);
    const Integers factors = (((Integers{} + bits) & bit_of_lane) == bit_of_lane) & scale_bits;
    std::memcpy(piece.data() + part, &factors, sizeof factors);
  }
  return piece;
}

/// A row of such factors, to be read piece by piece (pieces.hpp). Without a mask they are 1.
template <class S>
struct KeptRow {
  const std::uint64_t* words = nullptr;
  S scale = 1;
  index_t first = 0;

  friend KeptRow operator+(KeptRow row, index_t columns) { return {row.words, row.scale, row.first + columns}; }
};
template <class S>
EIGEN_ALWAYS_INLINE Piece<S> load_piece(const KeptRow<S>& row, index_t) {
  return row.words == nullptr ? Piece<S>(Piece<S>::Ones()) : kept_piece(row.words, row.first, row.scale);
}

/// x becomes 0 where the mask drops, and is multiplied by its scale where it keeps.
template <class S>
void mask_elements(S* x, index_t size, const KeptRow<S>& kept) {
  if (kept.words == nullptr) return;
  map_pieces(
      x, size, [](const Piece<S>& value, const Piece<S>& factor) -> Piece<S> { return value * factor; }, x, kept);
}

/// The factors of a shard's rows under dropout. The forward pass draws the mask; the backward pass finds it again in
/// the context.
template <class Context>
class DropoutRows {
 public:
  using Scalar = typename Context::Scalar;

  DropoutRows(Context& context, const Dropout& mask, index_t rows, index_t columns)
      : scale_(static_cast<Scalar>(mask.scale())), stride_(mask_words(columns)) {
    if (!mask.active()) return;
    words_ = context.mask_of_shard({mask, rows, columns}, rows * stride_, [&](std::uint64_t* words) {
      draw_mask(
          mask, rows, [&](index_t i) { return mask.first_row + static_cast<std::uint32_t>(i); },
          [&](index_t) { return columns; }, words, stride_);
    });
  }

  bool active() const { return words_ != nullptr; }

  /// The factors of a row, counted in the shard.
  KeptRow<Scalar> row(index_t i) const {
    return active() ? KeptRow<Scalar>{words_ + i * stride_, scale_} : KeptRow<Scalar>{};
  }

 private:
  Scalar scale_;
  index_t stride_;
  const std::uint64_t* words_ = nullptr;
};

}  // namespace SEQREC_INSTRUCTION_SET
}  // namespace seqrec::cpu
