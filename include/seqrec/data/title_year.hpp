// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

namespace seqrec {

/// The year of four digits that `text` begins with, if it does.
inline std::optional<int> leading_year(std::string_view text) {
  if (text.size() < 4) return {};
  int year = 0;
  for (const char byte : text.substr(0, 4)) {
    if (byte < '0' || byte > '9') return {};
    year = 10 * year + (byte - '0');
  }
  return year;
}

/// The year at the end of a title: 1995 of "Toy Story (1995)", 2006 of a series' "(2006-2007)".
inline std::optional<int> year_of_title(std::string_view title) {
  for (std::size_t open = title.rfind('('); open != std::string_view::npos; open = title.rfind('(')) {
    if (const auto year = leading_year(title.substr(open + 1))) return year;
    title = title.substr(0, open);  // "(1995) (V)"
  }
  return {};
}

}  // namespace seqrec
