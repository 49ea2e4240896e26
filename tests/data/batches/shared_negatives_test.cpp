// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/batches/shared_negatives.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "data/small_datasets.hpp"
#include "seqrec/data/batches/batcher.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::values_of;
using Values = std::vector<std::int64_t>;

namespace {

constexpr index_t negatives = 5;

struct Fixture {
  Dataset data = seqrec_test::random_dataset(23, 40, 12, 5);
  Split split = leave_one_out(data);

  Batcher batcher(const BatchPlan& plan, std::uint64_t seed = 3) const {
    return Batcher(split, {.batch_size = 9, .max_length = 7, .plan = plan, .token_budget = 10, .seed = seed});
  }
};

/// Which item stands at each position of an indexed list.
Values restored(const RowIndex<HostSpace>& index) {
  Values items(static_cast<std::size_t>(index.order.size()), -1);
  for (index_t row = 0; row < index.rows.size(); ++row)
    for (offset_t k = index.row_offsets(row); k < index.row_offsets(row + 1); ++k)
      items.at(static_cast<std::size_t>(index.order(k))) = index.rows(row);
  return items;
}

}  // namespace

TEST_CASE("a batch may share its negatives", "[data]") {
  const Fixture f;
  const BatchPlan plan{
      .negatives = negatives, .sharing = NegativeSharing::per_batch, .sampling = {.reject_seen = false}};
  Batcher batcher = f.batcher(plan), again = f.batcher(plan), other = f.batcher(plan, 4);
  std::set<Values> lists;
  for (index_t epoch = 0; epoch < 2; ++epoch)
    for (index_t step = 0; step < batcher.steps_per_epoch(); ++step) {
      const HostTrainingBatch& batch = batcher.make(epoch, step);
      const NextItems<HostSpace> whole = batch.whole().next;
      CHECK(whole.items.columns() == 1);
      REQUIRE(whole.shared.size() == negatives);
      CHECK_FALSE(whole.shared_offsets);
      const Values items = values_of(whole.shared);
      CHECK(std::all_of(items.begin(), items.end(), [](auto item) { return item >= 0 && item < 40; }));
      for (index_t i = 0; i < batch.num_shards(); ++i) {
        const NextItems<HostSpace> shard = batch.shard(i).next;
        CHECK(shard.shared.data == whole.shared.data);  // once for all shards
        CHECK(restored(shard.shared_index) == items);
        CHECK(restored(shard.index) == values_of(shard.items));
      }
      CHECK(values_of(again.make(epoch, step).whole().next.shared) == items);
      CHECK(values_of(other.make(epoch, step).whole().next.shared) != items);
      lists.insert(items);
    }
  CHECK(static_cast<index_t>(lists.size()) == 2 * batcher.steps_per_epoch());  // no batch has another's
}

TEST_CASE("a batch's own next items may be its negatives", "[data]") {
  const Fixture f;
  const auto most = GENERATE(index_t{13}, index_t{1000});
  const BatchPlan plan{.negatives = most,
                       .sharing = NegativeSharing::in_batch,
                       .sampling = {.popularity_exponent = 1, .reject_seen = false},
                       .log_probability = true};
  Batcher batcher = f.batcher(plan), again = f.batcher(plan), other = f.batcher(plan, 4);
  std::map<std::int64_t, index_t> chosen;
  for (index_t step = 0; step < batcher.steps_per_epoch(); ++step) {
    const HostTrainingBatch& batch = batcher.make(0, step);
    const NextItems<HostSpace> whole = batch.whole().next;
    const Values next = values_of(whole.items), items = values_of(whole.shared);
    REQUIRE(std::ssize(items) == std::min(most, batch.num_targets()));
    if (most > batch.num_targets()) CHECK(items == next);
    auto place = next.begin();  // in their order, each position at most once
    for (const auto item : items) {
      place = std::find(place, next.end(), item);
      REQUIRE(place != next.end());
      ++place;
    }
    for (index_t i = 0; i < batch.num_shards(); ++i) {
      CHECK(batch.shard(i).next.shared.data == whole.shared.data);
      CHECK(restored(batch.shard(i).next.shared_index) == items);
    }
    CHECK(values_of(again.make(0, step).whole().next.shared) == items);
    if (most == 13) CHECK(values_of(other.make(0, step).whole().next.shared) != items);
    CHECK(whole.log_probability);
  }
}

TEST_CASE("each next item of a batch has the same chance to be a negative", "[data]") {
  const Fixture f;
  NegativeSampler sampler(f.split, 3);
  const std::vector<item_t> next = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  std::vector<item_t> few(3);
  std::vector<int> count(10, 0);
  for (index_t step = 0; step < 2000; ++step) {
    sampler.choose(0, step, next, {few.data(), 3});
    for (const item_t item : few) ++count[static_cast<std::size_t>(item)];
  }
  for (const int times : count) CHECK(std::abs(times - 600) < 5 * 21);  // sqrt(2000 .3 .7) = 20.5
}

TEST_CASE("a user's positions may share their negatives", "[data]") {
  const Fixture f;
  const BatchPlan plan{.negatives = negatives, .sharing = NegativeSharing::per_user};
  Batcher batcher = f.batcher(plan);
  std::map<index_t, Values> lists;
  for (index_t step = 0; step < batcher.steps_per_epoch(); ++step) {
    const HostTrainingBatch& batch = batcher.make(1, step);
    REQUIRE((step > 0 || batch.num_shards() > 1));
    const NextItems<HostSpace> whole = batch.whole().next;
    REQUIRE(whole.shared.size() == negatives * std::ssize(batch.users()));
    CHECK(restored(whole.shared_index) == values_of(whole.shared));
    for (index_t i = 0; i < batch.num_shards(); ++i) {
      const TrainingBatch<HostSpace> shard = batch.shard(i);
      const Jagged<const item_t, HostSpace> shared{shard.next.shared, shard.next.shared_offsets};
      REQUIRE(shared.segments() == shard.histories.users());
      CHECK(shard.next.longest_shared == negatives);
      CHECK(restored(shard.next.shared_index) == values_of(shared.values));
      CHECK(restored(shard.next.shared_list().batch) == values_of(whole.shared));
      CHECK(shard.next.shared_list().first == shared.values.data - whole.shared.data);
      CHECK_FALSE(shard.next.shared_list().shared);
      for (index_t k = 0; k < shared.segments(); ++k) {
        const index_t user = batch.users()[static_cast<std::size_t>(shard.histories.first_user + k)];
        lists[user] = values_of(shared[k]);
        REQUIRE(shared.length(k) == negatives);
        CHECK(lists[user] == values_of(Jagged<const item_t, HostSpace>{
                                 whole.shared, whole.shared_offsets}[shard.histories.first_user + k]));
        const auto history = f.split.train_history(user);
        for (const auto item : lists[user])
          CHECK(std::find(history.begin(), history.end(), item) == history.end());  // unseen
      }
    }
  }
  Batcher large(f.split, {.batch_size = 23, .max_length = 7, .plan = plan, .seed = 3});
  const HostTrainingBatch& batch = large.make(1, 0);  // who else is in the batch does not matter
  const NextItems<HostSpace> whole = batch.whole().next;
  for (index_t k = 0; k < std::ssize(batch.users()); ++k)
    CHECK(lists[batch.users()[static_cast<std::size_t>(k)]] ==
          values_of(Jagged<const item_t, HostSpace>{whole.shared, whole.shared_offsets}[k]));
}

TEST_CASE("nobody shares negatives where each position has its own, or there are none", "[data]") {
  const Fixture f;
  for (const BatchPlan& plan :
       {BatchPlan{.negatives = 3}, BatchPlan{.negatives = 0, .sharing = NegativeSharing::per_user}}) {
    Batcher batcher = f.batcher(plan);
    const NextItems<HostSpace> next = batcher.make(0, 0).shard(0).next;
    CHECK_FALSE(next.shared);
    CHECK_FALSE(next.shared_offsets);
    CHECK_FALSE(next.shared_index.order);
    CHECK(next.items.columns() == 1 + plan.negatives);
  }
}

TEST_CASE("shared negatives follow popularity where they are told to", "[data]") {
  const Fixture f;
  const BatchPlan plan{.negatives = 3000,
                       .sharing = NegativeSharing::per_batch,
                       .sampling = {.popularity_exponent = 1, .reject_seen = false},
                       .log_probability = true};
  Batcher batcher = f.batcher(plan);
  const NextItems<HostSpace> next = batcher.make(0, 0).whole().next;
  std::vector<double> count(40, 0.0);
  for (index_t i = 0; i < next.shared.size(); ++i) ++count[static_cast<std::size_t>(next.shared(i))];
  for (index_t item = 0; item < 40; ++item) {
    const double expected = 3000 * std::exp(static_cast<double>(next.log_probability(item)));
    CHECK(std::abs(count[static_cast<std::size_t>(item)] - expected) < 5 * std::sqrt(expected) + 1e-9);
  }
}
