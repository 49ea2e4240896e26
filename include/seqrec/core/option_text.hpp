// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/core/utf8.hpp"

namespace seqrec {

// Options as text, for checkpoints and result files. What option_text writes, parse_option reads as the same value, or
// option_text throws: nothing can be saved that does not load again. Numbers are written so that reading gives the same
// bits; an enumeration is written by name, where a function names_of(Enumeration) beside it lists the names in order.

namespace detail {

/// @throws DataError: option `name` is "text", expected ...
[[noreturn]] inline void refuse_option(const std::string& name, std::string_view text, const std::string& expected) {
  const std::string shown = quote_bytes(text);  // in single quotes
  throw DataError(concatenate("option ", name, " is \"", shown.substr(1, shown.size() - 2), "\", expected ", expected));
}

}  // namespace detail

template <class Number>
requires(std::is_arithmetic_v<Number>) std::string option_text(Number value) {
  char text[64];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return {text, end};
}

inline std::string option_text(bool value) { return value ? "true" : "false"; }

template <class Enumeration>
requires(std::is_enum_v<Enumeration>) std::string option_text(Enumeration value) {
  const auto names = names_of(value);
  const auto index = static_cast<std::size_t>(value);
  if (index >= names.size())
    throw ArgumentError(concatenate("option has value ", index, " of an enumeration, expected one of its ",
                                    names.size(), " named values"));
  return names[index];
}

/// Reads what option_text wrote.
/// @param name of the option, for the message   @throws DataError when the text is not such a value
template <class Number>
requires(std::is_arithmetic_v<Number>) void parse_option(const std::string& name, std::string_view text,
                                                         Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) detail::refuse_option(name, text, "a number in range");
}

inline void parse_option(const std::string& name, std::string_view text, bool& value) {
  if (text != "true" && text != "false") detail::refuse_option(name, text, "true or false");
  value = text == "true";
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
  detail::refuse_option(name, text, "one of " + known);
}

/// A list of whole numbers, e.g. the widths of hidden layers: "80-40"; "none" for an empty one.
template <std::integral Number>
std::string option_text(const std::vector<Number>& values) {
  std::string text;
  for (const Number value : values) {
    if (!text.empty()) text += '-';
    text += option_text(value);
  }
  return text.empty() ? "none" : text;
}

/// @throws DataError when the text is not such a list; how long it may be its owner says
template <std::integral Number>
void parse_option(const std::string& name, std::string_view text, std::vector<Number>& values) {
  values.clear();
  if (text == "none") return;
  for (std::string_view rest = text;;) {
    const std::size_t end = rest.find('-', 1);  // at the front it is a sign
    parse_option(name, rest.substr(0, end), values.emplace_back());
    if (end == std::string_view::npos) return;
    rest.remove_prefix(end + 1);
  }
}

/// A list of names: "a b"; "" for an empty one.
/// @throws ArgumentError when a name is empty or holds a space, which would be read as other names
inline std::string option_text(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    if (name.empty() || name.find(' ') != name.npos)
      throw ArgumentError(concatenate("a list of names holds ", quote_bytes(name), ", expected names without spaces"));
    text += (text.empty() ? "" : " ") + name;
  }
  return text;
}
inline void parse_option(const std::string&, std::string_view text, std::vector<std::string>& names) {
  names.clear();
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (end > 0) names.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

/// Texts and paths stand for themselves. (A std::filesystem::path, whose header this one does without.)
inline const std::string& option_text(const std::string& text) { return text; }
inline void parse_option(const std::string&, std::string_view text, std::string& value) { value = text; }
template <class Path>
requires requires(const Path& path) { path.root_path(); }
std::string option_text(const Path& path) { return path.string(); }
template <class Path>
requires requires(const Path& path) { path.root_path(); }
void parse_option(const std::string&, std::string_view text, Path& value) { value = text; }

}  // namespace seqrec
