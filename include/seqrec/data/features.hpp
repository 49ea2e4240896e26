// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/jagged.hpp"
#include "seqrec/core/types.hpp"

namespace seqrec {

/// What is known of each user, or each item, beside the interactions: a row of category numbers, as many as apply
/// (multi-hot). All kinds of categories share one numbering, told apart by their names: "gender=F", "genre=Comedy".
struct FeatureTable {
  std::vector<std::string> names;    ///< of the categories 0 .. C-1, ascending
  std::vector<offset_t> offsets{0};  ///< (R+1) where each row starts
  std::vector<category_t> values;    ///< categories, ascending and distinct within a row

  index_t rows() const { return std::ssize(offsets) - 1; }
  index_t categories() const { return std::ssize(names); }
  /// Whether there are any features.
  explicit operator bool() const { return rows() > 0; }

  /// One segment per row; null where there are no features. Valid as long as the table is not changed.
  Jagged<const category_t, HostSpace> view() const {
    if (!*this) return {};
    return {{values.data(), std::ssize(values)}, {offsets.data(), std::ssize(offsets)}};
  }
};

/// A table of rows given by category names, which are numbered in ascending order. A name that a row repeats counts
/// once. Rows without any category at all are no features: the table is empty then.
inline FeatureTable make_feature_table(const std::vector<std::vector<std::string>>& rows) {
  FeatureTable table;
  std::map<std::string_view, category_t> numbers;
  for (const auto& row : rows)
    for (const std::string& name : row) numbers.emplace(name, 0);
  for (auto& [name, number] : numbers) {
    number = static_cast<category_t>(table.names.size());
    table.names.emplace_back(name);
  }
  if (table.names.empty()) return table;
  std::vector<category_t> categories;
  for (const auto& row : rows) {
    categories.clear();
    for (const std::string& name : row) categories.push_back(numbers.find(name)->second);
    std::sort(categories.begin(), categories.end());
    categories.erase(std::unique(categories.begin(), categories.end()), categories.end());
    table.values.insert(table.values.end(), categories.begin(), categories.end());
    if (std::ssize(table.values) > std::numeric_limits<offset_t>::max())
      throw DataError(concatenate("features: more than ", std::numeric_limits<offset_t>::max(),
                                  " categories in all rows together, expected at most so many"));
    table.offsets.push_back(static_cast<offset_t>(table.values.size()));
  }
  return table;
}

/// The rows of a table with these numbers, in their order, under the same categories; -1 is a row of none.
inline FeatureTable select_rows(const FeatureTable& table, const std::vector<index_t>& rows) {
  FeatureTable selected;
  if (!table) return selected;
  selected.names = table.names;
  for (const index_t row : rows) {
    if (row >= 0) {
      const offset_t* const begin = table.offsets.data() + row;
      selected.values.insert(selected.values.end(), table.values.data() + begin[0], table.values.data() + begin[1]);
    }
    selected.offsets.push_back(static_cast<offset_t>(selected.values.size()));
  }
  return selected;
}

}  // namespace seqrec
