// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/features/explicit_columns.hpp"
#include "seqrec/features/explicit_facts.hpp"
#include "seqrec/features/explicit_moment.hpp"
#include "seqrec/features/feature_moment.hpp"

namespace seqrec {

/// Writes the rows of explicit features, moment after moment: what a moment's candidates have in common once, the rest
/// for each. One for each thread.
class ExplicitRows {
 public:
  /// @param facts  must outlive it, as must layout
  ExplicitRows(const ExplicitFacts& facts, const ExplicitLayout& layout)
      : facts_(&facts), layout_(&layout), moment_(facts, layout) {}

  /// See ExplicitFeatures::rows.
  void write(const FeatureMoment& moment, std::span<const item_t> candidates, std::span<float> out);

 private:
  void write_item(item_t item, float* row) const;
  void write_cross(item_t item, float* row) const;
  void write_common_genres(item_t item, float* row) const;

  const ExplicitFacts* facts_;
  const ExplicitLayout* layout_;
  ExplicitMoment moment_;
};

#if SEQREC_BODIES

SEQREC_FUNCTION void ExplicitRows::write(const FeatureMoment& moment, std::span<const item_t> candidates,
                                         std::span<float> out) {
  check_extent("ExplicitFeatures", "size of the rows", std::ssize(out), std::ssize(candidates) * layout_->size());
  detail::check_items("candidate", candidates, facts_->events.num_items());
  moment_.read(moment);
  float* row = out.data();
  for (const item_t item : candidates) {
    std::copy(moment_.columns().begin(), moment_.columns().end(), row);
    write_item(item, row);
    write_cross(item, row);
    row += layout_->size();
  }
}

SEQREC_FUNCTION void ExplicitRows::write_item(item_t item, float* row) const {
  const ItemKnowledge& items = facts_->items;
  const auto set = [&](ExplicitColumn column, float value) { row[static_cast<std::size_t>(column)] = value; };
  const ItemStanding standing = facts_->events.standing(item, moment_.snapshot);
  set(ExplicitColumn::item_genre_count, items.genre_count(item));
  set(ExplicitColumn::item_year, items.year(item));
  set(ExplicitColumn::item_popularity, standing.popularity);
  set(ExplicitColumn::item_recent_popularity, standing.recent);
  set(ExplicitColumn::item_per_thousand, standing.per_thousand);
  set(ExplicitColumn::item_mean_rating, standing.mean_rating);
  set(ExplicitColumn::item_age, standing.age);
  set(ExplicitColumn::cross_popularity_distance,
      standing.popularity - row[static_cast<std::size_t>(ExplicitColumn::sequence_mean_popularity)]);
  if (std::isnan(items.genre_count(item))) return;  // nobody said its genres
  float* const flags = row + layout_->first_genre();
  for (std::size_t i = 0; i < layout_->genres.size(); ++i) flags[i] = items.has_genre(item, layout_->genres[i]);
}

SEQREC_FUNCTION void ExplicitRows::write_cross(item_t item, float* row) const {
  const auto set = [&](ExplicitColumn column, float value) { row[static_cast<std::size_t>(column)] = value; };
  const std::int32_t seen = moment_.seen.data()[item], series = facts_->items.series(item);
  set(ExplicitColumn::cross_item_seen, static_cast<float>(seen));
  if (series >= 0) set(ExplicitColumn::cross_series_seen, static_cast<float>(moment_.series.data()[series] - seen));
  if (moment_.events == 0) return;
  set(ExplicitColumn::cross_year_distance,
      static_cast<float>(std::abs(static_cast<double>(facts_->items.year(item)) - moment_.recent_year)));
  set(ExplicitColumn::cross_follows, facts_->follows.weight(moment_.last, item));
  const double transition = moment_.transition.data()[item], similarity = moment_.item_knn.data()[item];
  set(ExplicitColumn::cross_transition_score, static_cast<float>(transition));
  set(ExplicitColumn::cross_transition_rank, moment_.transition_ranks.rank(transition));
  set(ExplicitColumn::cross_item_knn_score, static_cast<float>(similarity));
  set(ExplicitColumn::cross_item_knn_rank, moment_.item_knn_ranks.rank(similarity));
  if (!std::isnan(facts_->items.genre_count(item))) write_common_genres(item, row);
}

SEQREC_FUNCTION void ExplicitRows::write_common_genres(item_t item, float* row) const {
  const auto words = static_cast<std::size_t>(facts_->items.mask_words());
  const std::uint64_t* const wanted = facts_->items.mask(item);
  const auto events = static_cast<std::size_t>(moment_.events);
  double sum = 0;
  index_t shared = 0, rated = 0;
  std::size_t event = 0;
  const auto share_until = [&](ExplicitColumn column, std::size_t until) {
    for (; event < until; ++event) {
      std::uint64_t common_bits = 0;
      for (std::size_t word = 0; word < words; ++word)
        common_bits |= moment_.masks[event * words + word] & wanted[word];
      if (common_bits == 0) continue;
      ++shared;
      rated += moment_.rated[event];
      sum += moment_.ratings[event];
    }
    row[static_cast<std::size_t>(column)] =
        static_cast<float>(static_cast<double>(shared) / static_cast<double>(until));
  };
  const auto at_most = [&](index_t most) { return std::min(events, static_cast<std::size_t>(most)); };
  share_until(ExplicitColumn::cross_newest_genre_share, at_most(facts_->options.newest_events));
  share_until(ExplicitColumn::cross_recent_genre_share, at_most(facts_->options.recent_events));
  share_until(ExplicitColumn::cross_genre_share, events);
  if (rated > 0)
    row[static_cast<std::size_t>(ExplicitColumn::cross_genre_rating)] =
        static_cast<float>(sum / static_cast<double>(rated));
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
