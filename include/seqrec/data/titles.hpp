// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "seqrec/data/interactions.hpp"
#include "seqrec/data/text_file.hpp"

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

/// Reads "id, title, ..." rows of a Latin-1 file of `Columns` columns.
/// @throws DataError naming file and line
template <std::size_t Columns>
Titles read_latin1_titles(const std::filesystem::path& path, std::string_view delimiter, const char* columns) {
  Titles titles;
  TextFile file(path);
  while (file.next()) {
    const std::array<std::string_view, Columns> fields = file.fields<Columns>(delimiter, columns);
    titles.emplace(file.integer(fields[0], "item"), utf8_from_latin1(fields[1]));
  }
  return titles;
}

}  // namespace seqrec
