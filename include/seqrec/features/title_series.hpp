// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "seqrec/core/types.hpp"

namespace seqrec {

/// The name that parts of a series have in common: what is left of a title without what stands in parentheses at its
/// end, behind a colon or behind ", The", and without the number of a part: "Star Trek" of "Star Trek VI: The
/// Undiscovered Country (1991)", "Godfather" of "Godfather: Part II, The (1974)". A guess: films that share a name
/// without being a series are taken for one ("Robin Hood: Men in Tights"), parts that have names of their own are not.
inline std::string series_name(std::string_view title) {
  const auto trim = [&] {
    while (!title.empty() && (title.back() == ' ' || title.back() == ',' || title.back() == '-'))
      title.remove_suffix(1);
  };
  const auto last_word = [&] { return title.substr(title.rfind(' ') + 1); };  // npos + 1 is 0
  const auto drop_word = [&] {
    title.remove_suffix(last_word().size());
    trim();
  };
  for (trim(); !title.empty() && title.back() == ')'; trim()) {
    const std::size_t open = title.rfind('(');
    if (open == std::string_view::npos || open == 0) break;
    title = title.substr(0, open);
  }
  if (const std::size_t colon = title.find(':'); colon != std::string_view::npos && colon > 0)
    title = title.substr(0, colon);
  if (const std::size_t comma = title.rfind(", "); comma != std::string_view::npos && comma > 0 &&
                                                   title.size() - comma <= 5 &&
                                                   title.find(' ', comma + 2) == std::string_view::npos)
    title = title.substr(0, comma);  // ", The", ", A", ", Les"
  trim();
  const auto is_number = [](std::string_view word) {
    return !word.empty() && (word.find_first_not_of("0123456789") == std::string_view::npos ||
                             (word.size() > 1 && word.find_first_not_of("IVX") == std::string_view::npos));
  };
  if (title.find(' ') != std::string_view::npos && is_number(last_word())) {
    drop_word();
    if (title.find(' ') != std::string_view::npos && last_word() == "Part") drop_word();
  }
  return std::string(title);
}

/// Which series each item belongs to: (V) numbers from 0 in order of first appearance, the same for items whose titles
/// have one series_name, whatever its case. -1 for an item without a title.
inline std::vector<std::int32_t> series_of(const std::vector<std::string>& titles) {
  std::unordered_map<std::string, std::int32_t> numbers;
  std::vector<std::int32_t> series;
  series.reserve(titles.size());
  for (const std::string& title : titles) {
    std::string name = series_name(title);
    for (char& letter : name)
      if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
    if (name.empty())
      series.push_back(-1);
    else
      series.push_back(numbers.emplace(std::move(name), static_cast<std::int32_t>(numbers.size())).first->second);
  }
  return series;
}

}  // namespace seqrec
