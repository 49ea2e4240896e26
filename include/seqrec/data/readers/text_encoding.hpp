// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace seqrec {

/// ISO 8859-1, in which older MovieLens files are written, as UTF-8: its 256 characters are Unicode's first 256.
inline std::string utf8_from_latin1(std::string_view latin1) {
  std::string utf8;
  utf8.reserve(latin1.size());
  for (const char byte : latin1) {
    const auto code = static_cast<unsigned char>(byte);
    if (code < 0x80) {
      utf8 += byte;
    } else {
      utf8 += static_cast<char>(0xC0 | code >> 6);
      utf8 += static_cast<char>(0x80 | (code & 0x3F));
    }
  }
  return utf8;
}

/// Whether bytes are well-formed UTF-8 (RFC 3629): no stray or missing continuation, no overlong form, no surrogate.
inline bool is_utf8(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size();) {
    const auto lead = static_cast<unsigned char>(bytes[i++]);
    if (lead < 0x80) continue;
    const std::size_t more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
    if (lead < 0xC2 || lead > 0xF4 || bytes.size() - i < more) return false;
    // The second byte alone decides what is overlong, a surrogate or beyond U+10FFFF.
    const auto second = static_cast<unsigned char>(bytes[i]);
    if (second < (lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80)) return false;
    if (second > (lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF)) return false;
    for (const std::size_t end = i + more; i < end; ++i)
      if ((static_cast<unsigned char>(bytes[i]) & 0xC0) != 0x80) return false;
  }
  return true;
}

/// Text of a file that does not say how it is encoded, as UTF-8: what is well-formed UTF-8 stays, anything else is
/// taken for ISO 8859-1. Accented Latin-1 text is practically never well-formed UTF-8 by accident.
inline std::string utf8_from_unknown(std::string_view bytes) {
  return is_utf8(bytes) ? std::string(bytes) : utf8_from_latin1(bytes);
}

}  // namespace seqrec
