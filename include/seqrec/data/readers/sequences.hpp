// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "seqrec/data/dataset.hpp"
#include "seqrec/data/readers/interactions.hpp"
#include "seqrec/data/readers/movielens_profiles.hpp"
#include "seqrec/data/readers/profiles.hpp"
#include "seqrec/data/readers/text_file.hpp"

namespace seqrec {

namespace detail {

/// Whether a file may hold sequences: its first line is a pair of whole numbers. Maps of numbers, which look the same,
/// are known by their names.
inline bool begins_like_sequences(const std::filesystem::path& file, std::string_view first_line) {
  if (file.filename() == "item_ids.txt" || file.filename() == "user_ids.txt") return false;
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
/// `user_ids.txt`, whose "number original-number" pairs lead there.
/// @throws DataError naming file and line
inline Dataset read_sequences(const std::filesystem::path& pairs_file, std::string name) {
  Interactions rows;
  TextFile file(pairs_file);
  rows.reserve(file.expected_lines(), false);
  while (file.next()) {
    const auto fields = file.fields<2>(" ", "user and item, one space between");
    rows.users.push_back(file.integer(fields[0], "user"));
    rows.items.push_back(file.integer(fields[1], "item"));
  }
  Dataset data = build_dataset(std::move(name), rows);
  const std::filesystem::path folder = pairs_file.parent_path();
  if (std::filesystem::exists(folder / "user_ids.txt") && std::filesystem::exists(folder / "users.dat"))
    attach_users(data, renumber(read_movielens_dat_users(folder / "users.dat"), folder / "user_ids.txt"));
  if (std::filesystem::exists(folder / "item_ids.txt") && std::filesystem::exists(folder / "movies.dat"))
    attach_items(data, renumber(read_movielens_dat_items(folder / "movies.dat"), folder / "item_ids.txt"));
  return data;
}

}  // namespace seqrec
