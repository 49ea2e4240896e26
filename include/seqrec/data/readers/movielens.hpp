// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "seqrec/core/errors.hpp"
#include "seqrec/data/dataset.hpp"
#include "seqrec/data/readers/fields.hpp"
#include "seqrec/data/readers/interactions.hpp"
#include "seqrec/data/readers/movielens_profiles.hpp"
#include "seqrec/data/readers/named_columns.hpp"
#include "seqrec/data/readers/profiles.hpp"
#include "seqrec/data/readers/ratings.hpp"
#include "seqrec/data/readers/read_options.hpp"
#include "seqrec/data/readers/table.hpp"
#include "seqrec/data/readers/text_file.hpp"

namespace seqrec {

// MovieLens as GroupLens distributes it (Harper & Konstan 2015, "The MovieLens datasets"). That somebody
// rated an item is the interaction; how goes into Dataset::ratings. What is known of users and items is read where its
// files stand beside the ratings; then it must cover all of them.

namespace detail {

inline constexpr const char* movielens_scale = "0.5..5:0.5";

/// A file of ratings without a header, its columns user, item, rating and time.
inline Interactions read_ratings(const std::filesystem::path& path, std::string_view delimiter, const char* columns,
                                 const ReadOptions& options) {
  TextFile file(path);
  refuse_column_names(file, options, columns);
  RatingFilter ratings(options, movielens_scale);
  const bool timed = options.time_column != "none", rated = options.rating_column != "none";
  Interactions rows;
  rows.file = path.string();
  rows.reserve(file.expected_lines(), timed);
  if (rated) rows.ratings.reserve(file.expected_lines());
  rows.times.name = "column 4";
  rows.times.unit = options.time_unit;
  while (file.next_row()) {
    const std::array<std::string_view, 4> fields = file.fields<4>(delimiter, columns);
    if (rated && !ratings.keeps(file, fields[2])) continue;
    add_id(rows.users, file, fields[0], "user");
    add_id(rows.items, file, fields[1], "item");
    if (timed) add_time(rows.times, file, fields[3]);
    if (rated) rows.ratings.push_back(ratings.last());
  }
  refuse_header(file, rows, columns);
  rows.note = ratings.note();
  return rows;
}

}  // namespace detail

/// Reads MovieLens 100K: `u.data` with tabs; `u.user` and `u.item` beside it.
/// @throws DataError naming file and line
inline Dataset read_movielens_100k(const std::filesystem::path& ratings_file, std::string name,
                                   const ReadOptions& options = {}) {
  Dataset data = build_dataset(
      std::move(name),
      detail::read_ratings(ratings_file, "\t", "user, item, rating and time, separated by tabs", options));
  attach_users(data, read_movielens_100k_users(ratings_file.parent_path() / "u.user"));
  attach_items(data, read_movielens_100k_items(ratings_file.parent_path() / "u.item"));
  return data;
}

/// Reads MovieLens 1M and 10M: `ratings.dat` with '::'; `users.dat` (1M only) and `movies.dat` beside it.
/// @throws DataError naming file and line
inline Dataset read_movielens_dat(const std::filesystem::path& ratings_file, std::string name,
                                  const ReadOptions& options = {}) {
  Dataset data = build_dataset(
      std::move(name),
      detail::read_ratings(ratings_file, "::", "user, item, rating and time, separated by '::'", options));
  attach_users(data, read_movielens_dat_users(ratings_file.parent_path() / "users.dat"));
  attach_items(data, read_movielens_dat_items(ratings_file.parent_path() / "movies.dat"));
  return data;
}

/// Reads MovieLens 20M, 25M, 32M and latest: `ratings.csv`, a table with named columns; `movies.csv` beside it.
/// @throws DataError naming file and line
inline Dataset read_movielens_csv(const std::filesystem::path& ratings_file, std::string name,
                                  const ReadOptions& options = {}) {
  Table table(ratings_file, TableStyle::delimited);
  Dataset data = build_dataset(std::move(name), read_events(table, options, detail::movielens_scale));
  attach_items(data, read_movielens_csv_items(ratings_file.parent_path() / "movies.csv"));
  return data;
}

}  // namespace seqrec
