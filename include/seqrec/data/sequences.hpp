// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "seqrec/data/dataset.hpp"
#include "seqrec/data/interactions.hpp"
#include "seqrec/data/text_file.hpp"
#include "seqrec/data/titles.hpp"

namespace seqrec {

namespace detail {

/// Titles for renumbered MovieLens items: `item_ids.txt` leads from our number to MovieLens', `movies.dat` from there
/// to the title. No titles unless both files are there.
inline Titles renumbered_movielens_titles(const std::filesystem::path& folder) {
  Titles titles;
  if (!std::filesystem::exists(folder / "item_ids.txt") || !std::filesystem::exists(folder / "movies.dat"))
    return titles;
  const Titles originals = read_latin1_titles<3>(folder / "movies.dat", "::", "item, title and genres, '::' between");
  TextFile file(folder / "item_ids.txt");
  while (file.next()) {
    const auto fields = file.fields<2>(" ", "item and original item, one space between");
    const auto original = originals.find(file.integer(fields[1], "original item"));
    if (original != originals.end()) titles.emplace(file.integer(fields[0], "item"), original->second);
  }
  return titles;
}

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
/// each user's in order of time. Nothing is sorted but by user, so the users' lines may be interleaved. Titles are read
/// where `item_ids.txt` ("item original-item" pairs) and MovieLens 1M's `movies.dat` stand beside it.
/// @throws DataError naming file and line
inline Dataset read_sequences(const std::filesystem::path& pairs_file, std::string name) {
  Interactions rows;
  TextFile file(pairs_file);
  while (file.next()) {
    const auto fields = file.fields<2>(" ", "user and item, one space between");
    rows.users.push_back(file.integer(fields[0], "user"));
    rows.items.push_back(file.integer(fields[1], "item"));
  }
  return build_dataset(std::move(name), rows, detail::renumbered_movielens_titles(pairs_file.parent_path()));
}

}  // namespace seqrec
