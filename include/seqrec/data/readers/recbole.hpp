// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/data/dataset.hpp"
#include "seqrec/data/readers/interactions.hpp"
#include "seqrec/data/readers/movielens_profiles.hpp"
#include "seqrec/data/readers/profiles.hpp"
#include "seqrec/data/readers/text_encoding.hpp"
#include "seqrec/data/readers/text_file.hpp"
#include "seqrec/data/readers/tokens.hpp"

namespace seqrec {

namespace detail {

/// What RecBole calls an atomic file: columns between tabs, the first line naming them as "name:type".
class RecBoleFile {
 public:
  /// @throws DataError unless the first line is a header of "name:type" columns
  explicit RecBoleFile(const std::filesystem::path& path) : file_(path) {
    if (!file_.next())
      throw DataError(path.string() + ": is empty, expected a header 'user_id:token', a tab, 'item_id:token', ...");
    TextFile::cut(file_.line(), "\t", [&](std::string_view column) {
      const std::size_t colon = column.find(':');
      const std::string_view type = colon == std::string_view::npos ? "" : column.substr(colon + 1);
      if (type != "token" && type != "token_seq" && type != "float" && type != "float_seq")
        file_.fail(concatenate("header column ", TextFile::quote(column),
                               " is not 'name:type', the type one of token, token_seq, float, float_seq"));
      columns_.emplace_back(column.substr(0, colon));
    });
    fields_.resize(columns_.size());
  }

  bool next() {
    if (!file_.next()) return false;
    file_.fields("\t", "those of the header, a tab between", fields_);
    return true;
  }

  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  /// The place of a column, `none` if the header lacks it.
  std::size_t column(std::string_view name) const {
    const auto place = std::find(columns_.begin(), columns_.end(), name);
    return place == columns_.end() ? none : static_cast<std::size_t>(place - columns_.begin());
  }
  /// @throws DataError if the header lacks it
  std::size_t required_column(std::string_view name) const {
    const std::size_t place = column(name);
    if (place == none) file_.fail(concatenate("the header has no column '", name, "'"));
    return place;
  }

  std::string_view operator[](std::size_t column) const { return fields_[column]; }
  const std::vector<std::string>& columns() const { return columns_; }
  const TextFile& text() const { return file_; }

 private:
  TextFile file_;
  std::vector<std::string> columns_;  ///< names without types
  std::vector<std::string_view> fields_;
};

/// Whole seconds, written as a float: "881250949", "881250949.0", "8.8e8".
inline std::int64_t read_timestamp(const TextFile& file, std::string_view field) {
  double value = -1;
  const char* const end = field.data() + field.size();
  const auto [stop, error] = std::from_chars(field.data(), end, value);
  if (error != std::errc{} || stop != end || !(value >= 0 && value <= 0x1p53) ||
      static_cast<double>(static_cast<std::int64_t>(value)) != value)
    file.fail(concatenate("timestamp is ", TextFile::quote(field), ", expected whole seconds from 0 to 2^53"));
  return static_cast<std::int64_t>(value);
}

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
inline Profiles read_atomic_profiles(const std::filesystem::path& path, const char* kind, const char* id_column,
                                     const TokenColumn& tokens) {
  if (!std::filesystem::exists(path)) return {};
  Profiles profiles{path, kind, {}};
  RecBoleFile file(path);
  const std::size_t id = file.required_column(id_column);
  while (file.next()) {
    if (!tokens.find(file[id])) continue;
    Profile profile;
    for (std::size_t i = 0; i < file.columns().size(); ++i) {
      const std::string& column = file.columns()[i];
      if (column == "title" || column == "movie_title" || column == "name") profile.title = utf8_from_unknown(file[i]);
      add_categories(profile, column, file[i]);
    }
    profiles.add(file.text(), std::string(file[id]), std::move(profile));
  }
  return profiles;
}

/// Whatever ends in ".inter" is taken for an atomic file: its reader says better than "unknown format" what is wrong.
inline bool begins_like_recbole(const std::filesystem::path&, std::string_view) { return true; }

}  // namespace detail

/// Reads RecBole's atomic files (Zhao et al. 2021): `NAME.inter`, tabs between, with columns `user_id` and `item_id`
/// and, where there are times, `timestamp` in whole seconds; without it the order of the file is the order in time.
/// Beside it `NAME.item` (title or movie_title; genre, genres or class; year or release_year) and `NAME.user` (gender,
/// age, occupation) where they exist; then they must cover all. Other columns are passed over. Ids may be any text.
/// @throws DataError naming file and line
inline Dataset read_recbole(const std::filesystem::path& interactions_file, std::string name) {
  detail::RecBoleFile file(interactions_file);
  const std::size_t user = file.required_column("user_id"), item = file.required_column("item_id");
  const std::size_t time = file.column("timestamp");
  TokenColumn users, items;
  Interactions rows;
  const auto token = [&](std::size_t column, const char* what) {
    if (const std::string problem = id_problem(file[column]); !problem.empty())
      file.text().fail(concatenate(what, " is ", TextFile::quote(file[column]), ", which ", problem));
    return file[column];
  };
  while (file.next()) {
    users.add(token(user, "user_id"));
    items.add(token(item, "item_id"));
    if (time != detail::RecBoleFile::none) rows.times.push_back(detail::read_timestamp(file.text(), file[time]));
  }
  rows.users = users.take_values();
  rows.items = items.take_values();
  Dataset data = build_dataset(std::move(name), rows);
  if (!users.names().empty()) data.user_ids = Vocabulary(users.names());
  if (!items.names().empty()) data.item_ids = Vocabulary(items.names());
  const auto beside = [&](const char* ending) {
    return std::filesystem::path(interactions_file).replace_extension(ending);
  };
  attach_users(data, detail::read_atomic_profiles(beside(".user"), "user", "user_id", users));
  attach_items(data, detail::read_atomic_profiles(beside(".item"), "item", "item_id", items));
  return data;
}

}  // namespace seqrec
