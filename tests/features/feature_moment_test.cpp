// SPDX-License-Identifier: Apache-2.0
#include "seqrec/features/feature_moment.hpp"

#include <cstdint>
#include <vector>

#include "features/films.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::day, seqrec_test::first_day;

TEST_CASE("the moment of an event is what lies before it, and its own time", "[features]") {
  const Split split = seqrec_test::small_split();
  const FeatureMoment moment = moment_of(split.test, 1);
  CHECK(std::vector<item_t>(moment.history.begin(), moment.history.end()) == std::vector<item_t>{0, 4, 1});
  CHECK(std::vector<std::int64_t>(moment.times.begin(), moment.times.end()) ==
        std::vector<std::int64_t>{first_day + day, first_day + 2 * day, first_day + 2 * day + 10});
  CHECK(std::vector<float>(moment.ratings.begin(), moment.ratings.end()) == std::vector<float>{4, 5, 3});
  CHECK(moment.now == first_day + 4 * day);
  REQUIRE(moment.user.size() == 3);
  CHECK(split.data->user_features.names[static_cast<std::size_t>(moment.user[0])] == "age=56+");
  CHECK(moment_of(*split.data, 2, 0).history.empty());
  CHECK(moment_of(*split.data, 2, 0).user.size() == 1);
}

TEST_CASE("what the data do not know stays empty", "[features]") {
  Dataset data = seqrec_test::small_films();
  data.times.clear();
  data.ratings.clear();
  data.user_features = {};
  const FeatureMoment moment = moment_of(data, 0, 2);
  CHECK(moment.history.size() == 2);
  CHECK(moment.times.empty());
  CHECK(moment.ratings.empty());
  CHECK(moment.user.empty());
  CHECK_FALSE(moment.now.has_value());
}
