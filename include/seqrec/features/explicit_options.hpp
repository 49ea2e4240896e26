// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "seqrec/baselines/item_knn.hpp"
#include "seqrec/baselines/transition_knn.hpp"
#include "seqrec/core/option_range.hpp"
#include "seqrec/core/types.hpp"

namespace seqrec {

/// What ExplicitFeatures counts, how far it looks back, and what it calls an item.
struct ExplicitFeatureOptions {
  std::string item = "item";    ///< in sentences: "film"
  std::string items = "items";  ///< more than one of them: "films"
  std::string genre = "genre";  ///< the kind of categories of items that are genres: "genre=Comedy"
  std::string year = "year";    ///< the kind of those that are years, read where titles say none
  index_t genre_columns = 32;
  index_t share_columns = 8;
  index_t recent_events = 10;
  index_t newest_events = 5;
  index_t recent_days = 30;
  index_t pause_minutes = 60;
  index_t snapshots = 400;
  TransitionKnnOptions transition_knn{};
  ItemKnnOptions item_knn{};

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("item", item, any(), "what sentences call an item");
    visit("items", items, any(), "what sentences call several of them");
    visit("genre", genre, any(), "kind of the categories of items that are genres, as in genre=Comedy");
    visit("year", year, any(), "kind of those that are years, as in year=1990-1994; read where a title has none");
    visit("genre_columns", genre_columns, in_range(0, 1024), "most genres that get a column, the most frequent ones");
    visit("share_columns", share_columns, in_range(0, 1024),
          "most genres whose share of the recent events gets a column, the most frequent ones");
    visit("recent_events", recent_events, in_range(1, 1000), "last events that count as recent");
    visit("newest_events", newest_events, in_range(1, 1000), "last events that count as newest");
    visit("recent_days", recent_days, in_range(1, 36500), "days before the moment in which popularity is recent");
    visit("pause_minutes", pause_minutes, in_range(1, 1 << 20), "minutes without an event that end a visit");
    visit("snapshots", snapshots, in_range(1, 4000),
          "most days of which popularities are ranked; a longer time is cut into as many equal parts of whole days");
    visit("transition_knn_", transition_knn);
    visit("item_knn_", item_knn);
  }
};

}  // namespace seqrec
