// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/splits/session_split.hpp"

#include <cstdint>
#include <limits>
#include <vector>

#include "data/small_datasets.hpp"
#include "seqrec/data/sessions.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::dataset_of;
using seqrec_test::message_of;

namespace {

constexpr std::int64_t day = 86400;

/// Sessions that end on days 0, 1, ... with two events each; the one of day 0 goes on to the end of day 3.
Dataset daily() {
  Interactions rows;
  for (std::int64_t session = 0; session < 6; ++session) {
    rows.add(session, 1, session * day);
    rows.add(session, 2, session * day + 10);
  }
  rows.add(0, 1, 3 * day + 100);
  return make_sessions(build_dataset("daily", rows)).data;
}

}  // namespace

TEST_CASE("the last sessions are held out whole, each of their events but the first a target", "[data]") {
  const Split split =
      session_split(dataset_of({{0, 1}, {1, 2, 0}, {2, 1}, {0, 2}, {1, 0}, {0, 2, 1}, {2, 0}, {1, 1, 2, 0}}),
                    {.validation_share = 0.125, .test_share = 0.25});
  CHECK(split.train_lengths == std::vector<index_t>{2, 3, 2, 2, 2, 0, 0, 0});
  CHECK(split.validation.users == std::vector<index_t>{5, 5});
  CHECK(split.validation.history_lengths == std::vector<index_t>{1, 2});
  CHECK(split.validation.targets == std::vector<item_t>{2, 1});
  CHECK(split.test.users == std::vector<index_t>{6, 7, 7, 7});
  CHECK(split.test.history_lengths == std::vector<index_t>{1, 1, 2, 3});
  CHECK(split.test.targets == std::vector<item_t>{0, 1, 2, 0});
  CHECK(split.train_only_users == 5);
  CHECK(split.protocol == "session split");
}

TEST_CASE("events of items that training lacks are dropped, and sessions left with one event", "[data]") {
  // Items 7, 8 and 9 are never trained on; session 4 is left with one event, session 2 has one.
  const Split split = session_split(dataset_of({{5, 6}, {6, 5, 4}, {7}, {5, 8, 6, 9, 4}, {9, 4}, {4, 5}, {6, 8, 6}}),
                                    {.validation_share = 0.3, .test_share = 0.3});
  const Dataset& data = *split.data;
  CHECK(data.num_items() == 3);
  CHECK(data.item_ids[0] == "4");
  CHECK(data.num_users() == 5);
  CHECK(split.train_lengths == std::vector<index_t>{2, 3, 0, 0, 0});
  CHECK(split.validation.targets == std::vector<item_t>{2, 0});
  CHECK(split.validation.history_lengths == std::vector<index_t>{1, 2});
  CHECK(split.test.users == std::vector<index_t>{3, 4});
  CHECK(split.left_out ==
        "4 events of items that training does not have and 2 sessions left with under two events dropped");
}

TEST_CASE("by time a session belongs to where it ends", "[data]") {
  const Split split = session_split(daily(), {.validation_days = 2, .test_days = 1});
  const Dataset& data = *split.data;
  REQUIRE(data.num_users() == 6);
  for (index_t session = 0; session < 6; ++session) {
    const bool in_training = split.train_lengths[static_cast<std::size_t>(session)] != 0;
    CAPTURE(data.user_ids[session]);
    CHECK(in_training == (data.user_ids[session] == "1" || data.user_ids[session] == "2"));
  }
  CHECK(split.validation.users == std::vector<index_t>{0, 0, 3, 4});  // the first ends after the fourth
  CHECK(split.test.users == std::vector<index_t>{5});
  // Shares go by the ends, too.
  const Split shares = session_split(daily(), {.validation_share = 0.34, .test_share = 0.16});
  CHECK(shares.train_lengths == std::vector<index_t>{0, 2, 2, 2, 0, 0});
}

TEST_CASE("what a session split cannot do is named", "[data][errors]") {
  const auto message = [](const SessionSplitOptions& options) {
    return message_of<ArgumentError>([&] { session_split(daily(), options); });
  };
  CHECK_THAT(message({.validation_share = 0}), ContainsSubstring("session_split validation_share is 0, expected"));
  CHECK_THAT(message({.test_share = 1.5}), ContainsSubstring("session_split test_share is 1.5"));
  CHECK_THAT(message({.validation_share = 0.5, .test_share = 0.5}),
             ContainsSubstring("session_split validation_share is 0.5, expected less than 1 together with test_share"));
  CHECK_THAT(message({.test_days = std::numeric_limits<double>::quiet_NaN()}),
             ContainsSubstring("session_split test_days is nan, expected a number from 0 to 1000000"));
  CHECK_THAT(message({.test_days = 1}), ContainsSubstring("session_split validation_days is 0, expected above 0"));
  CHECK_THAT(message({.validation_days = 1}), ContainsSubstring("session_split validation_days is 1, expected 0"));
  const auto refused = [](const Dataset& data, const SessionSplitOptions& options) {
    return message_of<DataError>([&] { session_split(data, options); });
  };
  const Dataset untimed = dataset_of({{1, 2}, {2, 1}, {1, 2}});
  CHECK_THAT(refused(untimed, {.validation_days = 1, .test_days = 1}),
             ContainsSubstring("small: session_split test_days is 1, expected 0: the events have no times"));
  CHECK_THAT(refused(daily(), {.validation_days = 1, .test_days = 1000}),
             ContainsSubstring("daily-sessions: no session with two known events is left for training of 6 sessions"));
  CHECK_THAT(refused(dataset_of({{1, 2}, {2, 1}, {3, 4}}), {.validation_share = 0.34, .test_share = 0.33}),
             ContainsSubstring("no session with two known events is left for test"));
  CHECK_THAT(refused(Dataset{}, {}), ContainsSubstring("the data set is empty"));
}
