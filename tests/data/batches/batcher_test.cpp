// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/batches/batcher.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <type_traits>
#include <utility>
#include <vector>

#include "data/small_datasets.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::values_of;

namespace {

/// Everything a batch holds, as one list of numbers.
std::vector<std::int64_t> contents(const HostTrainingBatch& batch) {
  std::vector<std::int64_t> all(batch.users().begin(), batch.users().end());
  const auto add = [&](const auto& view) {
    const auto values = values_of(view);
    all.insert(all.end(), values.begin(), values.end());
  };
  const auto add_index = [&](const RowIndex<HostSpace>& index) {
    add(index.order);
    add(index.rows);
    add(index.row_offsets);
  };
  for (index_t i = 0; i < batch.num_shards(); ++i) {
    const TrainingBatch<HostSpace> shard = batch.shard(i);
    all.insert(all.end(), {shard.histories.first_row, shard.histories.first_user, shard.histories.longest});
    add(shard.histories.items.values);
    add(shard.histories.items.offsets);
    add_index(shard.histories.item_index);
    add(shard.next.items);
    add_index(shard.next.index);
  }
  return all;
}

/// Whether the groups of an index say of each position which item stands there.
void check_index(const RowIndex<HostSpace>& index, const std::vector<std::int64_t>& items) {
  std::vector<std::int64_t> restored(items.size(), -1);
  for (index_t row = 0; row < index.rows.size(); ++row)
    for (offset_t k = index.row_offsets(row); k < index.row_offsets(row + 1); ++k)
      restored.at(static_cast<std::size_t>(index.order(k))) = index.rows(row);
  REQUIRE(restored == items);
}

}  // namespace

TEST_CASE("an epoch trains every position of every user with two training events once") {
  const auto negatives = GENERATE(index_t{0}, index_t{1}, index_t{3});
  const auto max_length = GENERATE(index_t{1}, index_t{6}, index_t{200});
  const Dataset data = seqrec_test::random_dataset(41, 60, 20, 5);
  const Split split = leave_one_out(data);
  Batcher batcher(
      split,
      {.batch_size = 7, .max_length = max_length, .plan = {.negatives = negatives}, .token_budget = 16, .seed = 3});
  index_t eligible = 0;
  for (index_t user = 0; user < data.num_users(); ++user) eligible += split.train_history(user).size() >= 2;
  REQUIRE(batcher.num_users() == eligible);
  REQUIRE(batcher.steps_per_epoch() == (eligible + 6) / 7);
  REQUIRE(eligible % 7 != 0);  // or the short last batch is not tested

  std::map<index_t, std::vector<std::int64_t>> inputs, targets;
  for (index_t step = 0; step < batcher.steps_per_epoch(); ++step) {
    const HostTrainingBatch& batch = batcher.make(2, step);
    const TrainingBatch<HostSpace> whole = batch.whole();
    REQUIRE(std::ssize(batch.users()) == std::min<index_t>(7, eligible - 7 * step));
    REQUIRE(whole.histories.rows() == batch.num_targets());
    REQUIRE(whole.next.items.columns() == 1 + negatives);
    REQUIRE(whole.loss_scale == 1.0 / static_cast<double>(batch.num_targets()));
    check_index(whole.histories.item_index, values_of(whole.histories.items.values));
    check_index(whole.next.index, values_of(whole.next.items));

    for (index_t i = 0; i < batch.num_shards(); ++i) {
      const TrainingBatch<HostSpace> shard = batch.shard(i);
      REQUIRE(shard.loss_scale == whole.loss_scale);
      REQUIRE(shard.next.items.rows() == shard.histories.rows());
      REQUIRE(shard.next.items.data == whole.next.items.row(shard.histories.first_row));
      check_index(shard.histories.item_index, values_of(shard.histories.items.values));
      check_index(shard.next.index, values_of(shard.next.items));
      const ListIndex<HostSpace> history_list = shard.histories.item_list(), next_list = shard.next.list();
      check_index(history_list.batch, values_of(whole.histories.items.values));
      check_index(next_list.batch, values_of(whole.next.items));
      REQUIRE(history_list.first == shard.histories.first_row);
      REQUIRE(next_list.first == shard.next.items.data - whole.next.items.data);
      for (index_t k = 0; k < shard.histories.users(); ++k) {
        const index_t user = batch.users().data()[shard.histories.first_user + k];
        REQUIRE(inputs[user].empty());
        inputs[user] = values_of(shard.histories.items[k]);
        const offset_t first = shard.histories.items.offsets(k);
        for (index_t row = 0; row < shard.histories.items.length(k); ++row) {
          targets[user].push_back(shard.next.items(first + row, 0));
          const auto train = split.train_history(user);
          for (index_t j = 1; j <= negatives; ++j)
            REQUIRE(std::find(train.begin(), train.end(), shard.next.items(first + row, j)) == train.end());
        }
      }
    }
  }
  for (index_t user = 0; user < data.num_users(); ++user) {
    const auto train = split.train_history(user);
    if (train.size() < 2) {
      REQUIRE_FALSE(inputs.contains(user));
      continue;
    }
    const index_t length = std::min<index_t>(std::ssize(train) - 1, max_length);
    REQUIRE(inputs[user] == std::vector<std::int64_t>(train.end() - length - 1, train.end() - 1));
    REQUIRE(targets[user] == std::vector<std::int64_t>(train.end() - length, train.end()));
  }
}

TEST_CASE("a batch is a function of seed, epoch and step alone") {
  const Dataset data = seqrec_test::random_dataset(50, 80, 15, 1);
  const Split split = leave_one_out(data);
  const BatcherOptions options{.batch_size = 8, .plan = {.negatives = 2}, .token_budget = 32, .seed = 11};
  Batcher straight(split, options), resumed(split, options),
      other(split, {.batch_size = 8, .plan = {.negatives = 2}, .seed = 12});
  std::vector<std::vector<std::int64_t>> seen;
  for (index_t epoch = 0; epoch < 3; ++epoch)
    for (index_t step = 0; step < straight.steps_per_epoch(); ++step)
      seen.push_back(contents(straight.make(epoch, step)));
  CHECK(std::set<std::vector<std::int64_t>>(seen.begin(), seen.end()).size() == seen.size());

  const index_t steps = straight.steps_per_epoch();
  for (index_t k = 3 * steps - 1; k >= 0; --k)  // backwards: nothing is left over from earlier calls
    REQUIRE(contents(resumed.make(k / steps, k % steps)) == seen.data()[k]);
  CHECK(contents(other.make(0, 0)) != seen[0]);
}

TEST_CASE("a user's negatives do not depend on the batch it is in") {
  const Dataset data = seqrec_test::random_dataset(30, 50, 12, 2);
  const Split split = leave_one_out(data);
  const auto negatives_by_user = [&](index_t batch_size) {
    Batcher batcher(split, {.batch_size = batch_size, .plan = {.negatives = 2}, .seed = 4});
    std::map<index_t, std::vector<std::int64_t>> negatives;
    for (index_t step = 0; step < batcher.steps_per_epoch(); ++step) {
      const HostTrainingBatch& batch = batcher.make(5, step);
      const TrainingBatch<HostSpace> whole = batch.whole();
      for (index_t k = 0; k < whole.histories.users(); ++k)
        negatives[batch.users().data()[k]] =
            values_of(whole.next.items.row_range(whole.histories.items.offsets(k), whole.histories.items.length(k)));
    }
    return negatives;
  };
  CHECK(negatives_by_user(3) == negatives_by_user(29));
}

TEST_CASE("a long history gives another window each epoch, and every one is equally likely") {
  // Users with 15 training events, of which 10 windows of 6 can be had, with 7, with 6 and with 3.
  Dataset data = seqrec_test::dataset_of({{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
                                          {20, 21, 22, 23, 24, 25, 26, 27, 28},
                                          {30, 31, 32, 33, 34, 35, 36, 37},
                                          {40, 41, 42, 43, 44}});
  for (index_t event = 0; event < data.num_interactions(); ++event) data.times.push_back(1000 + event);
  const Split split = leave_one_out(data);
  BatcherOptions options{.batch_size = 3, .max_length = 5, .plan = {.negatives = 1, .times = true}, .seed = 2};
  options.random_windows = true;
  Batcher batcher(split, options), resumed(split, options);
  std::map<index_t, std::map<std::int64_t, int>> begins;
  const index_t epochs = 2000;
  for (index_t epoch = 0; epoch < epochs; ++epoch)
    for (index_t step = 0; step < 2; ++step) {
      const HostTrainingBatch& batch = batcher.make(epoch, step);
      const TrainingBatch<HostSpace> whole = batch.whole();
      REQUIRE(batcher.num_targets(epoch, step) == batch.num_targets());
      for (index_t k = 0; k < whole.histories.users(); ++k) {
        const index_t user = batch.users().data()[k];
        const offset_t first = whole.histories.items.offsets(k);
        const auto items = values_of(whole.histories.items[k]);
        REQUIRE(std::ssize(items) == std::min<index_t>(5, std::ssize(split.train_history(user)) - 1));
        ++begins[user][items[0]];
        for (std::size_t i = 0; i < items.size(); ++i) {  // items of a user ascend by one, as times do
          const auto row = first + static_cast<offset_t>(i);
          REQUIRE(items[i] == items[0] + static_cast<std::int64_t>(i));
          REQUIRE(whole.next.items(row, 0) == items[i] + 1);
          REQUIRE(whole.histories.times(row) - whole.histories.times(first) == static_cast<std::int64_t>(i));
        }
        REQUIRE(whole.histories.times(first) - 1000 ==
                data.offsets[static_cast<std::size_t>(user)] + items[0] - split.train_history(user)[0]);
      }
    }
  REQUIRE(begins[0].size() == 10);
  for (const auto& [begin, n] : begins[0]) CHECK(std::abs(n - 200) < 5 * std::sqrt(200.0));
  CHECK(begins[1].size() == 2);
  CHECK(begins[2].size() == 1);
  CHECK(begins[3].size() == 1);

  for (const index_t epoch : {index_t{7}, index_t{0}, index_t{3}}) {  // a function of seed, epoch and step
    const auto alone = contents(resumed.make(epoch, 1));
    CHECK(alone == contents(batcher.make(epoch, 1)));
  }
  options.max_length = 14;  // nobody has more: nothing is drawn
  Batcher whole(split, options);
  options.random_windows = false;
  CHECK(contents(Batcher(split, options).make(4, 0)) == contents(whole.make(4, 0)));
}

TEST_CASE("every user is equally likely at every place of the shuffled order") {
  const Dataset data = seqrec_test::random_dataset(6, 20, 10, 3);
  const Split split = leave_one_out(data);
  Batcher batcher(split, {.batch_size = 1, .plan = {.negatives = 0}});
  const index_t users = batcher.num_users();
  const int epochs = 4000;
  std::map<std::pair<index_t, index_t>, int> count;
  for (index_t epoch = 0; epoch < epochs; ++epoch)
    for (index_t step = 0; step < users; ++step) ++count[{step, batcher.make(epoch, step).users()[0]}];
  REQUIRE(std::ssize(count) == users * users);
  const double expected = epochs / static_cast<double>(users);
  for (const auto& [place_and_user, n] : count) CHECK(std::abs(n - expected) < 5 * std::sqrt(expected));
}

TEST_CASE("batcher options out of range are named") {
  const Dataset data = seqrec_test::dataset_of({{1, 2, 3, 4}, {1, 2, 3, 5}});
  const Split split = leave_one_out(data);
  const auto message = [&](const BatcherOptions& options) {
    return seqrec_test::message_of<ArgumentError>([&] { Batcher batcher(split, options); });
  };
  CHECK(message({.batch_size = 0}) == "batch_size is 0, expected a number of at least 1");
  CHECK(message({.max_length = 0}) == "max_length is 0, expected a number of at least 1");
  CHECK(message({.plan = {.negatives = -1}}) == "negatives is -1, expected a number from 0 to 2^31 - 2");
  CHECK(message({.token_budget = 0}) == "token_budget is 0, expected a number of at least 1");

  Batcher batcher(split, {});
  CHECK_THROWS_AS(batcher.make(0, 1), ArgumentError);
  CHECK_THROWS_AS(batcher.make(0, -1), ArgumentError);
  CHECK_THROWS_AS(batcher.make(-1, 0), ArgumentError);
  CHECK_THROWS_AS(batcher.make(index_t{1} << 32, 0), ArgumentError);
  Batcher greedy(split, {.plan = {.negatives = 2'000'000'000}});
  CHECK_THAT(seqrec_test::message_of<ArgumentError>([&] { greedy.make(0, 0); }),
             ContainsSubstring("use smaller batches or fewer negatives"));
  Batcher sharing(split, {.plan = {.negatives = 2'000'000'000, .sharing = NegativeSharing::per_user}});
  CHECK_THAT(seqrec_test::message_of<ArgumentError>([&] { sharing.make(0, 0); }),
             ContainsSubstring("negatives of all users is 4000000000"));
}

TEST_CASE("data without a next item to learn are refused") {
  const Dataset data = seqrec_test::dataset_of({{1, 2, 3}, {4}});
  const Split split = leave_one_out(data);
  CHECK(seqrec_test::message_of<DataError>([&] { Batcher batcher(split, {}); }) ==
        "small: no user has two training events, so there is no next item to learn");
}

TEST_CASE("a user who has seen every item matters only where negatives are drawn") {
  const Dataset data = seqrec_test::dataset_of({{1, 2, 3, 1, 2}});
  const Split split = leave_one_out(data);
  CHECK(seqrec_test::message_of<DataError>([&] { Batcher(split, {.plan = {.negatives = 1}}); }) ==
        "small: all 1 users with two training events have all items, or nearly all popularity, in training: no "
        "negative is left to draw for anybody");
  CHECK_NOTHROW(Batcher(split, {.plan = {.negatives = 0}}).make(0, 0));
  const NegativeSampling any{.reject_seen = false};
  CHECK_NOTHROW(Batcher(split, {.plan = {.negatives = 1, .sampling = any}}).make(0, 0));
}

TEST_CASE("one user who has seen every item takes no part, and all others do as without that user") {
  const Dataset data = seqrec_test::dataset_of({{0, 1, 2}, {3, 1, 2, 0, 1}, {1, 2, 0, 3}, {0, 1, 2, 3, 0, 1}});
  const Split split = leave_one_out(data);
  Batcher batcher(split, {.batch_size = 4, .plan = {.negatives = 2}});
  CHECK(batcher.num_users() == 2);  // user 0 has one training event
  CHECK(std::vector<index_t>(batcher.without_negatives().begin(), batcher.without_negatives().end()) ==
        std::vector<index_t>{3});
  const HostTrainingBatch& batch = batcher.make(0, 0);
  CHECK(std::set<index_t>(batch.users().begin(), batch.users().end()) == std::set<index_t>{1, 2});
  CHECK(Batcher(split, {.plan = {.negatives = 0}}).num_users() == 3);
}

TEST_CASE("distinct negatives above what a user has left are refused before any batch is made") {
  const Dataset data = seqrec_test::dataset_of({{0, 1, 2, 3}, {3, 1, 2, 0, 1}, {1, 4, 5, 0, 3}});
  const Split split = leave_one_out(data);
  const auto options = [](index_t negatives, NegativeSharing sharing, bool reject_seen = true) {
    return BatcherOptions{
        .batch_size = 4,
        .plan = {
            .negatives = negatives, .sharing = sharing, .sampling = {.reject_seen = reject_seen, .distinct = true}}};
  };
  for (const NegativeSharing sharing : {NegativeSharing::per_position, NegativeSharing::per_user}) {
    CHECK_NOTHROW(Batcher(split, options(3, sharing)).make(0, 0));
    CHECK(
        seqrec_test::message_of<DataError>([&] { Batcher(split, options(4, sharing)); }) ==
        "small: user 1 has 3 items left to draw, expected at least the 4 negatives of a list that are to be distinct");
  }
  Batcher batcher(split, options(3, NegativeSharing::per_user));
  const HostTrainingBatch& batch = batcher.make(0, 0);
  const auto shared = batch.whole().next.shared;
  for (index_t user = 0; user < 3; ++user)
    CHECK(std::set<item_t>{shared(3 * user), shared(3 * user + 1), shared(3 * user + 2)}.size() == 3);
  CHECK_NOTHROW(Batcher(split, options(6, NegativeSharing::per_batch, false)).make(0, 0));
  CHECK_THROWS_AS(Batcher(split, options(7, NegativeSharing::per_batch, false)), DataError);
  BatcherOptions clicks = options(5, NegativeSharing::in_batch, false);
  clicks.plan.clicks = true;
  CHECK_NOTHROW(Batcher(split, clicks).make(0, 0));
  clicks.plan.negatives = 6;  // the target is never its own negative
  CHECK_THROWS_WITH(Batcher(split, clicks),
                    ContainsSubstring("user 0 has 5 items left to draw, expected at least the 6"));
}

static_assert(!std::is_constructible_v<Batcher, Split, BatcherOptions>, "a temporary split would dangle");
