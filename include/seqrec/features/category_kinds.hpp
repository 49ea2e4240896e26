// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "seqrec/core/types.hpp"

namespace seqrec {

/// The categories of one kind: those of "age=18-24", "age=56+", ... are of the kind "age".
struct CategoryKind {
  std::string name;                      ///< "age"
  std::vector<category_t> categories{};  ///< ascending
  std::vector<std::string> values{};     ///< of each what stands behind the kind: "18-24"
  std::vector<float> numbers{};  ///< of each a number where all of them are numbers or ranges of such; else none

  bool is_number() const { return !numbers.empty(); }
  /// The place of a category among them, -1 if it is of another kind.
  index_t place_of(category_t category) const {
    const auto place = std::lower_bound(categories.begin(), categories.end(), category);
    return place == categories.end() || *place != category ? -1 : place - categories.begin();
  }
};

/// The number that a category's value stands for: of a range its middle ("1990-1994" is 1992), of an open one its end
/// ("56+" is 56, "under 18" is 18). NaN where it is none.
inline float number_of_value(std::string_view value) {
  constexpr float none = std::numeric_limits<float>::quiet_NaN();
  if (value.rfind("under ", 0) == 0) value.remove_prefix(6);
  const char* const end = value.data() + value.size();
  double first = 0, second = 0;
  const auto [stop, error] = std::from_chars(value.data(), end, first);
  if (error != std::errc{} || !std::isfinite(first)) return none;
  if (stop == end || (*stop == '+' && stop + 1 == end)) return static_cast<float>(first);
  if (*stop != '-') return none;
  const auto [last, wrong] = std::from_chars(stop + 1, end, second);
  if (wrong != std::errc{} || last != end || !std::isfinite(second)) return none;
  return static_cast<float>((first + second) / 2);
}

/// The kinds of categories, ascending by name. A category whose name has no "=" is of the kind "".
/// @param names  of the categories 0, 1, ...
inline std::vector<CategoryKind> category_kinds(const std::vector<std::string>& names) {
  std::vector<CategoryKind> kinds;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::size_t sign = names[i].find('=');
    const std::string kind = sign == std::string::npos ? "" : names[i].substr(0, sign);
    auto place = std::lower_bound(kinds.begin(), kinds.end(), kind,
                                  [](const CategoryKind& k, const std::string& name) { return k.name < name; });
    if (place == kinds.end() || place->name != kind) place = kinds.insert(place, CategoryKind{kind});
    place->categories.push_back(static_cast<category_t>(i));
    place->values.push_back(sign == std::string::npos ? names[i] : names[i].substr(sign + 1));
  }
  for (CategoryKind& kind : kinds) {
    for (const std::string& value : kind.values) kind.numbers.push_back(number_of_value(value));
    if (std::any_of(kind.numbers.begin(), kind.numbers.end(), [](float number) { return std::isnan(number); }))
      kind.numbers.clear();
  }
  return kinds;
}

/// The kind of that name; null where there is none.
inline const CategoryKind* kind_named(const std::vector<CategoryKind>& kinds, std::string_view name) {
  for (const CategoryKind& kind : kinds)
    if (kind.name == name) return &kind;
  return nullptr;
}

}  // namespace seqrec
