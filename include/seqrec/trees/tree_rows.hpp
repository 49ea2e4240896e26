// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/core/utf8.hpp"
#include "seqrec/trees/c_api.hpp"

namespace seqrec {

/// Rows for trees, one after another. NaN is a missing value.
template <class Real>
struct TreeRows {
  static_assert(std::is_same_v<Real, float> || std::is_same_v<Real, double>, "seqrec: trees read float or double");

  std::span<const Real> values;  ///< (N, columns)
  index_t columns = 0;

  index_t rows() const { return columns == 0 ? 0 : std::ssize(values) / columns; }
  std::span<const Real> row(index_t r) const {
    return values.subspan(static_cast<std::size_t>(r * columns), static_cast<std::size_t>(columns));
  }
};

/// What the columns of rows are.
struct TreeColumns {
  std::vector<std::string> names;
  std::vector<index_t> categorical{};  ///< columns whose values are numbers of categories, not quantities

  index_t size() const { return std::ssize(names); }
};

/// What rows are to be.
struct TreeLabels {
  std::span<const float> labels;      ///< (N) whole numbers: 0 or 1, or for lambdarank 0 .. 30
  std::span<const index_t> groups{};  ///< rows of each group, in order: a ranked list; empty where rows stand alone
  std::span<const float> weights{};   ///< (N), positive; empty where all count alike
};

namespace detail {

/// LightGBM counts rows in int32.
inline constexpr index_t most_tree_values = std::numeric_limits<std::int32_t>::max();

template <class Real>
inline constexpr int tree_type = std::is_same_v<Real, float> ? C_API_DTYPE_FLOAT32 : C_API_DTYPE_FLOAT64;

/// @param what  the rows are, for the message, e.g. "training rows"
/// @throws TreeError for other extents than (N, columns), or an infinite value
template <class Real>
void check_tree_rows(const char* what, const TreeRows<Real>& rows, const std::vector<std::string>& names) {
  const index_t columns = std::ssize(names);
  if (rows.columns != columns)
    throw TreeError(concatenate(what, " have ", rows.columns, " columns, expected ", columns));
  if (std::ssize(rows.values) != rows.rows() * columns)
    throw TreeError(concatenate(what, " hold ", rows.values.size(), " values, expected a multiple of ", columns));
  if (rows.rows() > most_tree_values)
    throw TreeError(concatenate(what, " are ", rows.rows(), ", expected at most ", most_tree_values));
  const auto infinite = std::find_if(rows.values.begin(), rows.values.end(), [](Real v) { return std::isinf(v); });
  if (infinite == rows.values.end() || columns == 0) return;  // without columns there are no values
  const index_t place = infinite - rows.values.begin();
  throw TreeError(concatenate(what, ": ", names[static_cast<std::size_t>(place % columns)], " of row ", place / columns,
                              " is ", *infinite, ", expected a finite number, or NaN where it is not known"));
}

/// @throws TreeError for a name that is empty, given twice or holds what LightGBM would change or refuse; a category
///         that is no column
inline void check_tree_columns(const TreeColumns& columns) {
  if (columns.names.empty()) throw TreeError("columns of trees are none, expected one or more");
  std::vector<std::string> sorted = columns.names;
  std::sort(sorted.begin(), sorted.end());
  if (const auto twice = std::adjacent_find(sorted.begin(), sorted.end()); twice != sorted.end())
    throw TreeError(concatenate("columns of trees hold ", quote_bytes(*twice), " twice, expected different names"));
  for (const std::string& name : columns.names)
    if (name.empty() || name.find_first_of(" \t\r\n\f\v\",:[]{}=") != name.npos)
      throw TreeError(concatenate("a column of trees is ", quote_bytes(name),
                                  ", expected a name without spaces and any of \" , : [ ] { } ="));
  for (const index_t c : columns.categorical)
    if (c < 0 || c >= columns.size())
      throw TreeError(concatenate("a categorical column is ", c, ", expected 0 .. ", columns.size() - 1));
}

/// Whether a group, or all rows where there are none, has two rows of different labels.
inline bool labels_differ(const TreeLabels& labels) {
  const index_t all = std::ssize(labels.labels);
  const std::span<const index_t> groups = labels.groups.empty() ? std::span(&all, 1) : labels.groups;
  std::size_t first = 0;
  for (const index_t rows : groups) {
    const auto group = labels.labels.subspan(first, static_cast<std::size_t>(rows));
    if (std::any_of(group.begin(), group.end(), [&](float label) { return label != group[0]; })) return true;
    first += group.size();
  }
  return false;
}

/// @param highest  label that is allowed   @throws TreeError naming what is wrong with rows or their labels
inline void check_tree_labels(const char* what, index_t rows, const TreeLabels& labels, float highest) {
  if (rows == 0) throw TreeError(concatenate(what, " are none, expected some"));
  const auto check_length = [&](const char* of, index_t length) {
    if (length != rows) throw TreeError(concatenate(what, ": ", of, " are ", length, ", expected ", rows));
  };
  check_length("labels", std::ssize(labels.labels));
  for (const float label : labels.labels)
    if (!(label >= 0 && label <= highest && label == std::floor(label)))
      throw TreeError(concatenate(what, ": a label is ", label, ", expected a whole number, 0 .. ", highest));
  if (!labels.weights.empty()) check_length("weights", std::ssize(labels.weights));
  for (const float weight : labels.weights)
    if (!(weight > 0 && std::isfinite(weight)))
      throw TreeError(concatenate(what, ": a weight is ", weight, ", expected a positive number"));
  index_t in_groups = 0;
  for (const index_t group : labels.groups) {
    if (group < 1 || group > rows)
      throw TreeError(concatenate(what, ": a group has ", group, " rows, expected 1 .. ", rows));
    in_groups += group;
  }
  if (!labels.groups.empty()) check_length("rows of all groups", in_groups);
  if (!labels_differ(labels))
    throw TreeError(concatenate(what, ": all labels", labels.groups.empty() ? "" : " of a group", " are the same, ",
                                "expected different ones: there is nothing to tell apart"));
}

}  // namespace detail

}  // namespace seqrec
