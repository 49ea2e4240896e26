// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/sessions.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include "data/small_datasets.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::message_of;

namespace {

/// User 7 is there at 100, 110 and, later, at 200 and 205; user 8 once at 50, and from 90 to 120.
Dataset timed() {
  return build_dataset("timed", {.users = {7, 7, 7, 7, 8, 8, 8, 8},
                                 .items = {0, 1, 2, 3, 4, 5, 1, 2},
                                 .times = {100, 110, 200, 205, 50, 90, 100, 120}});
}

std::vector<item_t> items_of(const Dataset& data, index_t session) {
  const auto history = data.history(session);
  return {history.begin(), history.end()};
}

}  // namespace

TEST_CASE("a pause longer than the gap ends a session; sessions come in the order of their beginnings", "[data]") {
  const auto [data, single_events] = make_sessions(timed(), {.gap = 20});
  REQUIRE(data.num_users() == 3);
  CHECK(single_events == 1);  // of user 8 at 50
  CHECK(data.user_ids[0] == "8/2");
  CHECK(items_of(data, 0) == std::vector<item_t>{5, 1, 2});  // a pause of 20 s ends nothing
  CHECK(data.user_ids[1] == "7/1");
  CHECK(items_of(data, 1) == std::vector<item_t>{0, 1});
  CHECK(data.user_ids[2] == "7/2");
  CHECK(items_of(data, 2) == std::vector<item_t>{2, 3});
  CHECK(data.times == std::vector<std::int64_t>{90, 100, 120, 100, 110, 200, 205});
  CHECK(data.item_ids == timed().item_ids);  // item 4 keeps its number without an event
  CHECK(data.name == "timed-sessions");
  CHECK_THAT(data.source, ContainsSubstring("; sessions end with a pause of more than 20 s, 1 of one event left out"));
}

TEST_CASE("with a session column the users are the sessions", "[data]") {
  const auto [data, single_events] = make_sessions(timed());
  REQUIRE(data.num_users() == 2);
  CHECK(single_events == 0);
  CHECK(data.user_ids[0] == "8");  // began at 50
  CHECK(items_of(data, 0) == std::vector<item_t>{4, 5, 1, 2});
  CHECK(data.user_ids[1] == "7");
  const Sessions untimed = make_sessions(seqrec_test::dataset_of({{1, 2}, {3}, {2, 2, 1}}));
  CHECK(untimed.single_events == 1);
  CHECK(untimed.data.times.empty());
  CHECK(items_of(untimed.data, 1) == std::vector<item_t>{1, 1, 0});  // items 1, 2, 3 are numbered from 0
}

TEST_CASE("a user's profile and an item's titles come along with sessions", "[data]") {
  Dataset data = timed();
  data.user_features = make_feature_table({{"gender=F"}, {"gender=M"}});
  data.titles.assign(6, "title");
  data.ratings = {1, 2, 3, 4, 5, 6, 7, 8};
  const Dataset sessions = make_sessions(data, {.gap = 20}).data;
  CHECK(sessions.user_features.values == std::vector<category_t>{1, 0, 0});  // of users 8, 7, 7
  CHECK(sessions.titles.size() == 6);
  CHECK(sessions.ratings == std::vector<float>{6, 7, 8, 1, 2, 3, 4});
}

TEST_CASE("what cannot become sessions is named", "[data][errors]") {
  CHECK_THAT(message_of<ArgumentError>([] { make_sessions(timed(), {.gap = -1}); }),
             ContainsSubstring("sessions gap is -1, expected at least 0"));
  CHECK_THAT(message_of<DataError>([] {
               make_sessions(seqrec_test::dataset_of({{1, 2}}), {.gap = 60});
             }),
             ContainsSubstring("small: sessions gap is 60, expected 0: the events have no times"));
  CHECK_THAT(message_of<DataError>([] { make_sessions(timed(), {.gap = 1}); }),
             ContainsSubstring("timed: all 8 sessions have one event, expected some with two"));
  CHECK_THAT(message_of<DataError>([] {
               make_sessions(seqrec_test::dataset_of({{1}, {2}}));
             }),
             ContainsSubstring("all 2 sessions have one event"));
}
