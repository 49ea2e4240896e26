// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace seqrec_test {

/// A text as a gzip file (RFC 1952), without zlib: the text as it is, in one block that is not compressed.
inline std::string gzip(std::string_view text) {
  if (text.size() > 0xFFFF) throw std::runtime_error("gzip: a block holds 65535 bytes at most");
  std::uint32_t checksum = 0xFFFFFFFF;
  for (const char byte : text) {
    checksum ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) checksum = checksum >> 1 ^ ((checksum & 1) != 0 ? 0xEDB88320 : 0);
  }
  std::string file("\x1F\x8B\x08\0\0\0\0\0\0\xFF\x01", 11);
  const auto append = [&](std::uint32_t number, int bytes) {
    for (int i = 0; i < bytes; ++i) file += static_cast<char>(static_cast<unsigned char>(number >> 8 * i));
  };
  const auto size = static_cast<std::uint32_t>(text.size());
  append(size, 2);
  append(~size, 2);
  file += text;
  append(~checksum, 4);
  append(size, 4);
  return file;
}

}  // namespace seqrec_test
