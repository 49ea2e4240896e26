// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/readers/named_columns.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using seqrec_test::message_of;

namespace {

Dataset read(std::string_view text, const ReadOptions& options = {}) {
  const seqrec_test::TemporaryDirectory folder;
  seqrec_test::write_file(folder / "events.csv", text);
  return read_named_columns(folder / "events.csv", "events", options);
}

std::string complaint(std::string_view text, const ReadOptions& options = {}) {
  return message_of<DataError>([&] { read(text, options); });
}

}  // namespace

TEST_CASE("events are read by the names of their columns") {
  const Dataset data = read(
      "\"created_at\",\"item_id\",\"price\",\"user_id\"\n"
      "2021-01-01T00:00:02Z,\"tt02, the\",1.5,zoe\n"
      "2021-01-01 00:00:00,tt01,,zoe\n"
      "2021-01-02,tt01,3,adam\n\n");
  CHECK(data.name == "events");
  CHECK(data.user_ids.text() == "zoe\nadam\n");
  CHECK(data.item_ids.text() == "tt02, the\ntt01\n");
  CHECK(data.items == std::vector<item_t>{1, 0, 1});
  CHECK(data.times == std::vector<std::int64_t>{1609459200, 1609459202, 1609545600});
  CHECK(data.source == "times: column created_at, dates from 2021-01-01 to 2021-01-02");
}

TEST_CASE("floating-point ids and times in milliseconds, as data frames write them") {
  const Dataset data = read("user;item;time\n1011.0;5;1609459200900\n1011;4;1609459200100\n-2.0;4;1609459200100\n");
  CHECK(data.user_ids.text() == "-2\n1011\n");
  CHECK(data.items == std::vector<item_t>{0, 0, 1});
  CHECK(data.source == "times: column time, whole milliseconds from 2021-01-01 to 2021-01-01");
  CHECK(read("user,item,time\n1,5,9\n1,4,3\n", {.time_unit = TimeUnit::milliseconds}).source ==
        "times: column time, whole milliseconds from 1970-01-01 to 1970-01-01");
}

TEST_CASE("ratings may be on any scale, and decide by a threshold what stays") {
  const char* const text = "user,item,score\n1,10,-7.5\n1,20,80\n1,30,79\n";
  CHECK(read(text).num_interactions() == 3);
  const Dataset data = read(text, {.least_rating = 80});
  CHECK(data.item_ids.text() == "20\n");
  CHECK(data.source == "no times, order of the file; 2 events rated below 80 left out");
  CHECK(data.ratings == std::vector<float>{80});
  CHECK(read(text).ratings == std::vector<float>{-7.5, 80, 79});
  CHECK(read(text, {.rating_column = "none"}).ratings.empty());
  CHECK_THAT(complaint(text, {.rating_scale = "0..100"}),
             ContainsSubstring("events.csv:2: rating is '-7.5', expected a number from 0 to 100"));
  CHECK_THAT(complaint("user,item,score\n1,2,A+\n"), ContainsSubstring("rating is 'A+', expected a finite number"));
  CHECK(read("user,item,score\n1,2,A+\n", {.rating_column = "none"}).num_interactions() == 1);
  CHECK_THAT(
      complaint("user,item\n1,2\n", {.least_rating = 3}),
      ContainsSubstring("events.csv:1: no column of ratings is known by its name in the header, which has 'user', "
                        "'item'") &&
          ContainsSubstring("because least_rating is given"));
}

TEST_CASE("a date in a column of any name is not passed over in silence") {
  const char* const text = "user,item,moment\n1,2,2021-01-02\n1,3,2021-01-01\n";
  CHECK_THAT(complaint(text), ContainsSubstring("events.csv:2: column 'moment' looks like a time and is not used"));
  CHECK(read(text, {.time_column = "moment"}).items == std::vector<item_t>{1, 0});
  CHECK(read(text, {.time_column = "none"}).items == std::vector<item_t>{0, 1});
}

TEST_CASE("wrong fields are named with file and line") {
  CHECK_THAT(complaint("user,item\n1,2\n,2\n"), ContainsSubstring("events.csv:3: user is '', which is empty"));
  CHECK_THAT(complaint("user,item\n1,a\tb\n"), ContainsSubstring("events.csv:2: item is 'a\\x09b', which has a control "
                                                                 "character"));
  CHECK_THAT(complaint("user,item,date\n1,2,04/04/1998\n"),
             ContainsSubstring("events.csv:2: time is '04/04/1998', expected a number of seconds"));
  CHECK_THAT(complaint("user,item,time\n1,2,1609459200\n1,3,1609459200000\n"),
             ContainsSubstring("/events.csv: the time of event 1 is 1609459200, but others are up to 1609459200000"));
  CHECK_THAT(complaint("user,item\n"), ContainsSubstring("/events.csv: the data set is empty"));
}
