// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace seqrec {

/// FNV-1a, 64 bits (Fowler, Noll, Vo): tells data sets, splits and parameter names apart. Not cryptographic.
/// Numbers are hashed as little-endian 64-bit values, so a hash is the same on every machine.
class Hash {
 public:
  Hash& add(std::string_view bytes) {
    for (const char byte : bytes) step(static_cast<unsigned char>(byte));
    return *this;
  }
  template <class Integer>
  requires(std::is_integral_v<Integer>) Hash& add(Integer value) {
    const auto bits = static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
    for (int shift = 0; shift < 64; shift += 8) step(static_cast<unsigned char>(bits >> shift));
    return *this;
  }

  std::uint64_t value() const { return state_; }

  /// Sixteen hexadecimal digits.
  std::string text() const {
    std::string digits(16, '0');
    for (int i = 0; i < 16; ++i) digits[static_cast<std::size_t>(i)] = "0123456789abcdef"[state_ >> (60 - 4 * i) & 15];
    return digits;
  }

 private:
  void step(unsigned char byte) { state_ = (state_ ^ byte) * 0x100000001B3ull; }
  std::uint64_t state_ = 0xCBF29CE484222325ull;
};

}  // namespace seqrec
