// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/names.hpp"
#include "seqrec/data/dataset.hpp"
#include "seqrec/data/features.hpp"

namespace seqrec {

/// A data set under a model's numbers, and what the model does not know.
struct Renumbered {
  Dataset data;
  std::vector<std::string> unknown_items;       ///< ids of items that the model lacks; their events are gone
  index_t dropped_events = 0;                   ///< how many those were
  std::vector<std::string> unknown_categories;  ///< names of categories that the model lacks; they are gone
};

/// Gives a data set the numbers that a model's items and categories have (docs/data_formats.md): next month's export
/// for the model of this month. Items are those of the model, whether the data have events of them or not; what the
/// data know of them comes along. Users stay as they are, also those that have no event left.
/// @param names  of a model; where it knows no categories, the data keep theirs
/// @throws ArgumentError for names without items   @throws DataError where no event is left
SEQREC_FUNCTION Renumbered renumber(const Dataset& data, const Names& names);

#if SEQREC_BODIES

namespace detail {

/// A table under other category numbers.   @param unknown  takes the names that `categories` lacks
inline FeatureTable renumbered(const FeatureTable& table, const Vocabulary& categories,
                               std::vector<std::string>& unknown) {
  if (!table || categories.empty()) return table;
  std::vector<category_t> numbers;
  for (const std::string& name : table.names) {
    const auto number = categories.find(name);
    numbers.push_back(number ? static_cast<category_t>(*number) : category_t{-1});
    if (!number) unknown.push_back(name);
  }
  FeatureTable mapped;
  for (index_t i = 0; i < categories.size(); ++i) mapped.names.emplace_back(categories[i]);
  for (index_t row = 0; row < table.rows(); ++row) {
    const auto begin = std::ssize(mapped.values);
    for (offset_t i = table.offsets.data()[row]; i < table.offsets.data()[row + 1]; ++i)
      if (const category_t number = numbers.data()[table.values.data()[i]]; number >= 0)
        mapped.values.push_back(number);
    std::sort(mapped.values.begin() + begin, mapped.values.end());
    mapped.offsets.push_back(static_cast<offset_t>(mapped.values.size()));
  }
  return mapped;
}

}  // namespace detail

SEQREC_FUNCTION Renumbered renumber(const Dataset& data, const Names& names) {
  check_argument(!names.items.empty(), "renumber: names of items", "none", "those of a model that was trained");
  Renumbered result{data, {}, 0, {}};
  std::vector<item_t> number_of;                                                            // by item of the data
  std::vector<index_t> item_of(static_cast<std::size_t>(names.items.size()), index_t{-1});  // by item of the model
  for (index_t item = 0; item < data.num_items(); ++item) {
    const auto number = names.items.find(data.item_ids[item]);
    number_of.push_back(number.value_or(item_t{-1}));
    if (number)
      item_of.data()[*number] = item;
    else
      result.unknown_items.emplace_back(data.item_ids[item]);
  }

  Dataset& mapped = result.data;
  mapped.items.clear();
  mapped.times.clear();
  mapped.ratings.clear();
  for (index_t user = 0; user < data.num_users(); ++user) {
    for (index_t event = data.offsets.data()[user]; event < data.offsets.data()[user + 1]; ++event) {
      const item_t number = number_of.data()[data.items.data()[event]];
      if (number < 0) continue;
      mapped.items.push_back(number);
      if (!data.times.empty()) mapped.times.push_back(data.times.data()[event]);
      if (!data.ratings.empty()) mapped.ratings.push_back(data.ratings.data()[event]);
    }
    mapped.offsets.data()[user + 1] = std::ssize(mapped.items);
  }
  if (mapped.items.empty())
    throw DataError(concatenate(data.name, ": the model knows none of its ", data.num_items(), " items"));
  result.dropped_events = data.num_interactions() - mapped.num_interactions();

  mapped.item_ids = names.items;
  if (!data.titles.empty()) {
    mapped.titles.assign(item_of.size(), {});
    for (std::size_t i = 0; i < item_of.size(); ++i)
      if (item_of[i] >= 0) mapped.titles[i] = data.titles.data()[item_of[i]];
  }
  mapped.user_features = detail::renumbered(data.user_features, names.user_categories, result.unknown_categories);
  mapped.item_features =
      detail::renumbered(select_rows(data.item_features, item_of), names.item_categories, result.unknown_categories);
  return result;
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
