// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "seqrec/core/utf8.hpp"

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

/// Text of a file that does not say how it is encoded, as UTF-8: what is well-formed UTF-8 stays, anything else is
/// taken for ISO 8859-1. Accented Latin-1 text is practically never well-formed UTF-8 by accident.
inline std::string utf8_from_unknown(std::string_view bytes) {
  return is_utf8(bytes) ? std::string(bytes) : utf8_from_latin1(bytes);
}

}  // namespace seqrec
