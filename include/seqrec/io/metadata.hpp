// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/option_text.hpp"
#include "seqrec/io/json.hpp"
#include "seqrec/io/safetensors.hpp"

namespace seqrec {

/// A metadata field of a file.
/// @param expected  of the file, in words, for the message
/// @throws DataError naming file and field when it is missing
inline const std::string& metadata_field(const SafetensorsFile& file, const std::string& name,
                                         const std::string& expected) {
  const auto entry = file.metadata().find(name);
  if (entry == file.metadata().end())
    throw DataError(concatenate(file.path().string(), ": metadata field ", name, " is missing, expected ", expected));
  return entry->second;
}

/// Reads a field that holds an option's text (see core/option_text.hpp).
/// @throws DataError naming file, field and value when it is missing or no such text
template <class Value>
void parse_metadata(const SafetensorsFile& file, const std::string& name, const std::string& expected, Value& value) {
  const std::string& text = metadata_field(file, name, expected);
  const auto printable = [](char c) { return c >= 0x20 && c < 0x7F; };
  if (text.size() > 60 || !std::all_of(text.begin(), text.end(), printable))
    throw DataError(concatenate(file.path().string(), ": metadata field ", name, " is ", quote_untrusted(text),
                                ", expected the text of an option"));
  try {
    parse_option(name, text, value);
  } catch (const DataError& error) {
    throw DataError(concatenate(file.path().string(), ": ", error.what()));
  }
}

}  // namespace seqrec
