// SPDX-License-Identifier: Apache-2.0
#include "seqrec/features/item_events.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "features/films.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::day, seqrec_test::first_day;
using seqrec_test::message_of;

namespace {

ItemEvents events_of(const Split& split, index_t recent_days = 30, index_t snapshots = 400) {
  return {item_event_columns(split), recent_days, snapshots};
}

bool same(float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }

/// The definition, from the raw events.
ItemStanding standing_by_loops(const Split& split, item_t wanted, std::int64_t until, std::int64_t recent) {
  const Dataset& data = *split.data;
  const auto items = static_cast<std::size_t>(data.num_items());
  std::vector<double> counts(items), recents(items), sums(items);
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  double total = 0, first = std::numeric_limits<double>::max();
  for (index_t user = 0; user < data.num_users(); ++user)
    for (index_t i = 0; i < split.train_lengths[static_cast<std::size_t>(user)]; ++i) {
      const auto event = static_cast<std::size_t>(data.offsets[static_cast<std::size_t>(user)] + i);
      const auto item = static_cast<std::size_t>(data.items[event]);
      if (data.times[event] >= until) continue;
      ++counts[item], ++total;
      recents[item] += data.times[event] >= until - recent;
      sums[item] += static_cast<double>(data.ratings[event]);
      if (data.items[event] == wanted) first = std::min(first, static_cast<double>(data.times[event]));
    }
  const auto percent = [&](const std::vector<double>& of) {
    double met = 0, below = 0;
    for (const double count : of) met += count > 0, below += count > 0 && count < of[static_cast<std::size_t>(wanted)];
    return static_cast<float>(met == 0 ? none : 100 * below / met);
  };
  const double count = counts[static_cast<std::size_t>(wanted)];
  const auto unless_none = [&](double value) { return static_cast<float>(count == 0 ? none : value); };
  return {static_cast<float>(total == 0 ? none : 1000 * count / total),
          percent(counts),
          percent(recents),
          unless_none(sums[static_cast<std::size_t>(wanted)] / count),
          unless_none((static_cast<double>(until) - first) / day),
          static_cast<index_t>(count)};
}

}  // namespace

TEST_CASE("what is known of an item at a moment, by hand", "[features]") {
  const ItemEvents events = events_of(seqrec_test::small_split());
  // Trained on: 0 and 3 on day 0, 4 and 0 on day 1, 4, 3 and 6 on day 2.
  const index_t third = events.snapshot_of(first_day + 2 * day + 100);
  CHECK(events.instant(third) == first_day + 2 * day);
  const ItemStanding standing = events.standing(0, third);
  CHECK(standing.popularity == Approx(200.0 / 3));  // 2 events; 3 and 4 have one
  CHECK(standing.per_thousand == 500);
  CHECK(standing.mean_rating == 4.5F);
  CHECK(standing.rated == 2);
  CHECK(standing.age == 2);
  CHECK(events.standing(4, third).popularity == 0);
  CHECK(events.standing(6, third).popularity == 0);  // not met yet
  CHECK(std::isnan(events.standing(6, third).mean_rating));
  CHECK(std::isnan(events.standing(6, third).age));
  // Recent is one day: of day 1 there are one event of 4 and one of 0.
  const ItemEvents short_sighted = events_of(seqrec_test::small_split(), 1);
  CHECK(short_sighted.standing(3, third).recent == 0);
  CHECK(short_sighted.standing(4, third).recent == 0);
  // Before anything happened nothing is known, not even that an item is unpopular.
  const index_t never = events.snapshot_of(first_day - 1);
  CHECK(never == 0);
  CHECK(std::isnan(events.standing(0, never).popularity));
  CHECK(std::isnan(events.standing(0, never).per_thousand));
  // Long after, and at no moment, everything counts.
  CHECK(events.snapshot_of(first_day + 999 * day) == 3);
  CHECK(events.snapshot_of(std::nullopt) == 3);
  CHECK(events.standing(6, 3).popularity == 0);
  CHECK(events.standing(0, 3).popularity == 25);
}

TEST_CASE("what is known of an item is its definition, over days and over longer parts", "[features]") {
  const Split split = leave_one_out(seqrec_test::random_films(30, 25, 30, 1));
  for (const index_t snapshots : {400, 7}) {
    const ItemEvents events = events_of(split, 10, snapshots);
    index_t checked = 0;
    for (std::int64_t now = first_day - day; now < first_day + 60 * day; now += 3 * day + 1234) {
      const index_t snapshot = events.snapshot_of(now);
      const std::int64_t until = events.instant(snapshot);
      CHECK((until <= now || snapshot == 0));
      CHECK((snapshots == 7 || until > now - day || now > first_day + 40 * day || snapshot == 0));
      for (item_t item = 0; item < 25; item += 4) {
        const ItemStanding found = events.standing(item, snapshot);
        const ItemStanding expected = standing_by_loops(split, item, until, 10 * day);
        CHECK((same(found.per_thousand, expected.per_thousand) && same(found.popularity, expected.popularity) &&
               same(found.recent, expected.recent) && same(found.mean_rating, expected.mean_rating) &&
               same(found.age, expected.age) && found.rated == expected.rated));
        CHECK(same(events.popularity(item, snapshot), expected.popularity));
        ++checked;
      }
    }
    CHECK(checked > 100);
  }
}

TEST_CASE("without times all training events count, and nothing is recent", "[features]") {
  Dataset data = seqrec_test::small_films();
  data.times.clear();
  data.ratings.clear();
  const ItemEvents events = events_of(leave_one_out(data));
  const index_t snapshot = events.snapshot_of(first_day);
  CHECK(snapshot == events.snapshot_of(std::nullopt));
  CHECK(events.standing(0, snapshot).popularity == 25);
  CHECK(std::isnan(events.standing(0, snapshot).recent));
  CHECK(std::isnan(events.standing(0, snapshot).mean_rating));
  CHECK(std::isnan(events.standing(0, snapshot).age));
}

TEST_CASE("times that are none are refused", "[features][errors]") {
  CHECK_THAT(message_of<DataError>([] {
               ItemEvents({{0, 2}, {0, 2'000'000'000'000}, {}}, 30, 400);
             }),
             ContainsSubstring("times from 0 to 2000000000000, expected seconds since 1970"));
}
