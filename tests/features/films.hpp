// SPDX-License-Identifier: Apache-2.0
// Data sets for the tests of features/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "seqrec/core/random.hpp"
#include "seqrec/data/dataset.hpp"
#include "seqrec/data/readers/interactions.hpp"
#include "seqrec/data/splits/split.hpp"
#include "seqrec/features/explicit_options.hpp"

namespace seqrec_test {

inline constexpr std::int64_t day = 86400;
inline constexpr std::int64_t first_day = 1000 * day;  ///< 1972-09-27, a Wednesday

/// Three users and eight films, which are items 0 .. 7. Leave-one-out trains on the first three events of user 0 and
/// two each of users 1 and 2.
inline seqrec::Dataset small_films() {
  seqrec::Interactions rows;
  const auto add = [&](int user, int item, std::int64_t time, float rating) {
    rows.add(user, item, first_day + time);
    rows.ratings.push_back(rating);
  };
  add(0, 0, 0, 5);
  add(0, 3, 60, 3);
  add(0, 4, day, 4);
  add(0, 1, 3 * day, 5);
  add(0, 5, 3 * day + 3600, 2);
  add(1, 0, day, 4);
  add(1, 4, 2 * day, 5);
  add(1, 1, 2 * day + 10, 3);
  add(1, 6, 4 * day, 4);
  add(2, 3, 2 * day, 2);
  add(2, 6, 2 * day + 5, 5);
  add(2, 2, 5 * day, 4);
  add(2, 7, 6 * day, 4);
  seqrec::Dataset data = seqrec::build_dataset("films", rows);
  data.titles = {"Star Wars (1977)",
                 "Star Trek: First Contact (1996)",
                 "Star Trek III: The Search for Spock (1984)",
                 "Toy Story (1995)",
                 "Fargo (1996)",
                 "Heat (1995)",
                 "Emma (1996)",
                 "unknown"};
  data.item_features = seqrec::make_feature_table({{"genre=Action", "genre=Sci-Fi", "year=1975-1979"},
                                                   {"genre=Action", "genre=Sci-Fi"},
                                                   {"genre=Sci-Fi"},
                                                   {"genre=Animation", "genre=Comedy"},
                                                   {"genre=Crime", "genre=Drama"},
                                                   {"genre=Crime"},
                                                   {"genre=Drama"},
                                                   {"year=1990-1994"}});
  data.user_features = seqrec::make_feature_table(
      {{"age=18-24", "gender=F", "occupation=artist"}, {"age=56+", "gender=M", "occupation=writer"}, {"gender=M"}});
  return data;
}

inline seqrec::Split small_split() { return seqrec::leave_one_out(small_films()); }

/// Of films, with windows as short as their histories.
inline seqrec::ExplicitFeatureOptions small_options() {
  seqrec::ExplicitFeatureOptions options;
  options.item = "film";
  options.items = "films";
  options.recent_events = 3;
  options.newest_events = 2;
  return options;
}

/// Random events with times, ratings, genres, titles and profiles: user 0 has every item once in the first two days,
/// so that item ids are numbers from 0 to items-1. The others begin on any of 40 days.
inline seqrec::Dataset random_films(int users, int items, std::uint32_t longest, std::uint64_t seed) {
  seqrec::Interactions rows;
  seqrec::RandomStream random(seed, seqrec::Purpose::shuffle, 0);
  const auto add = [&](int user, int item, std::int64_t time) {
    rows.add(user, item, time);
    rows.ratings.push_back(static_cast<float>(1 + random.below(5)));
  };
  for (int item = 0; item < items; ++item) add(0, item, first_day + 1000 * item);
  for (int user = 1; user < users; ++user) {
    std::int64_t time = first_day + random.below(static_cast<std::uint32_t>(40 * day));
    for (std::uint32_t events = 3 + random.below(longest - 2); events > 0; --events) {
      add(user, static_cast<int>(random.below(static_cast<std::uint32_t>(items))), time);
      time += random.below(4) == 0 ? random.below(static_cast<std::uint32_t>(5 * day)) : random.below(600);
    }
  }
  seqrec::Dataset data = seqrec::build_dataset("random films", rows);
  std::vector<std::vector<std::string>> genres(static_cast<std::size_t>(items)), profiles;
  for (int item = 0; item < items; ++item) {
    data.titles.push_back("Serial" + std::to_string(item / 3) + ": part (" + std::to_string(1950 + item) + ")");
    for (std::uint32_t genre = random.below(4); genre > 0; --genre)
      genres[static_cast<std::size_t>(item)].push_back("genre=" + std::to_string(random.below(70)));
  }
  for (int user = 0; user < users; ++user) profiles.push_back({random.below(2) == 0 ? "gender=F" : "gender=M"});
  data.item_features = seqrec::make_feature_table(genres);
  data.user_features = seqrec::make_feature_table(profiles);
  return data;
}

}  // namespace seqrec_test
