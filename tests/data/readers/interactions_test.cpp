// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/readers/interactions.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <string_view>
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
  CHECK(data.ratings.empty());
}

TEST_CASE("ratings go with their events, and the hash does not know them") {
  Interactions rows{.users = {2, 1, 2, 1}, .items = {5, 6, 4, 9}, .times = {30, 20, 10, 10}};
  const std::string without = build_dataset("rated", rows).hash();
  rows.ratings = {1, 2, 3.5, 4};
  const Dataset data = build_dataset("rated", rows);
  CHECK(data.ratings == std::vector<float>{4, 2, 3.5, 1});
  CHECK(data.hash() == without);
  rows.times = {};
  CHECK(build_dataset("rated", rows).ratings == std::vector<float>{2, 4, 1, 3.5});
  rows.ratings.pop_back();
  CHECK_THAT(message_of<ArgumentError>([&] { build_dataset("rated", rows); }),
             ContainsSubstring("4 users and 3 ratings, expected columns of one length, or no ratings"));
}

TEST_CASE("times may be any numbers, however far apart") {
  constexpr std::int64_t far = std::numeric_limits<std::int64_t>::max();
  Interactions rows{.users = {1, 1, 1, 1, 1, 1, 1},
                    .items = {0, 1, 2, 3, 4, 5, 6},
                    .times = {far, 5, -far, far, 5, far - 1, std::int64_t{1} << 33}};
  CHECK_THROWS_AS(build_dataset("ages", rows), DataError);  // nanoseconds and seconds?
  rows.times.unit = TimeUnit::seconds;
  const Dataset data = build_dataset("ages", rows);
  CHECK(data.items == std::vector<item_t>{2, 1, 4, 6, 5, 0, 3});
  CHECK(data.times == std::vector<std::int64_t>{-far, 5, 5, std::int64_t{1} << 33, far - 1, far, far});
}

TEST_CASE("any rows are ordered as a stable sort orders them") {
  const std::int64_t range = GENERATE(std::int64_t{3}, std::int64_t{1'000'000}, std::int64_t{1} << 40);
  Interactions rows;
  rows.times.unit = TimeUnit::seconds;
  std::vector<std::pair<std::int64_t, std::int64_t>> keys;
  RandomStream random(1, Purpose::shuffle, static_cast<std::uint64_t>(range));
  for (std::int64_t row = 0; row < 2000; ++row) {
    const std::int64_t user = random.below(40);
    keys.emplace_back(user, static_cast<std::int64_t>(random.uniform() * static_cast<double>(range)));
    rows.add(user, row, keys.back().second);
  }
  std::vector<std::size_t> order(2000);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return keys[a] < keys[b]; });
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

TEST_CASE("a table in memory: texts and numbers of 64 bits, times of any kind") {
  Interactions rows;
  rows.add("zoe", "tt0114709", "2021-01-01T00:00:02Z");
  rows.add(std::string("adam"), std::string_view("tt0113277"), "2021-01-01 00:00:00");
  rows.add("zoe", "tt0113277", "2021-01-01T01:00:01+01:00");
  const Dataset names = build_dataset("names", rows);
  CHECK(names.user_ids.text() == "zoe\nadam\n");
  CHECK(names.item_ids.text() == "tt0114709\ntt0113277\n");
  CHECK(names.items == std::vector<item_t>{1, 0, 1});
  CHECK(names.times == std::vector<std::int64_t>{1609459201, 1609459202, 1609459200});
  CHECK(names.source == "times: dates from 2021-01-01 to 2021-01-01");

  Interactions numbers;
  numbers.add(std::uint64_t{18'446'744'073'709'551'615U}, 5, 1.75);
  numbers.add(7U, std::int16_t{4}, 1.25);
  numbers.add(7U, 5, 1.5);
  const Dataset data = build_dataset("numbers", numbers);
  CHECK(data.user_ids.text() == "7\n18446744073709551615\n");
  CHECK(data.items == std::vector<item_t>{0, 1, 1});
  CHECK(data.times == std::vector<std::int64_t>{1, 1, 1});
  CHECK(data.source == "times: fractional seconds from 1970-01-01 to 1970-01-01");

  const std::vector<std::string> users = {"a", "b"};
  const std::vector<std::uint64_t> items = {18'446'744'073'709'551'615U, 7};
  const std::vector<double> times = {1.5, 0.5};
  const Dataset columns = build_dataset("columns", {.users = users, .items = items, .times = times});
  CHECK(columns.user_ids.text() == "a\nb\n");
  CHECK(columns.items == std::vector<item_t>{1, 0});
  CHECK(columns.times == std::vector<std::int64_t>{1, 0});

  CHECK(message_of<ArgumentError>([&] { rows.add("", "x", 5); }) == "id 3, '', is empty, expected some text");
  Interactions mixed;
  mixed.add("u", "i", 5);
  CHECK_THAT(message_of<ArgumentError>([&] { mixed.add("u", "i", "2021-01-01"); }),
             ContainsSubstring("time 1, '2021-01-01', which is a date, but the times before it are numbers"));
}

TEST_CASE("order within a second is not lost, whatever the unit") {
  Interactions rows;
  rows.add(1, 10, std::int64_t{1'609'459'200'900});
  rows.add(1, 20, std::int64_t{1'609'459'200'100});
  rows.add(1, 30, std::int64_t{1'609'459'199'999});
  const Dataset data = build_dataset("milliseconds", rows);
  CHECK(data.items == std::vector<item_t>{2, 1, 0});
  CHECK(data.times == std::vector<std::int64_t>{1609459199, 1609459200, 1609459200});
  CHECK(data.source == "times: whole milliseconds from 2020-12-31 to 2021-01-01");
}

TEST_CASE("without times a data set says so, and what a reader left out") {
  Interactions rows{.users = {1}, .items = {2}};
  CHECK(build_dataset("rows", rows).source == "no times, order of the rows");
  rows.file = "folder/rows.csv";
  rows.note = "2 events rated below 4 left out";
  CHECK(build_dataset("rows", rows).source == "no times, order of the file; 2 events rated below 4 left out");
  CHECK_THAT(describe(build_dataset("rows", rows)), ContainsSubstring("; no times, order of the file; 2 events"));
  CHECK(message_of<DataError>([&] { build_dataset("rows", {.file = "folder/rows.csv"}); }) ==
        "folder/rows.csv: the data set is empty, expected at least one interaction");
}
