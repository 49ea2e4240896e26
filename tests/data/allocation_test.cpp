// SPDX-License-Identifier: Apache-2.0
// What is repeated every step must not allocate: this file counts every `new` of its executable.
#include <cstddef>
#include <span>
#include <vector>

#include "data/small_datasets.hpp"
#include "seqrec/data/batches/batcher.hpp"
#include "seqrec/data/batches/ranking_batch.hpp"
#include "seqrec/data/batches/session_batcher.hpp"
#include "seqrec/data/splits/session_split.hpp"
#include "support/catch.hpp"
#include "support/counting_new.hpp"

using namespace seqrec;
using seqrec_test::allocations;

TEST_CASE("making batches of sizes seen before allocates nothing") {
  const Dataset data = seqrec_test::random_dataset(60, 90, 25, 5);
  const Split split = leave_one_out(data);
  const BatchPlan plan = GENERATE(
      BatchPlan{.negatives = 2, .clicks = true},
      BatchPlan{
          .negatives = 2, .sharing = NegativeSharing::in_batch, .sampling = {.popularity_exponent = 1}, .clicks = true},
      BatchPlan{.negatives = 2, .sharing = NegativeSharing::per_user});
  const std::size_t before_construction = allocations;
  Batcher batcher(split, {.batch_size = 9, .plan = plan, .token_budget = 20});
  REQUIRE(allocations > before_construction);  // or nothing is being counted
  const auto run = [&] {
    for (index_t epoch = 0; epoch < 3; ++epoch)
      for (index_t step = 0; step < batcher.steps_per_epoch(); ++step) batcher.make(epoch, step);
  };
  run();
  const std::size_t before = allocations;
  run();
  CHECK(allocations - before == 0);
}

TEST_CASE("making the steps of sessions in lanes allocates nothing") {
  const Split split = session_split(seqrec_test::random_dataset(60, 90, 25, 5));
  SessionBatcher batcher(
      split, {.lanes = 9,
              .plan = {.negatives = 5, .sharing = NegativeSharing::per_batch, .sampling = {.reject_seen = false}},
              .shuffle = true,
              .token_budget = 4});
  const auto run = [&] {
    for (index_t epoch = 0; epoch < 3; ++epoch)
      for (index_t step = 0; step < batcher.steps_per_epoch(); ++step) batcher.make(epoch, step);
  };
  run();
  const std::size_t before = allocations;
  run();
  CHECK(allocations - before == 0);
}

TEST_CASE("repacking histories of sizes seen before allocates nothing") {
  const Dataset data = seqrec_test::random_dataset(300, 50, 30, 6);
  std::vector<std::span<const item_t>> histories;
  for (index_t user = 0; user < data.num_users(); ++user) histories.push_back(data.history(user));
  BatchBuilder packed({.num_items = data.num_items(), .max_length = 20, .token_budget = 64});
  packed.pack(histories);
  const std::size_t before = allocations;
  packed.pack(std::span(histories).first(200));
  packed.pack(histories);
  CHECK(allocations - before == 0);
}

TEST_CASE("packing ranking requests of sizes seen before allocates nothing") {
  const Dataset data = seqrec_test::random_dataset(300, 50, 30, 6);
  const std::vector<item_t> candidates = {1, 2, 3};
  std::vector<RankingRequest> full, sampled;
  for (index_t user = 0; user < data.num_users(); ++user) {
    full.push_back({data.history(user), 3, data.history(user), {}});
    sampled.push_back({data.history(user), -1, {}, candidates});
  }
  HostRankingBatch batch({.num_items = data.num_items(), .max_length = 20, .token_budget = 64});
  const auto run = [&] {
    batch.pack(full);
    batch.pack(sampled);
  };
  run();
  const std::size_t before = allocations;
  batch.pack(std::span(full).first(200));
  run();
  CHECK(allocations - before == 0);
}
