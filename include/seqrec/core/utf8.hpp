// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace seqrec {

/// The length in bytes of the UTF-8 character at the start of `text`; 0 if what is there is none (RFC 3629: neither
/// overlong forms nor surrogates nor anything above U+10FFFF).
constexpr std::size_t utf8_length(std::string_view text) {
  if (text.empty()) return 0;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xC2 && lead < 0xE0   ? 2u
                             : lead >= 0xE0 && lead < 0xF0 ? 3u
                             : lead >= 0xF0 && lead < 0xF5 ? 4u
                                                           : 0u;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  if (lead == 0xE0 && byte(1) < 0xA0) return 0;   // overlong
  if (lead == 0xED && byte(1) >= 0xA0) return 0;  // surrogates
  if (lead == 0xF0 && byte(1) < 0x90) return 0;   // overlong
  if (lead == 0xF4 && byte(1) >= 0x90) return 0;  // above U+10FFFF
  return length;
}

/// Whether bytes are well-formed UTF-8 throughout.
constexpr bool is_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t length = utf8_length(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

/// Foreign bytes made fit for a message: in quotes, not longer than `longest`, others than printable ASCII as \x7f.
inline std::string quote_bytes(std::string_view bytes, std::size_t longest = 60) {
  std::string text = "'";
  for (const char byte : bytes.substr(0, longest)) {
    if (byte >= ' ' && byte <= '~') {
      text += byte;
    } else {
      const auto code = static_cast<unsigned char>(byte);
      text += {'\\', 'x', "0123456789abcdef"[code >> 4], "0123456789abcdef"[code & 15]};
    }
  }
  return text + (bytes.size() > longest ? "...'" : "'");
}

}  // namespace seqrec
