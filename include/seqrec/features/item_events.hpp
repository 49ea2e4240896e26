// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <vector>

#include "seqrec/baselines/train_events.hpp"
#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/data/splits/split.hpp"

namespace seqrec {

/// Seconds since 1970 further away than this, some 30,000 years, are no times.
inline constexpr std::int64_t latest_time = 1'000'000'000'000;

/// What is known at one moment of how an item was met. NaN where nothing is.
struct ItemStanding {
  float per_thousand;  ///< of all events by then, those with this item
  float popularity;    ///< percent of the items met by then that were met less often
  float recent;        ///< the same of the events of the last days only
  float mean_rating;
  float age;      ///< days since it was first met
  index_t rated;  ///< how many ratings its mean is of
};

/// The training events of every item in order of time, and what they tell of a moment. A moment is taken for the last
/// midnight (UTC) of a grid before it, so that of an event's own day nothing counts; where the data set has no times,
/// all training events count at any moment.
class ItemEvents {
 public:
  /// The columns, by item and within an item by time.
  struct Columns {
    std::vector<std::int64_t> offsets;  ///< (V+1) where each item's events start
    std::vector<std::int64_t> times;    ///< (E) seconds since 1970; or none
    std::vector<float> ratings;         ///< (E); or none
  };

  /// @throws DataError for times that are none
  /// @param recent_days  back from a moment in which events are recent
  /// @param snapshots    most moments of which popularities are ranked: a grid of so many midnights
  ItemEvents(Columns columns, index_t recent_days, index_t snapshots);

  index_t num_items() const { return std::ssize(columns_.offsets) - 1; }
  const Columns& columns() const { return columns_; }
  bool has_times() const { return !columns_.times.empty(); }
  bool has_ratings() const { return !columns_.ratings.empty(); }

  /// Which snapshot a moment is taken for: the last one of which all events lie before the moment; of no moment, all.
  index_t snapshot_of(std::optional<std::int64_t> now) const {
    const index_t last = std::ssize(totals_) - 1;
    if (!now || !has_times()) return last;
    if (*now < start_) return 0;
    return std::min(last, (*now - start_) / step_);
  }
  /// Events before it count.
  std::int64_t instant(index_t snapshot) const {
    return has_times() ? start_ + step_ * snapshot : std::numeric_limits<std::int64_t>::max();
  }

  ItemStanding standing(item_t item, index_t snapshot) const;
  /// The popularity alone.
  float popularity(item_t item, index_t snapshot) const {
    return percent(all_, snapshot, count_before(item, instant(snapshot)));
  }

 private:
  static constexpr float none = std::numeric_limits<float>::quiet_NaN();

  /// For each snapshot the counts that occur, ascending, and the percent of items with less.
  struct Ranks {
    std::vector<std::size_t> offsets{0};
    std::vector<std::int32_t> counts;
    std::vector<float> below;

    void add(std::vector<std::int32_t> counts_of_items);
  };

  static float percent(const Ranks& ranks, index_t snapshot, index_t count) {
    const std::size_t* const range = ranks.offsets.data() + snapshot;
    if (range[0] == range[1]) return none;  // no item was met yet
    if (count == 0) return 0;
    const auto begin = ranks.counts.begin() + static_cast<std::ptrdiff_t>(range[0]);
    const auto end = ranks.counts.begin() + static_cast<std::ptrdiff_t>(range[1]);
    return ranks.below[static_cast<std::size_t>(std::lower_bound(begin, end, count) - ranks.counts.begin())];
  }

  index_t count_before(item_t item, std::int64_t instant) const {
    const std::int64_t* const range = columns_.offsets.data() + item;
    if (!has_times()) return range[1] - range[0];
    const std::int64_t* const times = columns_.times.data();
    return std::lower_bound(times + range[0], times + range[1], instant) - (times + range[0]);
  }

  Columns columns_;
  std::vector<double> rating_sums_;  ///< (E) of an item's ratings up to each of its events
  std::int64_t start_ = 0, step_ = 1, recent_ = 0;
  std::vector<index_t> totals_;  ///< (snapshots) events before each
  Ranks all_, recent_ranks_;
};

/// Those of a split's training events.
SEQREC_FUNCTION ItemEvents::Columns item_event_columns(const Split& split);

#if SEQREC_BODIES

SEQREC_FUNCTION ItemEvents::Columns item_event_columns(const Split& split) {
  const Dataset& data = *split.data;
  const TrainEvents events(split);
  ItemEvents::Columns columns;
  columns.offsets.push_back(0);
  std::vector<std::size_t> order;
  for (item_t item = 0; item < static_cast<item_t>(data.num_items()); ++item) {
    const auto of_item = events.of_item(item);
    const auto place = [&](std::size_t i) { return data.offsets.data()[of_item[i].user] + of_item[i].position; };
    order.resize(of_item.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    if (!data.times.empty())
      std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return data.times.data()[place(a)] < data.times.data()[place(b)];
      });
    for (const std::size_t i : order) {
      if (!data.times.empty()) columns.times.push_back(data.times.data()[place(i)]);
      if (!data.ratings.empty()) columns.ratings.push_back(data.ratings.data()[place(i)]);
    }
    columns.offsets.push_back(columns.offsets.back() + std::ssize(of_item));
  }
  return columns;
}

SEQREC_FUNCTION void ItemEvents::Ranks::add(std::vector<std::int32_t> of_items) {
  std::sort(of_items.begin(), of_items.end());
  const auto met = std::upper_bound(of_items.begin(), of_items.end(), 0);
  for (auto place = met; place != of_items.end(); place = std::upper_bound(place, of_items.end(), *place)) {
    counts.push_back(*place);
    below.push_back(
        static_cast<float>(100.0 * static_cast<double>(place - met) / static_cast<double>(of_items.end() - met)));
  }
  offsets.push_back(counts.size());
}

SEQREC_FUNCTION ItemEvents::ItemEvents(Columns columns, index_t recent_days, index_t snapshots)
    : columns_(std::move(columns)) {
  constexpr std::int64_t day = 86400;
  const auto items = static_cast<std::size_t>(num_items());
  recent_ = day * recent_days;
  rating_sums_.reserve(columns_.ratings.size());
  for (std::size_t item = 0; item < items && has_ratings(); ++item) {
    double sum = 0;
    for (std::int64_t event = columns_.offsets[item]; event < columns_.offsets[item + 1]; ++event)
      rating_sums_.push_back(sum += static_cast<double>(columns_.ratings.data()[event]));
  }
  index_t last = 0;
  if (has_times()) {
    const auto [first_time, last_time] = std::minmax_element(columns_.times.begin(), columns_.times.end());
    if (*first_time < -latest_time || *last_time > latest_time)
      throw DataError(concatenate("features: times from ", *first_time, " to ", *last_time,
                                  ", expected seconds since 1970, at most ", latest_time, " before or after"));
    start_ = *first_time / day * day - (*first_time % day < 0 ? day : 0);
    const std::int64_t days = (*last_time - start_) / day + 1;
    step_ = day * ((days + snapshots - 1) / snapshots);
    last = (*last_time - start_) / step_ + 1;
  }
  std::vector<std::int32_t> counts(items), recent(items);
  for (index_t snapshot = 0; snapshot <= last; ++snapshot) {
    const std::int64_t until = instant(snapshot);
    index_t total = 0;
    for (std::size_t item = 0; item < items; ++item) {
      const index_t count = count_before(static_cast<item_t>(item), until);
      counts[item] = static_cast<std::int32_t>(count);
      if (has_times())
        recent[item] = static_cast<std::int32_t>(count - count_before(static_cast<item_t>(item), until - recent_));
      total += count;
    }
    totals_.push_back(total);
    all_.add(counts);
    recent_ranks_.add(recent);
  }
}

SEQREC_FUNCTION ItemStanding ItemEvents::standing(item_t item, index_t snapshot) const {
  const std::int64_t until = instant(snapshot), first = columns_.offsets.data()[item];
  const index_t count = count_before(item, until), total = totals_.data()[snapshot];
  ItemStanding standing{none, percent(all_, snapshot, count), none, none, none, 0};
  if (total > 0)
    standing.per_thousand = static_cast<float>(1000.0 * static_cast<double>(count) / static_cast<double>(total));
  if (has_times()) standing.recent = percent(recent_ranks_, snapshot, count - count_before(item, until - recent_));
  if (count == 0) return standing;
  if (has_ratings()) {
    standing.mean_rating = static_cast<float>(rating_sums_.data()[first + count - 1] / static_cast<double>(count));
    standing.rated = count;
  }
  if (has_times())
    standing.age = static_cast<float>(static_cast<double>(until - columns_.times.data()[first]) / 86400.0);
  return standing;
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
