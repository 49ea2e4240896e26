// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/data/dataset.hpp"
#include "seqrec/data/readers/id_column.hpp"
#include "seqrec/data/readers/numbering.hpp"
#include "seqrec/data/readers/time_column.hpp"

namespace seqrec {

/// A table of events, a row each, in any order of users: what every reader collects, and what you fill from a table of
/// your own. Ids are texts or integers of 64 bits, times numbers or ISO 8601 dates:
///
///     Interactions rows;
///     rows.add("u1", "tt0114709", 1609459200);
///     rows.add("u1", "tt0113277", 1609459260);
///     Dataset data = build_dataset("films", rows);
struct Interactions {
  IdColumn users{};              ///< (E)
  IdColumn items{};              ///< (E)
  TimeColumn times{};            ///< (E), or empty: then the order of the rows is the order in time
  std::vector<float> ratings{};  ///< (E), or empty
  std::string file{};            ///< where they were read, for messages; empty for a table in memory
  std::string note{};            ///< what a reader did besides, for Dataset::source: "12 events rated below 4 left out"

  /// An event without a time. Either all have one or none.
  template <class User, class Item>
  void add(const User& user, const Item& item) {
    users.push_back(user);
    items.push_back(item);
  }
  template <class User, class Item, class Time>
  void add(const User& user, const Item& item, const Time& time) {
    add(user, item);
    times.push_back(time);
  }

  /// Makes room, so that nothing is copied while rows come in.
  void reserve(std::size_t rows, bool with_times) {
    users.reserve(rows);
    items.reserve(rows);
    if (with_times) times.reserve(rows);
  }
};

/// Titles in UTF-8 by original id of the item.
using Titles = std::unordered_map<std::string, std::string>;

/// Numbers users and items, in ascending order of their ids where those are numbers, in order of first appearance where
/// they are names, and orders the rows by (user, time, row). A time counts in full: within a second its fraction
/// decides, though Dataset::times holds whole seconds, rounded down. Rows with equal times keep the order of the table:
/// in MovieLens 100K the last two events of 415 of 943 users share their second, and any other rule makes another
/// benchmark of it.
/// @throws DataError     if there is no interaction at all, or times are of two units (TimeColumn)
/// @throws ArgumentError if the columns differ in length
SEQREC_FUNCTION Dataset build_dataset(std::string name, const Interactions& rows, const Titles& titles = {});

#if SEQREC_BODIES

namespace detail {

/// A row of Interactions.
using row_t = std::uint32_t;

/// When something happened, and where it stands in the table, which decides between equal times.
struct Moment {
  std::int64_t time;
  std::int32_t billionths;
  row_t row;
  bool operator<(const Moment& other) const {
    if (time != other.time) return time < other.time;
    return billionths != other.billionths ? billionths < other.billionths : row < other.row;
  }
};

/// What cannot become a data set.
inline void check_interactions(const std::string& source, const Interactions& rows) {
  const std::size_t size = rows.users.size();
  if (rows.items.size() != size || (!rows.times.empty() && rows.times.size() != size))
    throw ArgumentError(concatenate("build_dataset: ", size, " users, ", rows.items.size(), " items and ",
                                    rows.times.size(), " times, expected columns of one length, or no times"));
  if (!rows.ratings.empty() && rows.ratings.size() != size)
    throw ArgumentError(concatenate("build_dataset: ", size, " users and ", rows.ratings.size(),
                                    " ratings, expected columns of one length, or no ratings"));
  if (size > std::numeric_limits<row_t>::max())
    throw DataError(
        concatenate(source, ": ", size, " interactions, expected at most ", std::numeric_limits<row_t>::max()));
  if (size == 0)
    throw DataError(concatenate(source, ": the data set is empty", rows.note.empty() ? "" : ", ", rows.note,
                                ", expected at least one interaction"));
}

}  // namespace detail

SEQREC_FUNCTION Dataset build_dataset(std::string name, const Interactions& rows, const Titles& titles) {
  const std::string& source = rows.file.empty() ? name : rows.file;
  detail::check_interactions(source, rows);
  const std::size_t size = rows.users.size();
  const detail::Numbering users(rows.users), items(rows.items);
  const auto check_distinct = [&](index_t distinct, const char* what) {
    if (distinct > std::numeric_limits<item_t>::max())
      throw DataError(concatenate(source, ": ", distinct, " distinct ", what, ", expected at most ",
                                  std::numeric_limits<item_t>::max()));
  };
  check_distinct(users.size(), "users");
  check_distinct(items.size(), "items");

  Dataset data;
  // A counting sort by user, which is stable, then a sort by time within each.
  data.offsets.assign(static_cast<std::size_t>(users.size()) + 1, 0);
  for (std::size_t row = 0; row < size; ++row) ++data.offsets.data()[users(row) + 1];
  for (index_t user = 0; user < users.size(); ++user) data.offsets.data()[user + 1] += data.offsets.data()[user];
  std::vector<index_t> next(data.offsets.begin(), data.offsets.end() - 1);
  const auto place_of = [&](std::size_t row) { return next.data()[users(row)]++; };
  data.items.resize(size);
  data.ratings.resize(rows.ratings.size());
  if (rows.times.empty()) {
    for (std::size_t row = 0; row < size; ++row) {
      const index_t place = place_of(row);
      data.items.data()[place] = static_cast<item_t>(items(row));
      if (!rows.ratings.empty()) data.ratings.data()[place] = rows.ratings[row];
    }
    data.source = rows.file.empty() ? "no times, order of the rows" : "no times, order of the file";
  } else {
    const std::int64_t units = rows.times.units_a_second(source);
    std::vector<detail::Moment> moments(size);
    for (std::size_t row = 0; row < size; ++row)
      moments.data()[place_of(row)] = {rows.times.whole(row), rows.times.billionths(row),
                                       static_cast<detail::row_t>(row)};
    for (index_t user = 0; user < users.size(); ++user)
      std::sort(moments.begin() + data.offsets.data()[user], moments.begin() + data.offsets.data()[user + 1]);
    data.times.resize(size);
    for (std::size_t i = 0; i < size; ++i) {
      data.items[i] = static_cast<item_t>(items(moments[i].row));
      data.times[i] = units == 1 ? moments[i].time : TimeColumn::seconds_of(moments[i].time, units);
      if (!rows.ratings.empty()) data.ratings[i] = rows.ratings[moments[i].row];
    }
    data.source = "times: " + rows.times.description(units);
  }
  if (!rows.note.empty()) data.source += "; " + rows.note;
  data.name = std::move(name);
  data.user_ids = users.vocabulary();
  data.item_ids = items.vocabulary();
  if (!titles.empty())
    for (index_t item = 0; item < data.num_items(); ++item) {
      const auto title = titles.find(std::string(data.item_ids[item]));
      data.titles.push_back(title == titles.end() ? std::string() : title->second);
    }
  return data;
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
