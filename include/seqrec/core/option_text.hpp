// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>

#include "seqrec/core/errors.hpp"

namespace seqrec {

// Options as text, for checkpoints and result files. Numbers are written so that reading gives the same bits; an
// enumeration is written by name, where a function names_of(Enumeration) beside it lists the names in order.

template <class Number>
requires(std::is_arithmetic_v<Number>) std::string option_text(Number value) {
  char text[64];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return {text, end};
}

template <class Enumeration>
requires(std::is_enum_v<Enumeration>) std::string option_text(Enumeration value) {
  return names_of(value)[static_cast<std::size_t>(value)];
}

/// Reads what option_text wrote.
/// @param name of the option, for the message   @throws DataError when the text is not such a value
template <class Number>
requires(std::is_arithmetic_v<Number>) void parse_option(const std::string& name, std::string_view text,
                                                         Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    throw DataError(concatenate("option ", name, " is \"", text, "\", expected a number in range"));
}

template <class Enumeration>
requires(std::is_enum_v<Enumeration>) void parse_option(const std::string& name, std::string_view text,
                                                        Enumeration& value) {
  const auto names = names_of(Enumeration{});
  std::string known;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (text == names[i]) {
      value = static_cast<Enumeration>(i);
      return;
    }
    known += concatenate(i == 0 ? "" : ", ", names[i]);
  }
  throw DataError(concatenate("option ", name, " is \"", text, "\", expected one of ", known));
}

}  // namespace seqrec
