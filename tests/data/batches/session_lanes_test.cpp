// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/batches/session_lanes.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <type_traits>
#include <utility>
#include <vector>

#include "data/small_datasets.hpp"
#include "seqrec/data/splits/session_split.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::dataset_of;
using seqrec_test::message_of;

static_assert(!std::is_constructible_v<SessionLanes, Split&&, const SessionLanesOptions&>);

namespace {

using Step = std::vector<std::array<index_t, 3>>;

Step shown(std::span<const LaneStep> lanes) {
  Step step;
  for (const LaneStep& lane : lanes) step.push_back({lane.session, lane.position, lane.carried});
  return step;
}

/// All sessions of a data set for training.
Split for_training(const Dataset& data) {
  Split split = detail::begin_split(std::make_shared<const Dataset>(data), "all");
  for (index_t session = 0; session < data.num_users(); ++session)
    split.train_lengths.push_back(std::ssize(data.history(session)));
  return split;
}

}  // namespace

TEST_CASE("a lane whose session ends goes on with the next one, and in the end lanes run out", "[data]") {
  // Sessions of 3, 2, 1 (which takes no part), 4 and 2 events in two lanes.
  const Split split = for_training(dataset_of({{1, 2, 3}, {1, 2}, {3}, {3, 2, 1, 1}, {2, 3}}));
  SessionLanes lanes(split, {.lanes = 2});
  REQUIRE(lanes.steps_per_epoch() == 4);
  CHECK(lanes.num_sessions() == 4);
  CHECK(shown(lanes.at(0, 0)) == Step{{0, 0, -1}, {1, 0, -1}});
  CHECK(shown(lanes.at(0, 1)) == Step{{0, 1, 0}, {3, 0, -1}});
  CHECK(shown(lanes.at(0, 2)) == Step{{4, 0, -1}, {3, 1, 1}});
  CHECK(shown(lanes.at(0, 3)) == Step{{3, 2, 1}});  // in lane 0 now, its state was row 1's
  CHECK(shown(lanes.at(0, 1)) == Step{{0, 1, 0}, {3, 0, -1}});
  CHECK(shown(lanes.at(1, 3)) == Step{{3, 2, 1}});
}

TEST_CASE("more lanes than sessions, and one lane", "[data]") {
  const Split split = for_training(dataset_of({{1, 2, 3}, {1, 2}}));
  SessionLanes many(split, {.lanes = 9}), one(split, {.lanes = 1});
  CHECK(many.steps_per_epoch() == 2);
  CHECK(shown(many.at(0, 1)) == Step{{0, 1, 0}});
  CHECK(one.steps_per_epoch() == 3);
  CHECK(shown(one.at(0, 2)) == Step{{1, 0, -1}});
}

TEST_CASE("every event but a session's last is read once an epoch, after the one before it", "[data]") {
  const Split split = for_training(seqrec_test::random_dataset(70, 30, 9, 4));
  SessionLanes lanes(split, {.lanes = 7, .shuffle = GENERATE(false, true), .seed = 3});
  for (const index_t epoch : {0, 1}) {
    std::vector<index_t> read(70);
    std::vector<std::pair<index_t, index_t>> before, now;
    index_t wrong = 0;
    for (index_t step = 0; step < lanes.steps_per_epoch(); ++step) {
      now.clear();
      for (const LaneStep& lane : lanes.at(epoch, step)) {
        now.emplace_back(lane.session, lane.position);
        wrong += read[static_cast<std::size_t>(lane.session)]++ != lane.position;
        wrong += (lane.carried < 0) != (lane.position == 0);
        if (lane.carried >= 0)
          wrong += before[static_cast<std::size_t>(lane.carried)] != std::pair(lane.session, lane.position - 1);
      }
      CHECK(!now.empty());
      std::swap(before, now);
    }
    CHECK(wrong == 0);
    for (std::size_t session = 0; session < 70; ++session)
      CHECK(read[session] == std::max<index_t>(split.train_lengths[session] - 1, 0));
  }
}

TEST_CASE("sessions are shuffled among those of their length, anew each epoch", "[data]") {
  const Split split = for_training(seqrec_test::random_dataset(200, 30, 5, 4));
  const auto order = [&](SessionLanes& lanes, index_t epoch) {
    std::vector<index_t> begun;
    for (index_t step = 0; step < lanes.steps_per_epoch(); ++step)
      for (const LaneStep& lane : lanes.at(epoch, step))
        if (lane.carried < 0) begun.push_back(lane.session);
    return begun;
  };
  SessionLanes plain(split, {.lanes = 4}), shuffled(split, {.lanes = 4, .shuffle = true, .seed = 1}),
      again(split, {.lanes = 4, .shuffle = true, .seed = 1}), other(split, {.lanes = 4, .shuffle = true, .seed = 2});
  const auto first = order(shuffled, 0), second = order(shuffled, 1);
  CHECK(order(plain, 0) == order(plain, 1));
  CHECK(first != second);
  CHECK(order(again, 1) == second);  // whatever came before
  CHECK(order(other, 0) != first);
  const auto as_given = order(plain, 0);
  CHECK(first != as_given);
  for (std::size_t i = 0; i < first.size(); ++i)
    CHECK(split.train_lengths[static_cast<std::size_t>(first[i])] ==
          split.train_lengths[static_cast<std::size_t>(as_given[i])]);
}

TEST_CASE("lanes that cannot be are refused", "[data][errors]") {
  const Split split = for_training(dataset_of({{1, 2, 3}, {1, 2}}));
  CHECK_THAT(message_of<ArgumentError>([&] { SessionLanes(split, {.lanes = 0}); }),
             ContainsSubstring("lanes is 0, expected a number from 1 to 2^31 - 1"));
  SessionLanes lanes(split, {.lanes = 2});
  CHECK_THAT(message_of<ArgumentError>([&] { lanes.at(0, 2); }),
             ContainsSubstring("step is 2, expected a number from 0 to steps_per_epoch() - 1"));
  CHECK_THAT(message_of<ArgumentError>([&] { lanes.at(-1, 0); }), ContainsSubstring("epoch is -1"));
  const Split single = for_training(dataset_of({{1}, {2}}));
  CHECK_THAT(message_of<DataError>([&] { SessionLanes(single, {}); }),
             ContainsSubstring("small: no session has two training events"));
}
