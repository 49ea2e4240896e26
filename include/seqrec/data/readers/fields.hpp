// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/vocabulary.hpp"
#include "seqrec/data/readers/id_column.hpp"
#include "seqrec/data/readers/interactions.hpp"
#include "seqrec/data/readers/read_options.hpp"
#include "seqrec/data/readers/text_file.hpp"
#include "seqrec/data/readers/time_column.hpp"

/// Fields of a file's current line, by the rules that hold for every format. What is wrong is a DataError with file and
/// line.
namespace seqrec::detail {

/// What the two below leave to others, so that they are small enough to be part of a reader's loop.
inline void add_any_id(IdColumn& column, const TextFile& file, std::string_view field, const char* name) {
  if (const std::string problem = column.push_text(field); !problem.empty())
    file.fail(concatenate(name, " is ", TextFile::quote(field), ", which ", problem));
}
inline void add_any_time(TimeColumn& column, const TextFile& file, std::string_view field) {
  if (const char* const problem = column.push_text(field))
    file.fail(concatenate("time is ", TextFile::quote(field), ", ", problem));
}

/// Takes an id.   @param name  what it is, for the message: "user"
inline void add_id(IdColumn& column, const TextFile& file, std::string_view field, const char* name) {
  if (!column.push_digits(field)) add_any_id(column, file, field, name);
}

/// Takes a time.
inline void add_time(TimeColumn& column, const TextFile& file, std::string_view field) {
  if (!column.push_digits(field)) add_any_time(column, file, field);
}

/// A text of the file that is no value of its own, fit for a message: as it is, or quoted if it is long or odd.
inline std::string shown(std::string_view text) {
  return text.size() <= 60 && id_problem(text).empty() ? std::string(text) : TextFile::quote(text);
}

/// An id as vocabularies write it.
inline std::string id_field(const TextFile& file, std::string_view field, const char* name) {
  std::string id = id_text(field);
  if (const std::string problem = id_problem(id); !problem.empty())
    file.fail(concatenate(name, " is ", TextFile::quote(field), ", which ", problem));
  return id;
}

/// Refuses what looks like a header in a format that has none.
/// @throws DataError where the ids of the first event alone are names
inline void refuse_header(const TextFile& file, const Interactions& rows, const char* columns) {
  if (rows.users.begins_with_header() && rows.items.begins_with_header())
    throw DataError(concatenate(file.path().string(), ":1: looks like a header: only there are user and item no ",
                                "numbers; expected ", columns, " and no header, or a file named *.csv or *.tsv"));
}

/// Refuses names of columns for a format without a header, whose columns are fixed. "none" for the time is an answer.
/// @throws ArgumentError naming the option
inline void refuse_column_names(const TextFile& file, const ReadOptions& options, const char* columns) {
  const auto refuse = [&](const char* option, const std::string& given) {
    if (!given.empty())
      throw ArgumentError(concatenate(option, " is ", TextFile::quote(given), ", expected none: ", file.path().string(),
                                      " has no header, its columns are ", columns));
  };
  refuse("user_column", options.user_column);
  refuse("item_column", options.item_column);
  if (options.time_column != "none") refuse("time_column", options.time_column);
  if (options.rating_column != "none") refuse("rating_column", options.rating_column);
}

}  // namespace seqrec::detail
