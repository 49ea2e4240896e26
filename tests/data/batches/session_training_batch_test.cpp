// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/batches/session_training_batch.hpp"

#include <vector>

#include "data/small_datasets.hpp"
#include "seqrec/data/batches/to_space.hpp"
#include "support/catch.hpp"
#include "support/counting_space.hpp"

using namespace seqrec;
using seqrec_test::message_of;
using seqrec_test::values_of;
using Numbers = std::vector<std::int64_t>;

TEST_CASE("a step's rows have one event each, and all share its targets and what was sampled", "[data]") {
  HostSessionBatch batch({.num_items = 9, .max_length = 1, .token_budget = 2});
  const std::vector<SessionRow> rows = {{1, 2, -1}, {3, 4, 0}, {5, 2, 2}};
  batch.pack(rows, std::vector<item_t>{8, 4});
  REQUIRE(batch.num_shards() == 2);
  CHECK(batch.num_targets() == 3);
  const SessionBatch<HostSpace> first = batch.shard(0), second = batch.shard(1);
  CHECK(values_of(first.training.histories.items.values) == Numbers{1, 3});
  CHECK(values_of(first.training.histories.offsets()) == Numbers{0, 1, 2});
  CHECK(first.training.histories.longest == 1);
  CHECK(values_of(first.training.next.items) == Numbers{2, 4});
  CHECK(values_of(first.training.next.shared) == Numbers{2, 4, 2, 8, 4});
  CHECK(!first.training.next.shared_offsets);
  CHECK(values_of(first.carried) == Numbers{-1, 0});
  CHECK(first.training.loss_scale == 1.0 / 3);
  CHECK(second.training.histories.first_row == 2);
  CHECK(values_of(second.training.histories.items.values) == Numbers{5});
  CHECK(values_of(second.training.next.items) == Numbers{2});
  CHECK(values_of(second.training.next.shared) == Numbers{2, 4, 2, 8, 4});
  CHECK(values_of(second.carried) == Numbers{2});
  CHECK(values_of(first.training.next.index.rows) == Numbers{2, 4});
  CHECK(values_of(second.training.next.index.order) == Numbers{0});
  CHECK(values_of(second.training.next.shared_index.rows) == Numbers{2, 4, 8});
  CHECK(values_of(second.training.next.shared_index.order) == Numbers{0, 2, 1, 4, 3});
  CHECK(values_of(first.training.histories.item_index.rows) == Numbers{1, 3});
}

TEST_CASE("a step travels to another space in one piece", "[data]") {
  using OtherSpace = seqrec_test::CountingSpace;
  const std::vector<float> log_probability(9, -1.5F);
  HostSessionBatch batch({.num_items = 9, .max_length = 1, .token_budget = 2},
                         {{}, {log_probability.data(), std::ssize(log_probability)}});
  batch.pack(std::vector<SessionRow>{{1, 2, -1}, {3, 4, 0}, {5, 2, 2}}, std::vector<item_t>{8});
  BatchTarget<OtherSpace> target(batch.constants());
  const auto placed = to<OtherSpace>(batch, target);
  REQUIRE(placed.num_shards() == 2);
  for (const index_t i : {0, 1}) {
    const auto there = placed.shard(i);
    const auto here = batch.shard(i);
    CHECK(values_of(there.carried) == values_of(here.carried));
    CHECK(there.carried.data != here.carried.data);
    CHECK(values_of(there.training.next.shared) == values_of(here.training.next.shared));
    CHECK(there.training.next.log_probability.data == target.log_probability().data);
  }
}

TEST_CASE("what no step can have is named", "[data][errors]") {
  HostSessionBatch batch({.num_items = 9, .max_length = 1});
  const auto message = [&](const std::vector<SessionRow>& rows, const std::vector<item_t>& more) {
    return message_of<DataError>([&] { batch.pack(rows, more); });
  };
  CHECK_THAT(message({{1, 9, -1}}, {}),
             ContainsSubstring("session batch: next item 9 is beyond the model's table, expected 0 to 8"));
  CHECK_THAT(message({{1, 2, -1}}, {-1}), ContainsSubstring("session batch: negative -1 is beyond"));
  CHECK_THAT(message({{9, 2, -1}}, {}), ContainsSubstring("item id 9 at event 0 is beyond the model's table"));
}
