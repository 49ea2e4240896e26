// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>

#include "seqrec/core/dropout.hpp"

namespace seqrec::cpu {

/// Columns whose masks are drawn together: eight Philox blocks, one in each 64-bit lane of a wide register.
inline constexpr index_t dropout_group = 64;

/// What a row's elements are multiplied by under dropout: 0 where dropped, the mask's scale where kept.
/// @param row counted in the batch   @param factors room for `columns` rounded up to a multiple of dropout_group
template <class Scalar>
void dropout_factors(const Dropout& mask, std::uint32_t row, index_t columns, Scalar* factors) {
  constexpr int blocks = dropout_group / 8;
  const Scalar scale = static_cast<Scalar>(mask.scale());
  for (index_t first = 0; first < columns; first += dropout_group) {
    // Philox as in core/random.hpp, on eight counters side by side. The words stay in 64-bit arrays, because that is
    // the form in which compilers turn the 32 x 32 -> 64 bit product into one vector instruction.
    constexpr std::uint64_t low = 0xFFFFFFFFu;
    std::uint64_t w0[blocks], w1[blocks], w2[blocks], w3[blocks];
    for (int b = 0; b < blocks; ++b) {
      w0[b] = static_cast<std::uint64_t>(first / 8 + b);
      w1[b] = row;
      w2[b] = mask.site;
      w3[b] = mask.step;
    }
    std::uint64_t key_low = mask.key.low, key_high = mask.key.high;
    for (int round = 0; round < philox_rounds; ++round) {
      for (int b = 0; b < blocks; ++b) {
        const std::uint64_t p = philox_multiplier[0] * w0[b];
        const std::uint64_t q = philox_multiplier[1] * w2[b];
        w0[b] = (q >> 32) ^ w1[b] ^ key_low;
        w1[b] = q & low;
        w2[b] = (p >> 32) ^ w3[b] ^ key_high;
        w3[b] = p & low;
      }
      key_low = (key_low + philox_weyl[0]) & low;
      key_high = (key_high + philox_weyl[1]) & low;
    }
    std::uint16_t lanes[dropout_group];
    for (int b = 0; b < blocks; ++b) {
      const std::uint64_t words[2] = {w0[b] | w1[b] << 32, w2[b] | w3[b] << 32};
      for (int lane = 0; lane < 8; ++lane)
        lanes[8 * b + lane] = static_cast<std::uint16_t>(words[lane / 4] >> (16 * (lane % 4)));
    }
    for (int lane = 0; lane < dropout_group; ++lane)
      factors[first + lane] = lanes[lane] >= mask.threshold ? scale : Scalar(0);
  }
}

}  // namespace seqrec::cpu
