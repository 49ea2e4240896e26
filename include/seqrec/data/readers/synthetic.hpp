// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/item_set.hpp"
#include "seqrec/core/random.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/data/dataset.hpp"
#include "seqrec/data/features.hpp"
#include "seqrec/data/readers/interactions.hpp"

namespace seqrec {

/// The size and the seed of a made-up data set.
struct SyntheticOptions {
  index_t users = 500;
  index_t items = 300;  ///< of the catalogue; what nobody watches does not become an item of the data set
  index_t genres = 10;  ///< 1 .. items; film number i belongs to genre i mod genres
  index_t min_events = 5;
  index_t max_events = 40;  ///< at most half the items: nobody watches a film twice
  std::uint64_t seed = 1;
};

/// A made-up data set for examples and tests where there is no real one. It is not like real data, but it has what a
/// sequential model learns and a popularity count does not: a user stays in a genre for a while, and after film i often
/// watches its sequel, film i + genres. Films with a low number are popular. Items have their genre as a feature. The
/// same options give the same data on every machine: only integers are computed with.
/// @throws ArgumentError for an option out of range
SEQREC_FUNCTION Dataset synthetic_dataset(const SyntheticOptions& options = {});

#if SEQREC_BODIES

SEQREC_FUNCTION Dataset synthetic_dataset(const SyntheticOptions& options) {
  constexpr index_t most = std::numeric_limits<item_t>::max();
  check_argument(options.users >= 1 && options.users <= most, "users", options.users, "a number from 1 to 2^31 - 1");
  check_argument(options.items >= 1 && options.items <= most, "items", options.items, "a number from 1 to 2^31 - 1");
  check_argument(options.genres >= 1 && options.genres <= options.items, "genres", options.genres,
                 "a number from 1 to the number of items");
  check_argument(options.min_events >= 1 && options.min_events <= options.max_events, "min_events", options.min_events,
                 "a number from 1 to max_events");
  check_argument(options.max_events <= options.items / 2, "max_events", options.max_events,
                 "at most half the number of items");

  const auto below = [](RandomStream& random, index_t bound) {
    return static_cast<index_t>(random.below(static_cast<std::uint32_t>(bound)));
  };
  Interactions rows;
  ItemSet watched(options.items);
  for (index_t user = 0; user < options.users; ++user) {
    RandomStream random(options.seed, Purpose::synthetic_data, static_cast<std::uint64_t>(user));
    watched.clear();
    const index_t events = options.min_events + below(random, options.max_events - options.min_events + 1);
    index_t genre = below(random, options.genres), last = options.items;
    while (watched.size() < events) {
      index_t film = last + options.genres;  // the sequel
      if (film >= options.items || below(random, 10) < 4) {
        if (below(random, 10) < 2) genre = below(random, options.genres);
        // The smaller of two uniform numbers: the first film of a genre is the most popular, the last the least.
        const index_t films = (options.items - genre + options.genres - 1) / options.genres;
        const index_t first = below(random, films), second = below(random, films);
        film = genre + (first < second ? first : second) * options.genres;
      }
      // A film already watched leads on to its sequel, so that nobody gets stuck in a genre.
      last = film;
      if (!watched.insert(static_cast<item_t>(film))) continue;
      rows.add(user, film);
    }
  }

  Titles titles;
  for (index_t film = 0; film < options.items; ++film)
    titles.emplace(std::to_string(film), concatenate("Synthetic film ", film, " (genre ", film % options.genres, ")"));
  Dataset data = build_dataset("synthetic", rows, titles);
  std::vector<std::vector<std::string>> genres;
  for (index_t item = 0; item < data.num_items(); ++item)
    genres.push_back({concatenate("genre=", std::stoll(std::string(data.item_ids[item])) % options.genres)});
  data.item_features = make_feature_table(genres);
  return data;
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
