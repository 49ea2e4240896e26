// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/readers/interactions.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "seqrec/core/random.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::message_of;

TEST_CASE("users and items are numbered in ascending order of their original numbers") {
  // Text order would put 10 before 9.
  const Dataset data =
      build_dataset("numbers", {.users = {10, 9, 10, 4'000'000'000}, .items = {7, 100, 20, 7}, .times = {}});
  CHECK(data.user_ids.text() == "9\n10\n4000000000\n");
  CHECK(data.item_ids.text() == "7\n20\n100\n");
  CHECK(data.offsets == std::vector<index_t>{0, 1, 3, 4});
  CHECK(data.items == std::vector<item_t>{2, 0, 1, 0});
  CHECK(data.times.empty());
  CHECK(data.titles.empty());
}

TEST_CASE("numbers far apart are numbered as those close together") {
  constexpr std::int64_t far = std::numeric_limits<std::int64_t>::max();
  const Dataset data =
      build_dataset("far", {.users = {far, 0, far - 1, 0}, .items = {-far, far, 5, -far}, .times = {}});
  CHECK(data.user_ids.text() == "0\n9223372036854775806\n9223372036854775807\n");
  CHECK(data.item_ids.text() == "-9223372036854775807\n5\n9223372036854775807\n");
  CHECK(data.items == std::vector<item_t>{2, 0, 1, 0});
  // A range that does not start at 0 is still close together.
  const Dataset near = build_dataset("near", {.users = {far, far - 2}, .items = {-7, -9}, .times = {}});
  CHECK(near.user_ids.text() == "9223372036854775805\n9223372036854775807\n");
  CHECK(near.items == std::vector<item_t>{0, 1});
}

TEST_CASE("events are ordered by user, time and row") {
  const Interactions rows{.users = {2, 1, 2, 1, 2, 1}, .items = {5, 6, 4, 9, 3, 8}, .times = {30, 20, 30, 20, 10, 20}};
  const Dataset data = build_dataset("times", rows);
  // User 1 has three events in one second: they stay as in the file, 6 9 8. User 2: 3, then 5 before 4.
  CHECK(data.item_ids.text() == "3\n4\n5\n6\n8\n9\n");
  CHECK(data.items == std::vector<item_t>{3, 5, 4, 0, 2, 1});
  CHECK(data.times == std::vector<std::int64_t>{20, 20, 20, 10, 30, 30});
}

TEST_CASE("times may be any numbers, however far apart") {
  constexpr std::int64_t far = std::numeric_limits<std::int64_t>::max();
  const Interactions rows{.users = {1, 1, 1, 1, 1, 1, 1},
                          .items = {0, 1, 2, 3, 4, 5, 6},
                          .times = {far, 5, -far, far, 5, far - 1, std::int64_t{1} << 33}};
  const Dataset data = build_dataset("ages", rows);
  CHECK(data.items == std::vector<item_t>{2, 1, 4, 6, 5, 0, 3});
  CHECK(data.times == std::vector<std::int64_t>{-far, 5, 5, std::int64_t{1} << 33, far - 1, far, far});
}

TEST_CASE("any rows are ordered as a stable sort orders them") {
  const std::int64_t range = GENERATE(std::int64_t{3}, std::int64_t{1'000'000}, std::int64_t{1} << 40);
  Interactions rows;
  RandomStream random(1, Purpose::shuffle, static_cast<std::uint64_t>(range));
  for (std::int64_t row = 0; row < 2000; ++row) {
    rows.users.push_back(random.below(40));
    rows.items.push_back(row);
    rows.times.push_back(static_cast<std::int64_t>(random.uniform() * static_cast<double>(range)));
  }
  std::vector<std::size_t> order(2000);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(rows.users[a], rows.times[a]) < std::pair(rows.users[b], rows.times[b]);
  });
  const Dataset data = build_dataset("random", rows);
  CHECK(std::equal(order.begin(), order.end(), data.items.begin(), data.items.end(),
                   [](std::size_t row, item_t item) { return static_cast<item_t>(row) == item; }));
}

TEST_CASE("without times the order of the file stays, though users alternate") {
  const Dataset data = build_dataset("no times", {.users = {1, 2, 1, 2, 1}, .items = {3, 1, 2, 2, 1}, .times = {}});
  CHECK(data.items == std::vector<item_t>{2, 1, 0, 0, 1});
}

TEST_CASE("a repeated interaction stays") {
  const Dataset data = build_dataset("repeats", {.users = {1, 1, 1}, .items = {5, 5, 6}, .times = {}});
  CHECK(data.items == std::vector<item_t>{0, 0, 1});
}

TEST_CASE("titles follow their items") {
  const Dataset data =
      build_dataset("titles", {.users = {1, 1}, .items = {5, 3}, .times = {}}, {{"5", "five"}, {"4", "four"}});
  CHECK(data.titles == std::vector<std::string>{"", "five"});
}

TEST_CASE("an empty data set and columns of different lengths are refused") {
  CHECK(message_of<DataError>([] { build_dataset("nothing", {}); }) ==
        "nothing: the data set is empty, expected at least one interaction");
  CHECK_THAT(message_of<ArgumentError>([] {
               build_dataset("", {.users = {1, 2}, .items = {1}, .times = {}});
             }),
             ContainsSubstring("2 users, 1 items and 0 times"));
  CHECK_THROWS_AS(build_dataset("", {.users = {1, 2}, .items = {1, 2}, .times = {5}}), ArgumentError);
}
