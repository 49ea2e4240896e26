// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "seqrec/core/errors.hpp"
#include "seqrec/data/dataset.hpp"
#include "seqrec/data/readers/csv.hpp"
#include "seqrec/data/readers/interactions.hpp"
#include "seqrec/data/readers/movielens_profiles.hpp"
#include "seqrec/data/readers/profiles.hpp"
#include "seqrec/data/readers/text_file.hpp"

namespace seqrec {

// MovieLens as GroupLens distributes it (Harper & Konstan 2015, "The MovieLens datasets"). Ratings are checked and
// dropped: that somebody rated an item is the interaction. What is known of users and items is read where its files
// stand beside the ratings; then it must cover all of them.

namespace detail {

/// A rating in steps of a half: "4", "3.5", "5.0".
inline void check_rating(const TextFile& file, std::string_view field) {
  const bool half = field.size() == 3 && field[1] == '.' && (field[2] == '0' || field[2] == '5');
  if (half || field.size() == 1) {
    const int twice = 2 * (field[0] - '0') + (half && field[2] == '5');
    if (twice >= 1 && twice <= 10) return;
  }
  file.fail(concatenate("rating is ", TextFile::quote(field), ", expected one of 0.5, 1, 1.5, ... 5"));
}

/// The rest of a file of ratings, its columns user, item, rating and time.
inline Interactions read_ratings(TextFile& file, std::string_view delimiter, const char* columns) {
  Interactions rows;
  rows.reserve(file.expected_lines(), true);
  while (file.next()) {
    const std::array<std::string_view, 4> fields = file.fields<4>(delimiter, columns);
    rows.users.push_back(file.integer(fields[0], "user"));
    rows.items.push_back(file.integer(fields[1], "item"));
    check_rating(file, fields[2]);
    rows.times.push_back(file.integer(fields[3], "time"));
  }
  return rows;
}

}  // namespace detail

/// Reads MovieLens 100K: `u.data` with tabs; `u.user` and `u.item` beside it.
/// @throws DataError naming file and line
inline Dataset read_movielens_100k(const std::filesystem::path& ratings_file, std::string name) {
  TextFile file(ratings_file);
  Dataset data =
      build_dataset(std::move(name), detail::read_ratings(file, "\t", "user, item, rating and time, a tab between"));
  attach_users(data, read_movielens_100k_users(ratings_file.parent_path() / "u.user"));
  attach_items(data, read_movielens_100k_items(ratings_file.parent_path() / "u.item"));
  return data;
}

/// Reads MovieLens 1M and 10M: `ratings.dat` with '::'; `users.dat` (1M only) and `movies.dat` beside it.
/// @throws DataError naming file and line
inline Dataset read_movielens_dat(const std::filesystem::path& ratings_file, std::string name) {
  TextFile file(ratings_file);
  Dataset data =
      build_dataset(std::move(name), detail::read_ratings(file, "::", "user, item, rating and time, '::' between"));
  attach_users(data, read_movielens_dat_users(ratings_file.parent_path() / "users.dat"));
  attach_items(data, read_movielens_dat_items(ratings_file.parent_path() / "movies.dat"));
  return data;
}

/// Reads MovieLens 20M, 25M, 32M and latest: `ratings.csv` with its header; `movies.csv` beside it.
/// @throws DataError naming file and line
inline Dataset read_movielens_csv(const std::filesystem::path& ratings_file, std::string name) {
  TextFile file(ratings_file);
  expect_header(file, "userId,movieId,rating,timestamp");
  Dataset data =
      build_dataset(std::move(name), detail::read_ratings(file, ",", "user, item, rating and time, commas between"));
  attach_items(data, read_movielens_csv_items(ratings_file.parent_path() / "movies.csv"));
  return data;
}

}  // namespace seqrec
