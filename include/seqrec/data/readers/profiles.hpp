// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/vocabulary.hpp"
#include "seqrec/data/dataset.hpp"
#include "seqrec/data/readers/fields.hpp"
#include "seqrec/data/readers/text_file.hpp"

namespace seqrec {

/// What a source says about one user or item.
struct Profile {
  std::string title;                    ///< UTF-8; users have none
  std::vector<std::string> categories;  ///< "genre=Comedy", "year=1990-1994", "gender=F", ...
};

/// A file of users or items beside the interactions, by original id.
struct Profiles {
  std::filesystem::path file;  ///< for messages; empty where the source has no such file
  const char* kind = "item";   ///< "user" or "item", for messages
  std::unordered_map<std::string, Profile> rows;

  /// Whether there is such a file.
  explicit operator bool() const { return !file.empty(); }

  /// @param source  the file being read, at the line of this profile
  /// @throws DataError if there was such an id before
  void add(const TextFile& source, std::string id,
           Profile profile) {  // NOLINT(performance-unnecessary-value-param): moved
    if (const auto [row, is_new] = rows.try_emplace(std::move(id), std::move(profile)); !is_new)
      source.fail(concatenate(kind, " ", detail::shown(row->first), " is there twice"));
  }
};

/// Profiles under new ids: `map_file` has "new original" pairs, one a line, one space between.
/// @throws DataError naming file and line, also where a pair's original has no profile
inline Profiles renumber(Profiles originals, const std::filesystem::path& map_file) {
  Profiles renumbered{map_file, originals.kind, {}};
  TextFile file(map_file);
  while (file.next_row()) {
    const auto fields = file.fields<2>(" ", "new and original id, one space between");
    const std::string original = detail::id_field(file, fields[1], "original id");
    const auto profile = originals.rows.find(original);
    if (profile == originals.rows.end())
      file.fail(concatenate(originals.file.string(), " has no ", originals.kind, " ", detail::shown(original)));
    renumbered.add(file, detail::id_field(file, fields[0], "new id"), profile->second);
  }
  return renumbered;
}

namespace detail {

/// The profiles of these users or items in their order.
inline std::vector<const Profile*> profiles_of(const Vocabulary& ids, const Profiles& profiles) {
  std::vector<const Profile*> found;
  for (index_t i = 0; i < ids.size(); ++i) {
    const auto row = profiles.rows.find(std::string(ids[i]));
    if (row == profiles.rows.end())
      throw DataError(concatenate(profiles.file.string(), ": has no ", profiles.kind, " ", shown(ids[i]),
                                  ", which has interactions; expected all ", ids.size(), " ", profiles.kind, "s"));
    found.push_back(&row->second);
  }
  return found;
}

inline FeatureTable feature_table_of(const std::vector<const Profile*>& profiles) {
  std::vector<std::vector<std::string>> categories;
  categories.reserve(profiles.size());
  for (const Profile* profile : profiles) categories.push_back(profile->categories);
  return make_feature_table(categories);
}

}  // namespace detail

/// Sets user_features. Does nothing where the source has no file of users.
/// @throws DataError naming the file and a user of the data that it lacks: features must cover everybody
inline void attach_users(Dataset& data, const Profiles& users) {
  if (users) data.user_features = detail::feature_table_of(detail::profiles_of(data.user_ids, users));
}

/// Sets titles and item_features. Does nothing where the source has no file of items.
/// @throws DataError naming the file and an item of the data that it lacks
inline void attach_items(Dataset& data, const Profiles& items) {
  if (!items) return;
  const auto profiles = detail::profiles_of(data.item_ids, items);
  data.item_features = detail::feature_table_of(profiles);
  if (std::all_of(profiles.begin(), profiles.end(), [](const Profile* profile) { return profile->title.empty(); }))
    return;
  data.titles.clear();
  for (const Profile* profile : profiles) data.titles.push_back(profile->title);
}

}  // namespace seqrec
