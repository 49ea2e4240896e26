// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/batches/batch_feed.hpp"

#include <array>
#include <type_traits>
#include <utility>
#include <vector>

#include "cuda/device_support.hpp"
#include "data/small_datasets.hpp"
#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/launch.cuh"
#include "seqrec/data/batches/batcher.hpp"
#include "seqrec/data/splits/split.hpp"
#include "support/catch.hpp"
#include "support/counting_space.hpp"

using namespace seqrec;
using seqrec_test::CountingSpace;

namespace {

template <class T, int Rank, class Space>
std::vector<std::remove_const_t<T>> numbers_in(const TensorView<T, Rank, Space>& values) {
  std::vector<std::remove_const_t<T>> host(static_cast<std::size_t>(values.size()));
  Memory<Space>::copy_to_host(host.data(), values.data, host.size() * sizeof(T));
  return host;
}

template <class T>
__global__ void copy_numbers(const T* source, T* target, index_t count) {
  for (index_t i = threadIdx.x; i < count; i += blockDim.x) target[i] = source[i];
}

/// Counts what it makes.
struct CountingBatcher {
  Batcher batcher;
  std::vector<std::array<index_t, 2>> made{};

  const BatchConstants& constants() const { return batcher.constants(); }
  const HostTrainingBatch& make(index_t epoch, index_t number, index_t targets = 0) {
    made.push_back({epoch, number});
    return batcher.make(epoch, number, targets);
  }
};

}  // namespace

TEMPLATE_TEST_CASE("a feed gives the batches that are asked for, whether or not they were sent ahead", "[data]",
                   CountingSpace, DeviceSpace) {
  const Dataset data = seqrec_test::random_dataset(23, 40, 12, 5);
  const Split split = leave_one_out(data);
  const BatcherOptions options{.batch_size = 6, .max_length = 7, .plan = {.negatives = 2}, .seed = 3};
  Batcher reference(split, options);
  CountingBatcher batcher{Batcher(split, options)};
  BatchFeed<TestType, CountingBatcher> feed(batcher);
  static_assert(decltype(feed)::runs_ahead);
  const typename Memory<TestType>::Stream stream{};
  const auto check = [&](const auto& placed, index_t epoch, index_t number) {
    const auto expected = reference.make(epoch, number).shard(0);
    CHECK(numbers_in(placed.shard(0).histories.items.values) == numbers_in(expected.histories.items.values));
    CHECK(numbers_in(placed.shard(0).next.items) == numbers_in(expected.next.items));
  };
  check(feed.batch(stream, 0, 0), 0, 0);
  {
    const auto present = feed.batch(stream, 0, 1);
    const auto items = present.shard(0).histories.items.values;
    const auto before = numbers_in(items);
    feed.send(stream, 0, 2);
    CHECK(numbers_in(items) == before);  // still at work
  }
  check(feed.batch(stream, 0, 2), 0, 2);
  using Made = std::vector<std::array<index_t, 2>>;
  CHECK(batcher.made == Made{{0, 0}, {0, 1}, {0, 2}});
  feed.send(stream, 1, 0);  // but another one is wanted
  check(feed.batch(stream, 1, 1), 1, 1);
  check(feed.batch(stream, 1, 1), 1, 1);  // what was taken is taken
  CHECK(batcher.made == Made{{0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1}, {1, 1}});
  feed.send(stream, 1, 2, 7);
  check(feed.batch(stream, 1, 2), 1, 2);  // of other targets
  CHECK(batcher.made.size() == 8);
}

TEST_CASE("a feed keeps a batch until all that was launched has read it", "[data][cuda]") {
  const Dataset data = seqrec_test::random_dataset(40, 40, 12, 5);
  const Split split = leave_one_out(data);
  const BatcherOptions options{.batch_size = 4, .max_length = 7, .token_budget = 1 << 20, .seed = 3};
  std::vector<item_t> expected;
  Batcher reference(split, options);
  REQUIRE(reference.steps_per_epoch() > 4);
  for (index_t step = 0; step < reference.steps_per_epoch(); ++step)
    for (const item_t item : numbers_in(reference.make(0, step).shard(0).histories.items.values))
      expected.push_back(item);
  const auto found = seqrec_test::same_under_three_schedules([&] {
    const cuda::Context context;
    Batcher batcher(split, options);
    BatchFeed<DeviceSpace, Batcher> feed(batcher);
    seqrec_test::DeviceVector<item_t> read(std::ssize(expected));
    index_t first = 0;
    for (index_t step = 0; step < batcher.steps_per_epoch(); ++step) {  // none of which the host waits for
      const auto items = feed.batch(context.stream(), 0, step).shard(0).histories.items.values;
      cuda::launch<copy_numbers<item_t>>(context, {1, 32}, items.data, read.view().data + first, items.size());
      first += items.size();
      if (step % 3 != 2 && step + 1 < batcher.steps_per_epoch()) feed.send(context.stream(), 0, step + 1);
    }
    context.synchronize();
    return read.to_host();
  });
  CHECK(found == expected);
}

TEST_CASE("a feed that failed to send gives what is asked for", "[data]") {
  const Dataset data = seqrec_test::random_dataset(23, 40, 12, 5);
  const Split split = leave_one_out(data);
  Batcher batcher(split, {.batch_size = 6});
  BatchFeed<CountingSpace, Batcher> feed(batcher);
  CHECK_THROWS_AS(feed.send({}, 0, 1000), ArgumentError);
  CHECK(feed.batch({}, 0, 1).num_shards() > 0);
}

TEST_CASE("a feed of the host is the batcher", "[data]") {
  const Dataset data = seqrec_test::random_dataset(23, 40, 12, 5);
  const Split split = leave_one_out(data);
  Batcher batcher(split, {.batch_size = 6});
  BatchFeed<HostSpace, Batcher> feed(batcher);
  static_assert(!decltype(feed)::runs_ahead);
  static_assert(std::is_same_v<decltype(feed.batch({}, 0, 1)), const HostTrainingBatch&>);
  CHECK(&feed.batch({}, 0, 1) == &batcher.make(0, 1));
}

TEST_CASE("a feed of batches whose sizes were seen before allocates nothing", "[data]") {
  const Dataset data = seqrec_test::random_dataset(23, 40, 12, 5);
  const Split split = leave_one_out(data);
  Batcher batcher(split, {.batch_size = 6});
  BatchFeed<CountingSpace, Batcher> feed(batcher);
  const auto run = [&] {
    for (index_t step = 0; step + 1 < batcher.steps_per_epoch(); ++step) {
      feed.batch({}, 0, step);
      feed.send({}, 0, step + 1);
    }
  };
  run();
  run();  // each of the two places has then had each size
  const int before = CountingSpace::allocations;
  run();
  CHECK(CountingSpace::allocations == before);
}
