// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/splits/split.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "data/small_datasets.hpp"
#include "support/catch.hpp"

using namespace seqrec;

namespace {
std::vector<item_t> list(std::span<const item_t> items) { return {items.begin(), items.end()}; }
}  // namespace

TEST_CASE("leave-one-out holds out the last two events, and the test history includes the validation item") {
  const Dataset data = seqrec_test::dataset_of({{0, 1, 2, 3}, {4, 5}, {3, 4, 5}, {0}});
  const Split split = leave_one_out(data);

  CHECK(split.train_lengths == std::vector<index_t>{2, 2, 1, 1});
  CHECK(split.train_only_users == 2);
  CHECK(split.num_train_events() == 6);
  CHECK(list(split.train_history(0)) == std::vector<item_t>{0, 1});

  CHECK(split.validation.name == "validation");
  CHECK(split.validation.users == std::vector<index_t>{0, 2});
  CHECK(split.validation.targets == std::vector<item_t>{2, 4});
  CHECK(list(split.validation.history(0)) == std::vector<item_t>{0, 1});
  CHECK(list(split.validation.whole_history(1)) == std::vector<item_t>{3, 4, 5});

  CHECK(split.test.name == "test");
  CHECK(split.test.size() == 2);
  CHECK(split.test.targets == std::vector<item_t>{3, 5});
  CHECK(list(split.test.history(0)) == std::vector<item_t>{0, 1, 2});
  CHECK(list(split.test.history(1)) == std::vector<item_t>{3, 4});

  CHECK(describe(split) ==
        "leave-one-out of small: 6 training events of 4 users, 2 validation and 2 test targets, "
        "none of which stands in its own history, 2 users with under three events train only, hash " +
            split.hash());
}

TEST_CASE("a user may have several held-out events") {
  const Dataset data = seqrec_test::dataset_of({{0, 1, 2, 3}, {4, 5}});
  HeldOut part{"test", std::make_shared<const Dataset>(data), {}, {}, {}};
  part.add(0, 2);
  part.add(0, 3);
  part.add(1, 1);
  CHECK(part.size() == 3);
  CHECK(part.targets == std::vector<item_t>{2, 3, 5});
  CHECK(list(part.history(0)) == std::vector<item_t>{0, 1});
  CHECK(list(part.history(1)) == std::vector<item_t>{0, 1, 2});
  CHECK(list(part.whole_history(0)) == list(part.whole_history(1)));
}

TEST_CASE("a split's hash changes with its data and with what is held out") {
  const Dataset data = seqrec_test::dataset_of({{0, 1, 2, 3}, {3, 2, 1}});
  const Dataset swapped = seqrec_test::dataset_of({{0, 1, 3, 2}, {3, 2, 1}});
  Split split = leave_one_out(data);
  const std::string hash = split.hash();
  CHECK(leave_one_out(data).hash() == hash);
  CHECK(leave_one_out(swapped).hash() != hash);
  split.train_lengths[0] = 1;
  CHECK(split.hash() != hash);
}

TEST_CASE("a split that would hold nothing out is refused") {
  const Dataset empty;
  CHECK_THAT(seqrec_test::message_of<DataError>([&] { leave_one_out(empty); }), ContainsSubstring("is empty"));
  const Dataset short_ones = seqrec_test::dataset_of({{0, 1}, {1}});
  CHECK(seqrec_test::message_of<DataError>([&] { leave_one_out(short_ones); }) ==
        "small: none of 2 users has three events, leave-one-out needs one for each of train, validation, test");
}

TEST_CASE("a split and its parts keep their data set: whoever returns only one of them returns both") {
  const std::vector<std::vector<std::int64_t>> histories = {{0, 1, 2, 3}, {3, 2, 1}};
  const auto only_the_split = [&] {
    Dataset data = seqrec_test::dataset_of(histories);
    return leave_one_out(std::move(data));
  };
  const auto only_the_test = [&] { return only_the_split().test; };
  const Split split = only_the_split();
  const HeldOut test = only_the_test();
  CHECK(split.data->name == "small");
  CHECK(split.hash() == leave_one_out(seqrec_test::dataset_of(histories)).hash());
  CHECK(list(split.train_history(0)) == std::vector<item_t>{0, 1});
  CHECK(list(test.history(0)) == std::vector<item_t>{0, 1, 2});
  CHECK(list(test.whole_history(1)) == std::vector<item_t>{3, 2, 1});
}

TEST_CASE("a split shares the data set it is given, takes one that is moved, and copies one with a name") {
  const auto shared = std::make_shared<const Dataset>(seqrec_test::dataset_of({{0, 1, 2}}));
  const Split split = leave_one_out(shared), copy = split;
  CHECK(split.data == shared);
  CHECK(copy.data == shared);
  CHECK(split.validation.data == shared);
  CHECK(split.test.data == shared);

  Dataset data = *shared;
  const item_t* const items = data.items.data();
  CHECK(leave_one_out(data).data->items.data() != items);
  const Split moved = leave_one_out(std::move(data));
  CHECK(moved.data->items.data() == items);
  CHECK(seqrec_test::message_of<ArgumentError>([] { leave_one_out(std::shared_ptr<const Dataset>()); }) ==
        "leave-one-out data is null, expected a data set");
}

TEST_CASE("a split says how many of its test targets are repeats, and warns of many") {
  const auto described = [](const std::vector<std::vector<std::int64_t>>& histories) {
    return describe(leave_one_out(seqrec_test::dataset_of(histories)));
  };
  std::vector<std::vector<std::int64_t>> histories(97, {0, 1, 2});
  CHECK_THAT(described(histories), ContainsSubstring("97 test targets, none of which stands in its own history, 0 "));
  for (int i = 0; i < 3; ++i) histories.push_back({3, 4, 3});
  CHECK_THAT(described(histories),
             ContainsSubstring("100 test targets, 3.0 % of which stand in their own history, 0 ") &&
                 !ContainsSubstring("WARNING"));
  for (int i = 0; i < 3; ++i) histories.push_back({3, 4, 4});
  CHECK_THAT(described(histories), ContainsSubstring(" 5.8 % of which ") &&
                                       ContainsSubstring("\nWARNING: these users take the same items again.") &&
                                       ContainsSubstring("SeenItems::ranked"));
}

TEST_CASE("repeats are counted as by loops, whatever the order of a user's events") {
  const auto data = std::make_shared<const Dataset>(seqrec_test::random_dataset(30, 12, 20, 3));
  HeldOut part{"test", data, {}, {}, {}};
  CHECK(share_of_repeats(part) == 0);
  for (index_t user = 1; user < 30; ++user)
    for (index_t position = 0; position < std::ssize(data->history(user)); ++position)
      part.add(user, user % 2 == 0 ? position : std::ssize(data->history(user)) - 1 - position);
  double repeats = 0;
  for (index_t i = 0; i < part.size(); ++i) {
    const auto history = part.history(i);
    repeats += std::find(history.begin(), history.end(), part.targets[static_cast<std::size_t>(i)]) != history.end();
  }
  REQUIRE(repeats > 20);
  CHECK(share_of_repeats(part) == repeats / static_cast<double>(part.size()));
}
