// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/splits/ratio_split.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <vector>

#include "data/small_datasets.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::message_of;

namespace {

/// A user of so many events, all different.
std::vector<std::int64_t> events(std::size_t count) {
  std::vector<std::int64_t> items(count);
  std::iota(items.begin(), items.end(), 0);
  return items;
}

}  // namespace

TEST_CASE("shares of each history are held out, every event a target with all before it as history") {
  const Dataset data = seqrec_test::dataset_of({events(10), events(4), events(7)});
  const Split split = ratio_split(data, {.validation = 0.2, .test = 0.25});
  // 10 events: 2 test, 2 validation. 4: 1 test, none for validation. 7: 1 test, 1 validation.
  CHECK(split.train_lengths == std::vector<index_t>{6, 3, 5});
  CHECK(split.validation.users == std::vector<index_t>{0, 0, 2});
  CHECK(split.validation.history_lengths == std::vector<index_t>{6, 7, 5});
  CHECK(split.validation.targets == std::vector<item_t>{6, 7, 5});
  CHECK(split.test.users == std::vector<index_t>{0, 0, 1, 2});
  CHECK(split.test.targets == std::vector<item_t>{8, 9, 3, 6});
  CHECK(split.test.history(1).size() == 9);
  CHECK(split.test.whole_history(1).size() == 10);
  CHECK(split.train_only_users == 0);
}

TEST_CASE("users too short for a test event train only") {
  const Dataset data = seqrec_test::dataset_of({events(30), events(9), events(1)});
  const Split split = ratio_split(data);
  CHECK(split.train_lengths == std::vector<index_t>{24, 9, 1});  // a tenth of thirty is three
  CHECK(split.test.size() == 3);
  CHECK(split.train_only_users == 2);
  CHECK(describe(split) ==
        "ratio split (last 0.1 of each user test, 0.1 before it validation) of small: 34 training events of 3 users, "
        "3 validation and 3 test targets, none of which stands in its own history, 2 users with under 10 events train "
        "only, hash " +
            split.hash());
}

TEST_CASE("every user keeps an event to train on") {
  for (std::size_t count = 1; count < 60; ++count) {
    const Dataset data = seqrec_test::dataset_of({events(100), events(count)});
    const Split split = ratio_split(data, {.validation = 0.5, .test = 0.4});
    REQUIRE(split.train_lengths[1] >= 1);
    index_t held_out = 0;
    for (const HeldOut* part : {&split.validation, &split.test})
      for (const index_t user : part->users) held_out += user == 1;
    REQUIRE(split.train_lengths[1] + held_out == static_cast<index_t>(count));
  }
}

TEST_CASE("shares out of range and data too short are refused") {
  const Dataset data = seqrec_test::dataset_of({events(9), events(3)});
  const auto complaint = [&](const RatioSplitOptions& options) {
    return message_of<ArgumentError>([&] { ratio_split(data, options); });
  };
  CHECK(complaint({.validation = 0}) == "ratio_split validation is 0, expected a share between 0 and 1");
  CHECK(complaint({.test = -0.1}) == "ratio_split test is -0.1, expected a share between 0 and 1");
  CHECK(complaint({.validation = 0.5, .test = 0.5}) ==
        "ratio_split validation + test is 1, expected at most 0.9, the rest is trained on");
  CHECK_THAT(message_of<DataError>([&] { ratio_split(data); }),
             ContainsSubstring("small: no user has enough events for a ratio split (last 0.1"));
  const Dataset empty;
  CHECK_THAT(message_of<DataError>([&] { ratio_split(empty); }), ContainsSubstring("is empty"));
}

TEST_CASE("a ratio split owns what it is given, and shares what is shared") {
  const Split split = ratio_split(seqrec_test::dataset_of({events(10)}));
  CHECK(split.data->num_interactions() == 10);
  const auto shared = std::make_shared<const Dataset>(*split.data);
  CHECK(ratio_split(shared).data == shared);
}
