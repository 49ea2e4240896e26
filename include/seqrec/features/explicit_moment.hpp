// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/features/explicit_columns.hpp"
#include "seqrec/features/explicit_facts.hpp"
#include "seqrec/features/feature_moment.hpp"
#include "seqrec/features/unseen_ranks.hpp"

namespace seqrec {

namespace detail {

/// @throws ArgumentError naming the first item that is none
inline void check_items(const char* what, std::span<const item_t> items, index_t num_items) {
  for (std::size_t i = 0; i < items.size(); ++i)
    if (items[i] < 0 || items[i] >= num_items)
      throw ArgumentError(concatenate("ExplicitFeatures: ", what, " ", i, " is item ", items[i],
                                      ", expected one of 0 .. ", num_items - 1));
}

}  // namespace detail

/// What all candidates of a moment have in common, read from its history once. Keeps its memory from moment to moment.
class ExplicitMoment {
 public:
  /// @param facts  must outlive it, as must layout
  ExplicitMoment(const ExplicitFacts& facts, const ExplicitLayout& layout);

  /// Takes another moment.
  /// @throws ArgumentError for items and categories that the facts do not know, times out of order or that are none
  /// @throws ShapeError    for times or ratings that are not one for each event
  void read(const FeatureMoment& moment);

  /// (columns) those of the moment; NaN in those of the candidate, and where nothing is known.
  std::span<const float> columns() const { return columns_; }

  index_t snapshot = 0;  ///< what the moment is taken for; see ItemEvents
  index_t events = 0;    ///< of the history
  item_t last = -1;      ///< the history's last item
  double recent_year =
      std::numeric_limits<double>::quiet_NaN();  ///< mean of the recent events; NaN where none is known
  std::vector<std::uint64_t> masks;              ///< (history, words) genres, newest event first
  std::vector<double> ratings;                   ///< (history) newest first, 0 where there is none
  std::vector<std::uint8_t> rated;               ///< (history) newest first, whether there is one
  std::vector<std::int32_t> seen;                ///< (V) times in the history
  std::vector<std::int32_t> series;              ///< (series) the same
  std::vector<double> transition;                ///< (V) scores of transition-kNN; of no meaning without a history
  std::vector<double> item_knn;                  ///< (V) scores of item-kNN; of no meaning without a history
  UnseenRanks transition_ranks, item_knn_ranks;

 private:
  static constexpr float none = std::numeric_limits<float>::quiet_NaN();

  float& column(ExplicitColumn column) { return columns_[static_cast<std::size_t>(column)]; }
  void check(const FeatureMoment& moment) const;
  void forget();
  void read_user(const FeatureMoment& moment);
  void read_history(const FeatureMoment& moment);
  void read_genres(const FeatureMoment& moment);
  void read_times(const FeatureMoment& moment);
  void read_neighbours(const FeatureMoment& moment);

  const ExplicitFacts* facts_;
  const ExplicitLayout* layout_;
  std::vector<float> columns_;
  std::vector<item_t> touched_;        ///< items whose counts are not 0
  std::vector<std::uint64_t> genres_;  ///< (words) of the whole history
};

#if SEQREC_BODIES

SEQREC_FUNCTION ExplicitMoment::ExplicitMoment(const ExplicitFacts& facts, const ExplicitLayout& layout)
    : seen(static_cast<std::size_t>(facts.events.num_items())),
      series(static_cast<std::size_t>(facts.items.num_series())),
      transition(seen.size()),
      item_knn(seen.size()),
      facts_(&facts),
      layout_(&layout),
      columns_(static_cast<std::size_t>(layout.size()), none) {}

SEQREC_FUNCTION void ExplicitMoment::read(const FeatureMoment& moment) {
  check(moment);
  forget();
  snapshot = facts_->events.snapshot_of(moment.now);
  events = std::ssize(moment.history);
  last = moment.history.empty() ? item_t{-1} : moment.history.back();
  read_user(moment);
  read_history(moment);
  read_genres(moment);
  read_times(moment);
  read_neighbours(moment);
}

SEQREC_FUNCTION void ExplicitMoment::forget() {
  std::fill(columns_.begin(), columns_.end(), none);
  for (const item_t item : touched_) {
    seen.data()[item] = 0;
    if (const std::int32_t number = facts_->items.series(item); number >= 0) series.data()[number] = 0;
  }
  touched_.clear();
}

SEQREC_FUNCTION void ExplicitMoment::check(const FeatureMoment& moment) const {
  detail::check_items("event", moment.history, facts_->events.num_items());
  const index_t length = std::ssize(moment.history);
  if (!moment.times.empty()) check_extent("ExplicitFeatures", "number of times", std::ssize(moment.times), length);
  if (!moment.ratings.empty())
    check_extent("ExplicitFeatures", "number of ratings", std::ssize(moment.ratings), length);
  const auto is_time = [](std::int64_t time) { return time >= -latest_time && time <= latest_time; };
  for (std::size_t i = 0; i < moment.times.size(); ++i)
    if (!is_time(moment.times[i]) || (i > 0 && moment.times[i] < moment.times[i - 1]))
      throw ArgumentError(concatenate("ExplicitFeatures: time ", i, " is ", moment.times[i],
                                      ", expected seconds since 1970 in ascending order"));
  if (moment.now && (!is_time(*moment.now) || (!moment.times.empty() && *moment.now < moment.times.back())))
    throw ArgumentError(concatenate("ExplicitFeatures: now is ", *moment.now,
                                    ", expected seconds since 1970, not before the last event of the history"));
  for (const category_t category : moment.user)
    if (category < 0 || category >= facts_->names.user_categories.size())
      throw ArgumentError(concatenate("ExplicitFeatures: category of the user is ", category, ", expected one of 0 .. ",
                                      facts_->names.user_categories.size() - 1));
}

SEQREC_FUNCTION void ExplicitMoment::read_user(const FeatureMoment& moment) {
  for (std::size_t kind = 0; kind < layout_->user_kinds.size(); ++kind)
    for (const category_t category : moment.user) {
      const CategoryKind& known = layout_->user_kinds[kind];
      const index_t place = known.place_of(category);
      if (place < 0) continue;
      columns_[static_cast<std::size_t>(layout_->first_kind()) + kind] =
          known.is_number() ? known.numbers.data()[place] : static_cast<float>(place);
      break;
    }
  double sum = 0, count = 0;
  ratings.clear();
  rated.clear();
  for (std::size_t i = moment.history.size(); i-- > 0;) {
    const bool known = !moment.ratings.empty() && std::isfinite(moment.ratings[i]);
    ratings.push_back(known ? static_cast<double>(moment.ratings[i]) : 0.0);
    rated.push_back(known);
    sum += ratings.back();
    count += known;
  }
  if (count > 0) column(ExplicitColumn::user_mean_rating) = static_cast<float>(sum / count);
}

SEQREC_FUNCTION void ExplicitMoment::read_history(const FeatureMoment& moment) {
  const ItemKnowledge& items = facts_->items;
  const auto recent_from = std::ssize(moment.history) - facts_->options.recent_events;
  double popularity = 0, popular = 0, years = 0, dated = 0, recent_years = 0, recent_dated = 0;
  index_t distinct = 0;
  for (index_t i = 0; i < std::ssize(moment.history); ++i) {
    const item_t item = moment.history.data()[i];
    touched_.push_back(item);
    distinct += seen.data()[item]++ == 0;
    if (const std::int32_t number = items.series(item); number >= 0) ++series.data()[number];
    if (const float percent = facts_->events.popularity(item, snapshot); !std::isnan(percent)) {
      popularity += static_cast<double>(percent);
      ++popular;
    }
    if (const float year = items.year(item); !std::isnan(year)) {
      years += static_cast<double>(year);
      ++dated;
      if (i >= recent_from) recent_years += static_cast<double>(year), ++recent_dated;
    }
  }
  const auto mean = [](double sum, double count) { return count > 0 ? static_cast<float>(sum / count) : none; };
  column(ExplicitColumn::sequence_length) = static_cast<float>(moment.history.size());
  column(ExplicitColumn::sequence_distinct_items) = static_cast<float>(distinct);
  column(ExplicitColumn::sequence_mean_popularity) = mean(popularity, popular);
  column(ExplicitColumn::sequence_mean_year) = mean(years, dated);
  recent_year = recent_years / recent_dated;  // 0 / 0 is NaN
}

SEQREC_FUNCTION void ExplicitMoment::read_genres(const FeatureMoment& moment) {
  const ItemKnowledge& items = facts_->items;
  if (items.genres().empty()) return;
  const auto words = static_cast<std::size_t>(items.mask_words());
  masks.clear();
  genres_.assign(words, 0);
  for (std::size_t i = moment.history.size(); i-- > 0;) {
    const std::uint64_t* const mask = items.mask(moment.history[i]);
    masks.insert(masks.end(), mask, mask + words);
    for (std::size_t word = 0; word < words; ++word) genres_[word] |= mask[word];
  }
  int distinct = 0;
  for (const std::uint64_t word : genres_) distinct += std::popcount(word);
  column(ExplicitColumn::sequence_distinct_genres) = static_cast<float>(distinct);
  const std::size_t recent = std::min(moment.history.size(), static_cast<std::size_t>(facts_->options.recent_events));
  for (std::size_t i = 0; i < layout_->share_genres.size() && recent > 0; ++i) {
    float count = 0;
    for (const item_t item : moment.history.last(recent))
      if (items.has_genre(item, layout_->share_genres[i])) ++count;
    columns_[static_cast<std::size_t>(layout_->first_share()) + i] = count / static_cast<float>(recent);
  }
}

SEQREC_FUNCTION void ExplicitMoment::read_times(const FeatureMoment& moment) {
  constexpr std::int64_t day = 86400;
  const auto day_of = [](std::int64_t time) { return time / day - (time % day < 0 ? 1 : 0); };
  if (moment.now) {
    const std::int64_t today = day_of(*moment.now), weekday = (today + 3) % 7;  // 1970-01-01 was a Thursday
    const std::int64_t hour = (*moment.now - today * day) / 3600;
    column(ExplicitColumn::time_hour) = static_cast<float>(hour);
    column(ExplicitColumn::time_weekday) = static_cast<float>(weekday < 0 ? weekday + 7 : weekday);
  }
  if (moment.times.empty()) return;
  index_t days = 0;
  for (std::size_t i = 0; i < moment.times.size(); ++i)
    days += i == 0 || day_of(moment.times[i]) != day_of(moment.times[i - 1]);
  column(ExplicitColumn::time_days_active) = static_cast<float>(days);
  column(ExplicitColumn::user_activity) =
      static_cast<float>(static_cast<double>(moment.times.size()) / static_cast<double>(days));
  if (!moment.now) return;
  const auto days_since = [&](std::int64_t time) {
    return static_cast<float>(static_cast<double>(*moment.now - time) / static_cast<double>(day));
  };
  column(ExplicitColumn::time_gap) = days_since(moment.times.back());
  column(ExplicitColumn::time_since_first) = days_since(moment.times.front());
  index_t visit = 0;
  std::int64_t later = *moment.now;
  for (std::size_t i = moment.times.size(); i-- > 0; later = moment.times[i], ++visit)
    if (later - moment.times[i] > 60 * facts_->options.pause_minutes) break;
  column(ExplicitColumn::time_visit_events) = static_cast<float>(visit);
}

SEQREC_FUNCTION void ExplicitMoment::read_neighbours(const FeatureMoment& moment) {
  if (moment.history.empty()) return;
  facts_->transition_knn.score(moment.history, transition);
  facts_->item_knn.score(moment.history, item_knn);
  transition_ranks.reset(transition, seen);
  item_knn_ranks.reset(item_knn, seen);
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
