// SPDX-License-Identifier: Apache-2.0
#include "seqrec/features/explicit_moment.hpp"

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "features/films.hpp"
#include "seqrec/features/explicit_features.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::day, seqrec_test::first_day;
using seqrec_test::message_of;

namespace {

struct Reader {
  ExplicitFeatures features;
  ExplicitMoment moment;

  explicit Reader(const Split& split = seqrec_test::small_split())
      : features(split, seqrec_test::small_options()), moment(features.facts(), features.layout()) {}

  float operator[](const std::string& name) const {
    return moment.columns()[static_cast<std::size_t>(features.schema().place_of(name))];
  }
};

}  // namespace

TEST_CASE("what a moment's candidates have in common, by hand", "[features]") {
  Reader read;
  const Split split = seqrec_test::small_split();
  read.moment.read(moment_of(split.test, 0));  // 0, 3 on day 0; 4 on day 1; 1 on day 3; an hour later
  CHECK(read["user_activity"] == Approx(4.0 / 3));
  CHECK(read["user_mean_rating"] == 4.25F);
  CHECK(read["user_age"] == 21);
  CHECK(read["user_gender"] == 0);
  CHECK(read["user_occupation"] == 0);
  CHECK(read["sequence_length"] == 4);
  CHECK(read["sequence_distinct_items"] == 4);
  CHECK(read["sequence_distinct_genres"] == 6);
  CHECK(read["sequence_mean_popularity"] == 18.75F);  // 25, 25, 25, 0: item 1 is in no training event
  CHECK(read["sequence_mean_year"] == 1991);
  CHECK(read["sequence_share_Sci-Fi_3"] == Approx(1.0 / 3));  // of 3, 4, 1
  CHECK(read["sequence_share_Comedy_3"] == Approx(1.0 / 3));
  CHECK(read["time_gap"] == Approx(1.0 / 24));
  CHECK(read["time_hour"] == 1);
  CHECK(read["time_weekday"] == 5);  // a Saturday
  CHECK(read["time_days_active"] == 3);
  CHECK(read["time_since_first"] == Approx(3 + 1.0 / 24));
  CHECK(read["time_visit_events"] == 1);
  CHECK(std::isnan(read["item_year"]));
  CHECK(read.moment.recent_year == Approx((1995.0 + 1996 + 1996) / 3));
  CHECK(read.moment.seen == std::vector<std::int32_t>{1, 1, 0, 1, 1, 0, 0, 0});

  read.moment.read(moment_of(split.test, 2));  // leaves nothing of the one before
  CHECK(read.moment.seen == std::vector<std::int32_t>{0, 0, 1, 1, 0, 0, 1, 0});
  CHECK(std::isnan(read["user_age"]));
  CHECK(read["user_gender"] == 1);
  CHECK(read["time_visit_events"] == 0);
}

TEST_CASE("what is not known is missing", "[features]") {
  Reader read;
  read.moment.read({});
  for (const FeatureColumn& column : read.features.schema().columns()) {
    INFO(column.name);
    const bool counts = column.name == "sequence_length" || column.name == "sequence_distinct_items" ||
                        column.name == "sequence_distinct_genres";
    CHECK((counts ? read[column.name] == 0 : std::isnan(read[column.name])));
  }
  const std::vector<item_t> history{7, 7};
  const std::vector<float> ratings{NAN, 3};
  read.moment.read({.history = history, .ratings = ratings});
  CHECK(read["user_mean_rating"] == 3);
  CHECK(read["sequence_distinct_items"] == 1);
  CHECK(read["sequence_mean_year"] == 1992);
  CHECK(std::isnan(read["time_gap"]));
  // A moment alone tells the hour, before 1970 too.
  read.moment.read({.now = -1});
  CHECK(read["time_hour"] == 23);
  CHECK(read["time_weekday"] == 2);  // Wednesday, 1969-12-31
  CHECK(std::isnan(read["time_gap"]));
}

TEST_CASE("moments that cannot be are refused", "[features][errors]") {
  Reader read;
  const std::vector<item_t> history{0, 1}, unknown{0, 8};
  const std::vector<std::int64_t> times{10, 20}, backwards{20, 10}, far{0, 2'000'000'000'000};
  const std::vector<float> ratings{1};
  const std::vector<category_t> user{99};
  const auto refused = [&](const FeatureMoment& moment) {
    return message_of<ArgumentError>([&] { read.moment.read(moment); });
  };
  CHECK(refused({.history = unknown}) == "ExplicitFeatures: event 1 is item 8, expected one of 0 .. 7");
  CHECK_THAT(refused({.history = history, .times = backwards}), ContainsSubstring("time 1 is 10, expected seconds"));
  CHECK_THAT(refused({.history = history, .times = far}), ContainsSubstring("time 1 is 2000000000000"));
  CHECK_THAT(refused({.history = history, .times = times, .now = 19}), ContainsSubstring("now is 19, expected"));
  CHECK_THAT(refused({.now = -2'000'000'000'000}), ContainsSubstring("now is -2000000000000, expected"));
  CHECK_THAT(refused({.user = user}), ContainsSubstring("category of the user is 99, expected one of 0 .. 5"));
  CHECK_THROWS_AS(read.moment.read({.history = history, .ratings = ratings}), ShapeError);
  CHECK_NOTHROW(read.moment.read({.history = history, .times = times, .now = 20}));
}
