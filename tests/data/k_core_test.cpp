// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/k_core.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "data/small_datasets.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::message_of;

namespace {

using Events = std::vector<std::pair<std::string, std::string>>;

/// A data set's events under original ids.
Events events_of(const Dataset& data) {
  Events events;
  for (index_t user = 0; user < data.num_users(); ++user)
    for (const item_t item : data.history(user)) events.emplace_back(data.user_ids[user], data.item_ids[item]);
  return events;
}

/// The definition: drop short users and items until there are none.
Events core_by_loops(Events events, const KCoreOptions& options) {
  for (;;) {
    std::map<std::string, index_t> users, items;
    for (const auto& [user, item] : events) ++users[user], ++items[item];
    Events kept;
    for (const auto& event : events)
      if (users[event.first] >= options.users && items[event.second] >= options.items) kept.push_back(event);
    if (kept.size() == events.size()) return kept;
    events = kept;
  }
}

}  // namespace

TEST_CASE("a core is what is left when nothing more has to go") {
  // A chain: dropping user 3 leaves item 3 short, which leaves user 2 short, which leaves item 2 short.
  const Dataset chain = seqrec_test::dataset_of({{0, 1}, {0, 1}, {2, 3}, {3}, {0, 2, 1}});
  const Dataset core = k_core(chain, {.users = 2, .items = 2});
  CHECK(events_of(core) == Events{{"0", "0"}, {"0", "1"}, {"1", "0"}, {"1", "1"}, {"4", "0"}, {"4", "1"}});
  CHECK(core.items == std::vector<item_t>{0, 1, 0, 1, 0, 1});

  const std::uint64_t seed = GENERATE(1u, 2u, 3u, 4u, 5u);
  const Dataset data = seqrec_test::random_dataset(60, 50, 12, seed);
  for (const KCoreOptions options : {KCoreOptions{1, 1}, KCoreOptions{4, 4}, KCoreOptions{7, 2}, KCoreOptions{1, 6}}) {
    const Events expected = core_by_loops(events_of(data), options);
    REQUIRE_FALSE(expected.empty());
    const Dataset found = k_core(data, options);
    CHECK(events_of(found) == expected);
    CHECK(k_core(found, options).hash() == found.hash());
  }
}

TEST_CASE("times, names, titles and features come along") {
  Dataset data =
      build_dataset("films", {.users = {1, 1, 2, 3, 3}, .items = {10, 30, 20, 10, 30}, .times = {5, 6, 7, 8, 9}},
                    {{"10", "ten"}, {"20", "twenty"}, {"30", "thirty"}});
  data.user_features = make_feature_table({{"gender=F"}, {"gender=M"}, {"gender=X"}});
  data.item_features = make_feature_table({{"genre=A"}, {"genre=B"}, {"genre=A", "genre=C"}});
  for (index_t event = 0; event < data.num_interactions(); ++event)
    data.ratings.push_back(static_cast<float>(data.times[static_cast<std::size_t>(event)]) / 2);
  const Dataset core = k_core(data, {.users = 2, .items = 2});
  CHECK(core.name == "films-2-core");
  CHECK(core.source == data.source);
  CHECK(core.user_ids.text() == "1\n3\n");
  CHECK(core.item_ids.text() == "10\n30\n");
  CHECK(core.times == std::vector<std::int64_t>{5, 6, 8, 9});
  CHECK(core.ratings == std::vector<float>{2.5, 3, 4, 4.5});
  CHECK(core.offsets == std::vector<index_t>{0, 2, 4});
  CHECK(core.titles == std::vector<std::string>{"ten", "thirty"});
  CHECK(core.user_features.values == std::vector<item_t>{0, 2});
  CHECK(core.item_features.values == std::vector<item_t>{0, 0, 2});
  CHECK(k_core(data, {.users = 2, .items = 1}).name == "films-2-1-core");
}

TEST_CASE("nothing left and numbers below 1 are refused") {
  const Dataset data = seqrec_test::dataset_of({{0, 1}, {1, 2}});
  CHECK(message_of<DataError>([&] { k_core(data, {.users = 2, .items = 3}); }) ==
        "small: no interaction is left where every user has 2 and every item 3");
  CHECK(message_of<DataError>([&] { k_core(Dataset{}); }) ==
        ": no interaction is left where every user has 5 and every item 5");
  CHECK(message_of<ArgumentError>([&] { k_core(data, {.users = 0}); }) ==
        "k_core users is 0, expected a number of at least 1");
  CHECK_THROWS_AS(k_core(data, {.items = 0}), ArgumentError);
}
