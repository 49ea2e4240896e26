// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/data/readers/text_file.hpp"

namespace seqrec {

/// The current line of a file as comma-separated values (RFC 4180): a field in double quotes may hold commas, and two
/// quotes stand for one. Line breaks inside quotes are refused.
/// @throws DataError unless the line has `count` fields and its quotes are in order
inline std::vector<std::string> csv_fields(const TextFile& file, std::size_t count, const char* columns) {
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
    } else if (byte == ',') {
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
  if (fields.size() != count)
    file.fail(concatenate("line ", TextFile::quote(line), " has ", fields.size(),
                          fields.size() == 1 ? " column" : " columns", ", expected ", count, ": ", columns));
  return fields;
}

/// Goes to the first line, which must be exactly `header`.
/// @throws DataError if it is not, or the file is empty
inline void expect_header(TextFile& file, std::string_view header) {
  if (!file.next())
    throw DataError(concatenate(file.path().string(), ": is empty, expected the header '", header, "'"));
  if (file.line() != header)
    file.fail(concatenate("the header is ", TextFile::quote(file.line()), ", expected '", header, "'"));
}

}  // namespace seqrec
