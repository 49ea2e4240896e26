// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/options.hpp"
#include "seqrec/core/utf8.hpp"
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

/// An option takes its value under a longer name.
inline void parse_option(const std::string& name, std::string_view text, const Option& option) {
  option.parse(name, text, option.value);
}

/// Reads a field that holds an option's text (see core/option_text.hpp).
/// @throws DataError naming file, field and value when it is missing or no such text
template <class Value>
void parse_metadata(const SafetensorsFile& file, const std::string& name, const std::string& expected, Value& value) {
  const std::string& text = metadata_field(file, name, expected);
  try {
    parse_option(name, text, value);
  } catch (const DataError& error) {
    throw DataError(concatenate(file.path().string(), ": ", error.what()));
  }
}

/// Puts what decides among a struct's options into metadata, each under prefix + name.
template <class Options>
void write_options(std::map<std::string, std::string>& metadata, const std::string& prefix, const Options& options) {
  for (const OptionValue& option : option_values(options)) metadata[prefix + option.name] = option.text;
}

namespace detail {

inline void read_option_list(const SafetensorsFile& file, const std::string& prefix, const std::string& expected,
                             const OptionList& list) {
  for (const Option& option : list)
    if (option.effect == OptionEffect::decides) parse_metadata(file, prefix + option.name, expected, option);
}

}  // namespace detail

/// Reads what write_options wrote.
/// @param expected  of the file, in words, for the message
/// @param options   whether they are in range afterwards their owner says
/// @throws DataError naming file, field and value when one is missing or no such text
template <class Options>
void read_options(const SafetensorsFile& file, const std::string& prefix, const std::string& expected,
                  Options& options) {
  detail::read_option_list(file, prefix, expected, list_options(options));
}

}  // namespace seqrec
