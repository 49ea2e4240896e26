// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/splits/split.hpp"

#include <type_traits>
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
        "2 users with under three events train only, hash " +
            split.hash());
}

TEST_CASE("a user may have several held-out events") {
  const Dataset data = seqrec_test::dataset_of({{0, 1, 2, 3}, {4, 5}});
  HeldOut part{"test", &data, {}, {}, {}};
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

template <class Data>
concept Splittable = requires(Data data) {
  leave_one_out(static_cast<Data>(data));
};
static_assert(Splittable<const Dataset&> && Splittable<Dataset&>);
static_assert(!Splittable<Dataset&&>, "a temporary data set would dangle");
