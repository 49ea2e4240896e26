// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/data/dataset.hpp"
#include "seqrec/data/features.hpp"

namespace seqrec {

/// How many interactions users and items must have to stay; 1 lets all stay.
struct KCoreOptions {
  index_t users = 5;
  index_t items = 5;
};

namespace detail {

/// What stays of a data set once users and items that `dropped` marks are gone.
inline Dataset without(const Dataset& data, std::string name, const std::vector<bool>& user_dropped,
                       const std::vector<bool>& item_dropped) {
  const auto places_left = [](const std::vector<bool>& dropped) {
    std::vector<index_t> places;
    for (std::size_t i = 0; i < dropped.size(); ++i)
      if (!dropped[i]) places.push_back(static_cast<index_t>(i));
    return places;
  };
  const auto select = [](const Vocabulary& ids, const std::vector<index_t>& places) {
    std::vector<std::string> selected;
    selected.reserve(places.size());
    for (const index_t place : places) selected.emplace_back(ids[place]);
    return Vocabulary(selected);
  };
  const std::vector<index_t> users = places_left(user_dropped), items = places_left(item_dropped);
  std::vector<item_t> new_number(item_dropped.size(), -1);
  for (std::size_t i = 0; i < items.size(); ++i) new_number.data()[items[i]] = static_cast<item_t>(i);

  Dataset core;
  core.name = std::move(name);
  core.source = data.source;
  for (const index_t user : users) {
    for (index_t event = data.offsets.data()[user]; event < data.offsets.data()[user + 1]; ++event) {
      const item_t item = new_number.data()[data.items.data()[event]];
      if (item < 0) continue;
      core.items.push_back(item);
      if (!data.times.empty()) core.times.push_back(data.times.data()[event]);
      if (!data.ratings.empty()) core.ratings.push_back(data.ratings.data()[event]);
    }
    core.offsets.push_back(std::ssize(core.items));
  }
  core.user_ids = select(data.user_ids, users);
  core.item_ids = select(data.item_ids, items);
  for (const index_t item : items)
    if (!data.titles.empty()) core.titles.push_back(data.titles.data()[item]);
  core.user_features = select_rows(data.user_features, users);
  core.item_features = select_rows(data.item_features, items);
  return core;
}

}  // namespace detail

/// The largest part of a data set in which every user and every item has so many interactions: users and items with
/// fewer are dropped, with their interactions, until nothing more has to go. (One pass, as some libraries do, leaves
/// others short again.) Users and items are renumbered in their order; ids, times, ratings, titles and features
/// come along.
/// The name says what was done: "films-5-core", or "films-5-3-core" for users and items.
/// @throws ArgumentError if a number is below 1
/// @throws DataError     if nothing is left
SEQREC_FUNCTION Dataset k_core(const Dataset& data, const KCoreOptions& options = {});

#if SEQREC_BODIES

SEQREC_FUNCTION Dataset k_core(const Dataset& data, const KCoreOptions& options) {
  check_argument(options.users >= 1, "k_core users", options.users, "a number of at least 1");
  check_argument(options.items >= 1, "k_core items", options.items, "a number of at least 1");
  std::vector<index_t> item_events(static_cast<std::size_t>(data.num_items()));
  std::vector<bool> user_dropped(static_cast<std::size_t>(data.num_users()), false);
  std::vector<bool> item_dropped(item_events.size(), false);
  for (bool changed = true; changed;) {
    changed = false;
    std::fill(item_events.begin(), item_events.end(), 0);
    for (std::size_t user = 0; user < user_dropped.size(); ++user) {
      if (user_dropped[user]) continue;
      const auto history = data.history(static_cast<index_t>(user));
      const auto kept = std::count_if(history.begin(), history.end(),
                                      [&](item_t item) { return !item_dropped[static_cast<std::size_t>(item)]; });
      if (kept < options.users) {
        user_dropped[user] = changed = true;
        continue;
      }
      for (const item_t item : history)
        if (!item_dropped[static_cast<std::size_t>(item)]) ++item_events.data()[item];
    }
    for (std::size_t item = 0; item < item_events.size(); ++item)
      if (!item_dropped[item] && item_events[item] < options.items) item_dropped[item] = changed = true;
  }
  const std::string numbers =
      options.users == options.items ? std::to_string(options.users) : concatenate(options.users, "-", options.items);
  Dataset core = detail::without(data, concatenate(data.name, "-", numbers, "-core"), user_dropped, item_dropped);
  if (core.num_interactions() == 0)
    throw DataError(concatenate(data.name, ": no interaction is left where every user has ", options.users,
                                " and every item ", options.items));
  return core;
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
