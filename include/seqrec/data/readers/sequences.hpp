// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "seqrec/core/errors.hpp"
#include "seqrec/data/dataset.hpp"
#include "seqrec/data/readers/fields.hpp"
#include "seqrec/data/readers/gzip.hpp"
#include "seqrec/data/readers/interactions.hpp"
#include "seqrec/data/readers/movielens_profiles.hpp"
#include "seqrec/data/readers/profiles.hpp"
#include "seqrec/data/readers/ratings.hpp"
#include "seqrec/data/readers/read_options.hpp"
#include "seqrec/data/readers/text_file.hpp"

namespace seqrec {

namespace detail {

/// Whether a file may hold sequences: its first line is a pair of whole numbers. Maps of numbers, which look the same,
/// are known by their names.
inline bool begins_like_sequences(const std::filesystem::path& file, std::string_view first_line,
                                  const ReadOptions& = {}) {
  for (const char* const map : {"item_ids.txt", "user_ids.txt", "item_ids.txt.gz", "user_ids.txt.gz"})
    if (file.filename() == map) return false;
  const std::size_t space = first_line.find(' ');
  if (!first_line.empty() && first_line.back() == '\r') first_line.remove_suffix(1);
  const auto is_number = [](std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  return space != std::string_view::npos && is_number(first_line.substr(0, space)) &&
         is_number(first_line.substr(space + 1));
}

}  // namespace detail

/// Reads sequences in the form in which SASRec's were published (Kang & McAuley 2018): one "user item" pair a line,
/// each user's in order of time. Nothing is sorted but by user, so the users' lines may be interleaved. Titles and
/// features are read where MovieLens 1M's `movies.dat` or `users.dat` stands beside it together with `item_ids.txt` or
/// `user_ids.txt`, whose "id original-id" pairs lead there.
/// @throws DataError naming file and line
inline Dataset read_sequences(const std::filesystem::path& pairs_file, std::string name,
                              const ReadOptions& options = {}) {
  constexpr const char* columns = "user and item, one space between";
  TextFile file(pairs_file);
  detail::refuse_column_names(file, options, columns);
  check_argument(!detail::RatingFilter(options, "any").has_threshold(), "least_rating", options.least_rating,
                 "none, 'user item' pairs have no ratings");
  Interactions rows;
  rows.file = pairs_file.string();
  rows.reserve(file.expected_lines(), false);
  while (file.next_row()) {
    const auto fields = file.fields<2>(" ", columns);
    detail::add_id(rows.users, file, fields[0], "user");
    detail::add_id(rows.items, file, fields[1], "item");
  }
  detail::refuse_header(file, rows, columns);
  Dataset data = build_dataset(std::move(name), rows);
  const auto beside = [&](const char* other) { return plain_or_packed(pairs_file.parent_path() / other); };
  const auto both = [](const std::filesystem::path& a, const std::filesystem::path& b) {
    return std::filesystem::exists(a) && std::filesystem::exists(b);
  };
  if (both(beside("user_ids.txt"), beside("users.dat")))
    attach_users(data, renumber(read_movielens_dat_users(beside("users.dat")), beside("user_ids.txt")));
  if (both(beside("item_ids.txt"), beside("movies.dat")))
    attach_items(data, renumber(read_movielens_dat_items(beside("movies.dat")), beside("item_ids.txt")));
  return data;
}

}  // namespace seqrec
