// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include "seqrec/data/dataset.hpp"
#include "seqrec/data/interactions.hpp"
#include "seqrec/data/text_file.hpp"
#include "seqrec/data/titles.hpp"

namespace seqrec {

/// Reads MovieLens 100K as GroupLens distributes it (Harper & Konstan 2015, "The MovieLens datasets"): `u.data` with
/// user, item, rating and time between tabs, and, where it stands beside it, `u.item` with the titles. Ratings are
/// checked and dropped: that somebody rated an item is the interaction.
/// @throws DataError naming file and line
inline Dataset read_movielens_100k(const std::filesystem::path& ratings_file, std::string name) {
  Interactions rows;
  TextFile file(ratings_file);
  while (file.next()) {
    const auto fields = file.fields<4>("\t", "user, item, rating and time, a tab between");
    rows.users.push_back(file.integer(fields[0], "user"));
    rows.items.push_back(file.integer(fields[1], "item"));
    file.integer(fields[2], "rating", 1, 5);
    rows.times.push_back(file.integer(fields[3], "time"));
  }
  Titles titles;
  const std::filesystem::path titles_file = ratings_file.parent_path() / "u.item";
  if (std::filesystem::exists(titles_file))
    titles = read_latin1_titles<24>(titles_file, "|", "item, title, two dates, address and 19 genres, '|' between");
  return build_dataset(std::move(name), rows, titles);
}

}  // namespace seqrec
