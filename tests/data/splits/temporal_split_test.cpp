// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/splits/temporal_split.hpp"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <vector>

#include "data/small_datasets.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::message_of;

namespace {

/// User 0 is there all the time, user 1 comes in the validation period, user 2 in the test period, user 3 leaves early.
Dataset timed() {
  return build_dataset("timed", {.users = {0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 3},
                                 .items = {0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4},
                                 .times = {1, 9, 10, 19, 20, 30, 15, 25, 25, 2, 9}});
}

}  // namespace

TEST_CASE("all histories are cut at the same instants, and users without training events left out") {
  const Dataset data = timed();
  const Split split = temporal_split(data, {.validation = 10, .test = 20});
  CHECK(split.train_lengths == std::vector<index_t>{2, 0, 0, 2});
  CHECK(split.validation.users == std::vector<index_t>{0, 0});
  CHECK(split.validation.history_lengths == std::vector<index_t>{2, 3});
  CHECK(split.validation.targets == std::vector<item_t>{2, 3});
  CHECK(split.test.users == std::vector<index_t>{0, 0});
  CHECK(split.test.history_lengths == std::vector<index_t>{4, 5});  // the validation period's events among them
  CHECK(split.test.targets == std::vector<item_t>{4, 5});
  CHECK(split.train_only_users == 1);
  CHECK(describe(split) ==
        "global temporal split (validation from 10, test from 20) of timed: 4 training events of 4 users, 2 validation "
        "and 2 test targets, none of which stands in its own history, 3 later events of 2 users without training "
        "events left out, hash " +
            split.hash());
}

TEST_CASE("quantiles are instants before which a share of the events lies") {
  Interactions rows;
  for (std::int64_t time = 0; time < 100; ++time) {
    rows.users.push_back(time % 7);
    rows.items.push_back(time % 11);
    rows.times.push_back(1000 - time);
  }
  const Dataset data = build_dataset("hundred", rows);
  const TimeCuts cuts = time_quantiles(data);
  CHECK(cuts.validation == 981);
  CHECK(cuts.test == 991);
  const Split split = temporal_split(data, cuts);
  CHECK(split.num_train_events() == 80);
  CHECK(split.validation.size() == 10);
  CHECK(split.test.size() == 10);
  for (const HeldOut* part : {&split.validation, &split.test})
    for (index_t i = 0; i < part->size(); ++i) {
      const auto user = static_cast<std::size_t>(part->users.at(static_cast<std::size_t>(i)));
      const auto event = static_cast<std::size_t>(data.offsets[user] + std::ssize(part->history(i)));
      CHECK(data.items[event] == part->targets.at(static_cast<std::size_t>(i)));
      CHECK((data.times[event] >= cuts.test) == (part == &split.test));
    }
  CHECK(time_quantiles(data, 0.5, 0.75).validation == 951);
}

TEST_CASE("data without times, instants out of order and empty parts are refused") {
  const Dataset data = timed();
  CHECK(message_of<ArgumentError>([&] {
          temporal_split(data, {20, 20});
        }) == "temporal_split validation is 20, expected an instant before that of the test");
  CHECK(
      message_of<DataError>([&] {
        temporal_split(data, {1, 20});
      }) ==
      "timed: the global temporal split (validation from 1, test from 20) leaves 0 training events and, of users with "
      "any, 0 validation and 0 test targets, expected some of each");
  CHECK_THAT(message_of<DataError>([&] { temporal_split(data, {10, 31}); }), ContainsSubstring("and 0 test targets"));
  CHECK_THAT(message_of<DataError>([&] { temporal_split(data, {21, 25}); }), ContainsSubstring(" 0 validation and 2"));
  const Dataset timeless = seqrec_test::dataset_of({{0, 1, 2}});
  CHECK_THAT(message_of<DataError>([&] {
               temporal_split(timeless, {1, 2});
             }),
             ContainsSubstring("small: has no times, a temporal split needs them"));
  CHECK(message_of<DataError>([&] { time_quantiles(timeless); }) == "small: has no times, they have no quantiles");
  CHECK(message_of<ArgumentError>([&] { time_quantiles(data, 0); }) ==
        "time_quantiles train is 0, expected a share between 0 and 1");
  CHECK_THROWS_AS(time_quantiles(data, 0.8, 0.8), ArgumentError);
  CHECK_THROWS_AS(time_quantiles(data, 0.8, 1), ArgumentError);
  const Dataset empty;
  CHECK_THAT(message_of<DataError>([&] { temporal_split(empty, {1, 2}); }), ContainsSubstring("is empty"));
}

TEST_CASE("a temporal split owns what it is given, and shares what is shared") {
  const Split split = temporal_split(timed(), {.validation = 10, .test = 20});
  CHECK(split.data->name == "timed");
  const auto shared = std::make_shared<const Dataset>(*split.data);
  CHECK(temporal_split(shared, {.validation = 10, .test = 20}).data == shared);
}
