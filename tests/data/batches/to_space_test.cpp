// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/batches/to_space.hpp"

#include <cstddef>
#include <type_traits>
#include <vector>

#include "cuda/device_support.hpp"
#include "data/small_datasets.hpp"
#include "seqrec/data/batches/batcher.hpp"
#include "seqrec/data/batches/ranking_batch.hpp"
#include "support/catch.hpp"
#include "support/counting_space.hpp"

using namespace seqrec;
using seqrec_test::CountingSpace;

namespace {

using Bytes = std::vector<std::byte>;

/// The bytes of a dense view in any space.
template <class T, int Rank, class Space>
Bytes bytes_of(const TensorView<T, Rank, Space>& view) {
  Bytes bytes(static_cast<std::size_t>(view.size()) * sizeof(T));
  if (view) Memory<Space>::copy_to_host(bytes.data(), view.data, bytes.size());
  return bytes;
}

/// Calls visit(view) for every view of a batch.
struct Views {
  template <class T, int Rank, class Space, class Visit>
  static void of(const TensorView<T, Rank, Space>& view, Visit visit) {
    visit(view);
  }
  template <class T, class Space, class Visit>
  static void of(const Jagged<T, Space>& lists, Visit visit) {
    visit(lists.values);
    visit(lists.offsets);
  }
  template <class Space, class Visit>
  static void of(const RowIndex<Space>& index, Visit visit) {
    visit(index.order);
    visit(index.rows);
    visit(index.row_offsets);
  }
  template <class Space, class Visit>
  static void of(const Batch<Space>& batch, Visit visit) {
    of(batch.items, visit);
    of(batch.item_index, visit);
    of(batch.batch_item_index, visit);
    visit(batch.profiles);
    of(batch.features.of_users, visit);
    of(batch.features.of_items, visit);
    visit(batch.times);
  }
  template <class Space, class Visit>
  static void of(const Candidates<Space>& candidates, Visit visit) {
    of(candidates.items, visit);
    visit(candidates.visible);
    of(candidates.index, visit);
    of(candidates.batch_index, visit);
  }
  template <class Space, class Visit>
  static void of(const TrainingBatch<Space>& batch, Visit visit) {
    of(batch.histories, visit);
    visit(batch.next.items);
    of(batch.next.index, visit);
    of(batch.next.batch_index, visit);
    visit(batch.next.shared);
    visit(batch.next.shared_offsets);
    of(batch.next.shared_index, visit);
    of(batch.next.batch_shared_index, visit);
    visit(batch.next.log_probability);
    of(batch.clicks.candidates, visit);
    visit(batch.clicks.labels);
  }
  template <class Space, class Visit>
  static void of(const RankingBatch<Space>& batch, Visit visit) {
    of(batch.histories, visit);
    visit(batch.targets);
    of(batch.exclusions, visit);
    of(batch.candidates, visit);
  }
};

template <class AnyBatch>
std::vector<Bytes> contents(const AnyBatch& batch) {
  std::vector<Bytes> all;
  Views::of(batch, [&](const auto& view) { all.push_back(bytes_of(view)); });
  return all;
}
template <class AnyBatch>
std::vector<const void*> places(const AnyBatch& batch) {
  std::vector<const void*> all;
  Views::of(batch, [&](const auto& view) { all.push_back(view.data); });
  return all;
}

template <class Space>
std::vector<index_t> numbers(const Batch<Space>& batch) {
  return {batch.first_row,
          batch.first_user,
          batch.longest,
          batch.rows(),
          batch.users(),
          batch.features.user_categories,
          batch.features.item_categories};
}
template <class Space>
std::vector<index_t> numbers(const Candidates<Space>& candidates) {
  return {candidates.first_candidate, candidates.window, candidates.pairs, candidates.size()};
}

/// Equal contents in memory of the other space, null views null.
template <class HostBatch, class Space>
void check_placed(const HostBatch& host, BatchTarget<Space>& target) {
  const auto placed = to<Space>(host, target);
  REQUIRE(placed.num_shards() == host.num_shards());
  for (index_t i = 0; i < host.num_shards(); ++i) {
    const auto here = host.shard(i);
    const auto there = placed.shard(i);
    CHECK(contents(there) == contents(here));
    CHECK(numbers(there.histories) == numbers(here.histories));
    const auto at_home = places(here), away = places(there);
    for (std::size_t v = 0; v < at_home.size(); ++v) {
      CHECK((away[v] == nullptr) == (at_home[v] == nullptr));
      if (away[v] != nullptr) CHECK(away[v] != at_home[v]);
    }
  }
}

struct Fixture {
  Dataset data = seqrec_test::random_dataset(23, 40, 12, 5);

  Fixture() {
    std::vector<std::vector<std::string>> of_users, of_items;
    for (index_t user = 0; user < data.num_users(); ++user) of_users.push_back({user % 3 == 0 ? "old" : "young"});
    for (index_t item = 0; item < data.num_items(); ++item) of_items.push_back({"a", item % 2 == 0 ? "b" : "c"});
    data.user_features = make_feature_table(of_users);
    data.item_features = make_feature_table(of_items);
    for (index_t event = 0; event < data.num_interactions(); ++event) data.times.push_back(1000000000000 + event);
  }
};

constexpr BatchPlan everything{
    .negatives = 3, .sampling = {.popularity_exponent = 0.5}, .log_probability = true, .clicks = true, .times = true};
constexpr BatchPlan shared_by_user{.negatives = 3, .sharing = NegativeSharing::per_user};
constexpr BatchPlan shared_by_batch{
    .negatives = 3, .sharing = NegativeSharing::per_batch, .sampling = {.reject_seen = false}};

std::vector<RankingRequest> requests_of(const Dataset& data, const std::vector<item_t>& candidates) {
  std::vector<RankingRequest> requests;
  for (index_t user = 0; user < data.num_users(); ++user)
    requests.push_back(
        {data.history(user), data.history(user).back(), data.history(user), candidates, static_cast<user_t>(user)});
  return requests;
}

}  // namespace

TEMPLATE_TEST_CASE("training batches reach another space whole", "[data]", CountingSpace, DeviceSpace) {
  const Fixture f;
  const Split split = leave_one_out(f.data);
  for (const BatchPlan& plan : {everything, shared_by_user, shared_by_batch}) {
    Batcher batcher(split, {.batch_size = 9, .max_length = 7, .plan = plan, .token_budget = 10, .seed = 3});
    BatchTarget<TestType> target(batcher.constants());
    for (index_t step = 0; step < batcher.steps_per_epoch(); ++step) {
      const HostTrainingBatch& batch = batcher.make(0, step);
      check_placed(batch, target);
      const auto placed = to<TestType>(batch, target);
      const TrainingBatch<HostSpace> here = batch.shard(0);
      const TrainingBatch<TestType> there = placed.shard(0);
      CHECK(there.loss_scale == here.loss_scale);
      CHECK(there.clicks.loss_scale == here.clicks.loss_scale);
      CHECK(numbers(there.clicks.candidates) == numbers(here.clicks.candidates));
    }
  }
}

TEMPLATE_TEST_CASE("ranking batches reach another space whole", "[data]", CountingSpace, DeviceSpace) {
  const Fixture f;
  HostRankingBatch batch({f.data.num_items(), 7, 10}, known_features(f.data));
  BatchTarget<TestType> target(batch.constants());
  for (const std::vector<item_t>& candidates : {std::vector<item_t>{}, std::vector<item_t>{3, 1, 4}}) {
    batch.pack(requests_of(f.data, candidates));
    check_placed(batch, target);
    CHECK(numbers(to<TestType>(batch, target).shard(1).candidates) == numbers(batch.shard(1).candidates));
  }
  batch.pack({});
  CHECK(to<TestType>(batch, target).num_shards() == 0);
}

TEST_CASE("what lies in another space is found on the host", "[data]") {
  const Fixture f;
  const Split split = leave_one_out(f.data);
  Batcher batcher(split, {.batch_size = 9, .plan = everything});
  BatchTarget<DeviceSpace> target(batcher.constants());
  const HostTrainingBatch& batch = batcher.make(0, 0);
  const auto placed = to<DeviceSpace>(batch, target);
  const auto here = batch.shard(0).histories.batch_item_index.rows;
  const auto found = placed.on_host(placed.shard(0).histories.batch_item_index.rows);
  CHECK(found.data == here.data);
  CHECK(found.size() == here.size());
  CHECK(placed.on_host(VectorView<const item_t, DeviceSpace>{}).data == nullptr);
}

TEST_CASE("on the host a batch stays where it is", "[data]") {
  const Fixture f;
  const Split split = leave_one_out(f.data);
  Batcher batcher(split, {.batch_size = 9});
  BatchTarget<HostSpace> target(batcher.constants());
  const HostTrainingBatch& batch = batcher.make(0, 0);
  CHECK(&to<HostSpace>(batch, target) == &batch);
  static_assert(std::is_same_v<decltype(to<HostSpace>(batch, target)), const HostTrainingBatch&>);
}

TEST_CASE("a target takes batches of sizes seen before without allocating", "[data]") {
  const Fixture f;
  const Split split = leave_one_out(f.data);
  const int held = CountingSpace::held;
  {
    Batcher batcher(split, {.batch_size = 9, .max_length = 7, .plan = everything, .token_budget = 10, .seed = 3});
    BatchTarget<CountingSpace> target(batcher.constants());
    const auto run = [&] {
      for (index_t step = 0; step < batcher.steps_per_epoch(); ++step) to<CountingSpace>(batcher.make(0, step), target);
    };
    run();
    const int before = CountingSpace::allocations;
    run();
    CHECK(CountingSpace::allocations == before);
    CHECK(CountingSpace::held > held);
  }
  CHECK(CountingSpace::held == held);
}

TEST_CASE("a target is for the batches whose constants it holds", "[data]") {
  const Fixture f, other;
  const Split split = leave_one_out(f.data);
  Batcher batcher(split, {.batch_size = 9});
  BatchTarget<CountingSpace> target({known_features(other.data), {}});
  CHECK_THAT(seqrec_test::message_of<ArgumentError>([&] { to<CountingSpace>(batcher.make(0, 0), target); }),
             ContainsSubstring("refers to other features or probabilities than its target"));
}
