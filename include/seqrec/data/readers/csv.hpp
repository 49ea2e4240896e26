// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/data/readers/text_file.hpp"

namespace seqrec {

/// The current line of a file as values with a delimiter between (RFC 4180): a field in double quotes may hold
/// delimiters, and two quotes stand for one. Line breaks inside quotes are refused.
/// @throws DataError unless the line's quotes are in order
inline std::vector<std::string> csv_fields(const TextFile& file, char delimiter = ',') {
  std::vector<std::string> fields(1);
  enum { unquoted, quoted, closed } state = unquoted;
  const std::string_view line = file.line();
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char byte = line[i];
    if (state == quoted) {
      if (byte != '"')
        fields.back() += byte;
      else if (i + 1 < line.size() && line[i + 1] == '"')
        fields.back() += line[++i];
      else
        state = closed;
    } else if (byte == delimiter) {
      fields.emplace_back();
      state = unquoted;
    } else if (byte == '"' && state == unquoted && fields.back().empty()) {
      state = quoted;
    } else if (byte == '"' || state == closed) {
      file.fail(concatenate("field ", fields.size(), " of line ", TextFile::quote(line),
                            state == closed ? " goes on behind its closing quote" : " has a quote inside",
                            ", expected quotes around the whole field"));
    } else {
      fields.back() += byte;
    }
  }
  if (state == quoted)
    file.fail(concatenate("field ", fields.size(), " of line ", TextFile::quote(line),
                          " opens a quote that the line does not close"));
  return fields;
}

/// The delimiter of a header: of comma, tab, semicolon and '|' the one that stands in it most often outside of quotes.
inline char delimiter_of(std::string_view header) {
  char most = ',';
  std::size_t found = 0;
  for (const char delimiter : {',', '\t', ';', '|'}) {
    std::size_t count = 0;
    bool quoted = false;
    for (const char byte : header) {
      if (byte == '"') quoted = !quoted;
      if (byte == delimiter && !quoted) ++count;
    }
    if (count <= found) continue;
    most = delimiter;
    found = count;
  }
  return most;
}

}  // namespace seqrec
