// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include "seqrec/core/types.hpp"

namespace seqrec {

/// A column of tokens turned into numbers, for formats that name users and items by any text. As long as every token
/// is a whole number written as numbers are ("7", not "007"), it keeps its value. With the first other token the column
/// becomes one of names, numbered 0, 1, ... in order of first appearance.
class TokenColumn {
 public:
  void add(std::string_view token) {
    if (names_.empty()) {
      if (const auto number = whole_number(token)) {
        values_.push_back(*number);
        return;
      }
      for (std::int64_t& value : values_) value = place_of(std::to_string(value));
    }
    values_.push_back(place_of(std::string(token)));
  }

  /// The number under which a token of the column goes; none for other tokens.
  std::optional<std::int64_t> find(std::string_view token) const {
    if (names_.empty()) return whole_number(token);
    const auto place = places_.find(std::string(token));
    return place == places_.end() ? std::nullopt : std::optional(place->second);
  }

  std::vector<std::int64_t> take_values() { return std::move(values_); }
  /// Of a column of names, the name under each number; of a column of numbers nothing.
  const std::vector<std::string>& names() const { return names_; }

 private:
  static std::optional<std::int64_t> whole_number(std::string_view token) {
    std::int64_t value = 0;
    const char* const end = token.data() + token.size();
    const auto [stop, error] = std::from_chars(token.data(), end, value);
    if (error != std::errc{} || stop != end || value < 0 || (token.size() > 1 && (token[0] == '0' || token[0] == '-')))
      return {};
    return value;
  }

  std::int64_t place_of(std::string&& token) {
    const auto [entry, is_new] = places_.try_emplace(std::move(token), static_cast<std::int64_t>(names_.size()));
    if (is_new) names_.push_back(entry->first);
    return entry->second;
  }

  std::vector<std::int64_t> values_;  ///< (E)
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::int64_t> places_;
};

}  // namespace seqrec
