// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "seqrec/core/vocabulary.hpp"
#include "seqrec/data/dataset.hpp"
#include "seqrec/data/readers/event_columns.hpp"
#include "seqrec/data/readers/fields.hpp"
#include "seqrec/data/readers/gzip.hpp"
#include "seqrec/data/readers/interactions.hpp"
#include "seqrec/data/readers/movielens_profiles.hpp"
#include "seqrec/data/readers/named_columns.hpp"
#include "seqrec/data/readers/profiles.hpp"
#include "seqrec/data/readers/read_options.hpp"
#include "seqrec/data/readers/table.hpp"
#include "seqrec/data/readers/text_encoding.hpp"
#include "seqrec/data/title_year.hpp"

namespace seqrec {

namespace detail {

/// The categories of one column of a `.user` or `.item` file; most columns have none.
inline void add_categories(Profile& profile, std::string_view column, std::string_view field) {
  if (field.empty()) return;
  if (column == "gender" || column == "occupation") {
    profile.categories.push_back(std::string(column) + "=" + utf8_from_unknown(field));
  } else if (column == "age") {
    std::int64_t years = 0;
    const char* const end = field.data() + field.size();
    const auto [stop, error] = std::from_chars(field.data(), end, years);
    const bool is_number = error == std::errc{} && stop == end && years >= 0;
    profile.categories.push_back(is_number ? seqrec::age_category(years) : "age=" + utf8_from_unknown(field));
  } else if (column == "year" || column == "release_year") {
    if (const auto year = leading_year(field)) profile.categories.push_back(year_category(*year));
  } else if (column == "genre" || column == "genres" || column == "class") {
    TextFile::cut(field, " ", [&](std::string_view genre) {
      if (!genre.empty() && genre != "unknown") profile.categories.push_back("genre=" + utf8_from_unknown(genre));
    });
  }
}

/// The profiles of a `.user` or `.item` file for those that have interactions; others are passed over.
/// @param id_column  as the interactions call it
inline Profiles read_atomic_profiles(const std::filesystem::path& path, const char* kind, const std::string& id_column,
                                     const Vocabulary& ids) {
  const std::filesystem::path found = plain_or_packed(path);
  if (!std::filesystem::exists(found)) return {};
  Profiles profiles{found, kind, {}};
  Table table(found, TableStyle::recbole);
  const std::size_t id_place = table.required_column(id_column);
  while (table.next()) {
    std::string id = id_field(table.text(), table[id_place], kind);
    if (!ids.find(id)) continue;
    Profile profile;
    for (std::size_t i = 0; i < table.columns().size(); ++i) {
      const std::string& column = table.columns()[i];
      if (column == "title" || column == "movie_title" || column == "name") profile.title = utf8_from_unknown(table[i]);
      add_categories(profile, column, table[i]);
    }
    profiles.add(table.text(), std::move(id), std::move(profile));
  }
  return profiles;
}

/// Whatever ends in ".inter" is taken for an atomic file: its reader says better than "unknown format" what is wrong.
inline bool begins_like_recbole(const std::filesystem::path&, std::string_view, const ReadOptions&) { return true; }

}  // namespace detail

/// Reads RecBole's atomic files (Zhao et al. 2021): `NAME.inter`, tabs between, its columns found by their names
/// (find_event_columns): user_id, item_id and, where there are times, timestamp; without times the order of the file is
/// the order in time. Beside it `NAME.item` (title or movie_title; genre, genres or class; year or release_year) and
/// `NAME.user` (gender, age, occupation) where they exist; then they must cover all. Other columns are passed over.
/// @throws DataError naming file and line
inline Dataset read_recbole(const std::filesystem::path& interactions_file, std::string name,
                            const ReadOptions& options = {}) {
  Table table(interactions_file, TableStyle::recbole);
  const EventColumns columns = find_event_columns(table, options);
  Dataset data = build_dataset(std::move(name), read_events(table, options));
  const auto beside = [&](const char* ending) {
    std::filesystem::path path = interactions_file;
    if (path.extension() == ".gz") path.replace_extension();
    return path.replace_extension(ending);
  };
  attach_users(data,
               detail::read_atomic_profiles(beside(".user"), "user", table.columns()[columns.user], data.user_ids));
  attach_items(data,
               detail::read_atomic_profiles(beside(".item"), "item", table.columns()[columns.item], data.item_ids));
  return data;
}

}  // namespace seqrec
