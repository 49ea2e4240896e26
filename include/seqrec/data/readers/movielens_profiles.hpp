// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/data/readers/fields.hpp"
#include "seqrec/data/readers/gzip.hpp"
#include "seqrec/data/readers/profiles.hpp"
#include "seqrec/data/readers/table.hpp"
#include "seqrec/data/readers/text_encoding.hpp"
#include "seqrec/data/readers/text_file.hpp"
#include "seqrec/data/title_year.hpp"

namespace seqrec {

// Users and items as MovieLens describes them. A file that is not there gives no profiles, and the data no features.

/// "age=25-34": the seven groups of MovieLens 1M, for ages in years and for that set's codes, the youngest age of each.
inline std::string age_category(std::int64_t years) {
  constexpr std::pair<std::int64_t, const char*> groups[] = {
      {56, "56+"}, {50, "50-55"}, {45, "45-49"}, {35, "35-44"}, {25, "25-34"}, {18, "18-24"}, {0, "under 18"}};
  for (const auto& [youngest, group] : groups)
    if (years >= youngest) return std::string("age=") + group;
  throw ArgumentError(concatenate("age is ", years, ", expected at least 0"));
}

/// "year=1990-1994": years in buckets of five.
inline std::string year_category(int year) {
  const int first = year / 5 * 5;
  return "year=" + std::to_string(first) + "-" + std::to_string(first + 4);
}

namespace detail {

/// Title, year from the title, and genres cut at '|'. "(no genres listed)" and "unknown" are none.
inline Profile film(std::string_view title, std::string_view genres) {
  Profile profile{utf8_from_unknown(title), {}};
  TextFile::cut(genres, "|", [&](std::string_view genre) {
    if (!genre.empty() && genre != "(no genres listed)" && genre != "unknown")
      profile.categories.push_back("genre=" + utf8_from_unknown(genre));
  });
  if (const auto year = year_of_title(title)) profile.categories.push_back(year_category(*year));
  return profile;
}

inline std::string gender_category(const TextFile& file, std::string_view gender) {
  if (gender != "F" && gender != "M")
    file.fail(concatenate("gender is ", TextFile::quote(gender), ", expected F or M"));
  return std::string("gender=").append(gender);
}

inline std::string age_category(const TextFile& file, std::string_view age) {
  return seqrec::age_category(file.integer(age, "age", 0, 150));
}

/// Calls `read` with each line of a file of profiles, if there is such a file.
template <class Read>
Profiles read_profiles(const std::filesystem::path& path, const char* kind, Read&& read) {
  const std::filesystem::path found = plain_or_packed(path);
  if (!std::filesystem::exists(found)) return {};
  Profiles profiles{found, kind, {}};
  TextFile file(found);
  while (file.next_row()) {
    auto [id, profile] = read(file);
    profiles.add(file, std::move(id), std::move(profile));
  }
  return profiles;
}

}  // namespace detail

/// `u.user` of MovieLens 100K: user, age, gender, occupation and zip code. Zip codes are dropped.
/// @throws DataError naming file and line
inline Profiles read_movielens_100k_users(const std::filesystem::path& path) {
  return detail::read_profiles(path, "user", [](const TextFile& file) {
    const auto fields = file.fields<5>("|", "user, age, gender, occupation and zip code, '|' between");
    return std::pair(detail::id_field(file, fields[0], "user"),
                     Profile{{},
                             {detail::gender_category(file, fields[2]), detail::age_category(file, fields[1]),
                              "occupation=" + utf8_from_unknown(fields[3])}});
  });
}

/// `u.item` of MovieLens 100K: item, title, release date, another date, address, and a flag for each of 19 genres.
/// The year is the title's, else that of the release date ("01-Jan-1995").
/// @throws DataError naming file and line
inline Profiles read_movielens_100k_items(const std::filesystem::path& path) {
  constexpr std::array<const char*, 19> genres = {"unknown",   "Action",   "Adventure",   "Animation", "Children's",
                                                  "Comedy",    "Crime",    "Documentary", "Drama",     "Fantasy",
                                                  "Film-Noir", "Horror",   "Musical",     "Mystery",   "Romance",
                                                  "Sci-Fi",    "Thriller", "War",         "Western"};
  return detail::read_profiles(path, "item", [&](const TextFile& file) {
    const auto fields = file.fields<24>("|", "item, title, two dates, address and 19 genres, '|' between");
    std::string names;
    for (std::size_t genre = 0; genre < genres.size(); ++genre)
      if (file.integer(fields[5 + genre], "genre", 0, 1) == 1) names.append(genres[genre]).append("|");
    Profile profile = detail::film(fields[1], names);
    if (const std::string_view date = fields[2]; !year_of_title(fields[1]) && date.size() >= 4)
      if (const auto year = leading_year(date.substr(date.size() - 4)))
        profile.categories.push_back(year_category(*year));
    return std::pair(detail::id_field(file, fields[0], "item"), std::move(profile));
  });
}

/// `users.dat` of MovieLens 1M: user, gender, age group, occupation and zip code. Zip codes are dropped.
/// @throws DataError naming file and line
inline Profiles read_movielens_dat_users(const std::filesystem::path& path) {
  constexpr std::array<const char*, 21> occupations = {"other",
                                                       "academic/educator",
                                                       "artist",
                                                       "clerical/admin",
                                                       "college/grad student",
                                                       "customer service",
                                                       "doctor/health care",
                                                       "executive/managerial",
                                                       "farmer",
                                                       "homemaker",
                                                       "K-12 student",
                                                       "lawyer",
                                                       "programmer",
                                                       "retired",
                                                       "sales/marketing",
                                                       "scientist",
                                                       "self-employed",
                                                       "technician/engineer",
                                                       "tradesman/craftsman",
                                                       "unemployed",
                                                       "writer"};
  return detail::read_profiles(path, "user", [&](const TextFile& file) {
    const auto fields = file.fields<5>("::", "user, gender, age, occupation and zip code, '::' between");
    const auto occupation = static_cast<std::size_t>(file.integer(fields[3], "occupation", 0, 20));
    return std::pair(detail::id_field(file, fields[0], "user"),
                     Profile{{},
                             {detail::gender_category(file, fields[1]), detail::age_category(file, fields[2]),
                              std::string("occupation=") + occupations[occupation]}});
  });
}

/// `movies.dat` of MovieLens 1M (Latin-1) and 10M (UTF-8): item, title and genres.
/// @throws DataError naming file and line
inline Profiles read_movielens_dat_items(const std::filesystem::path& path) {
  return detail::read_profiles(path, "item", [](const TextFile& file) {
    const auto fields = file.fields<3>("::", "item, title and genres, '::' between");
    return std::pair(detail::id_field(file, fields[0], "item"), detail::film(fields[1], fields[2]));
  });
}

/// `movies.csv` of the newer sets: columns movieId, title and genres, titles in quotes where they hold commas.
/// @throws DataError naming file and line
inline Profiles read_movielens_csv_items(const std::filesystem::path& path) {
  const std::filesystem::path found = plain_or_packed(path);
  if (!std::filesystem::exists(found)) return {};
  Profiles profiles{found, "item", {}};
  Table table(found, TableStyle::delimited);
  const std::size_t item = table.required_column("movieId"), title = table.required_column("title"),
                    genres = table.required_column("genres");
  while (table.next())
    profiles.add(table.text(), detail::id_field(table.text(), table[item], "item"),
                 detail::film(table[title], table[genres]));
  return profiles;
}

}  // namespace seqrec
