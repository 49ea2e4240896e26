// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/batches/training_batch.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <set>
#include <span>
#include <vector>

#include "data/small_datasets.hpp"
#include "seqrec/data/batches/batcher.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::values_of;
using Values = std::vector<std::int64_t>;

TEST_CASE("clicks are the next items, each a question at its row of the history", "[data]") {
  const auto negatives = GENERATE(index_t{0}, index_t{1}, index_t{3});
  const auto window = GENERATE(index_t{0}, index_t{2});
  const Dataset data = seqrec_test::random_dataset(23, 40, 12, 5);
  const Split split = leave_one_out(data);
  Batcher batcher(split, {.batch_size = 9,
                          .max_length = 7,
                          .window = window,
                          .plan = {.negatives = negatives, .clicks = true},
                          .token_budget = 10,
                          .seed = 3});
  const index_t columns = 1 + negatives;
  for (index_t step = 0; step < batcher.steps_per_epoch(); ++step) {
    const HostTrainingBatch& batch = batcher.make(1, step);
    index_t candidates_so_far = 0, pairs_of_shards = 0;
    for (index_t s = 0; s < batch.num_shards(); ++s) {
      const TrainingBatch<HostSpace> shard = batch.shard(s);
      const Candidates<HostSpace>& candidates = shard.clicks.candidates;
      CHECK(values_of(candidates.items.values) == values_of(shard.next.items));
      REQUIRE(candidates.items.segments() == shard.histories.users());
      Values visible;
      index_t pairs = 0;
      for (index_t user = 0; user < shard.histories.users(); ++user) {
        CHECK(candidates.items.length(user) == shard.histories.items.length(user) * columns);
        for (index_t row = 0; row < shard.histories.items.length(user); ++row)
          for (index_t column = 0; column < columns; ++column) {
            visible.push_back(row + 1);
            pairs += window == 0 ? row + 1 : std::min(row + 1, window);
          }
      }
      CHECK(values_of(candidates.visible) == visible);
      CHECK(candidates.pairs == pairs);
      CHECK(candidates.first_candidate == candidates_so_far);
      CHECK(values_of(candidates.index.order) == values_of(shard.next.index.order));
      CHECK(candidates.window == (window == 0 ? shard.histories.longest : std::min(window, shard.histories.longest)));
      candidates_so_far += candidates.size();
      pairs_of_shards += pairs;
      for (index_t c = 0; c < candidates.size(); ++c)
        REQUIRE(shard.clicks.labels(c) == (c % columns == 0 ? 1.0f : 0.0f));
      CHECK(shard.clicks.loss_scale == Approx(shard.loss_scale / static_cast<double>(columns)).epsilon(1e-15));
    }
    const Clicks<HostSpace> whole = batch.whole().clicks;
    CHECK(whole.candidates.size() == candidates_so_far);
    CHECK(whole.candidates.pairs == pairs_of_shards);
    CHECK(whole.candidates.items.offsets(batch.whole().histories.users()) == candidates_so_far);
    CHECK(whole.loss_scale * static_cast<double>(candidates_so_far) == Approx(1.0));
  }
}

TEST_CASE("clicks may be about the other next items of the batch", "[data]") {
  const Dataset data = seqrec_test::random_dataset(23, 40, 12, 5);
  const Split split = leave_one_out(data);
  const bool reject_seen = GENERATE(true, false), distinct = GENERATE(false, true);
  constexpr index_t negatives = 2;
  const auto options = [&](index_t token_budget, std::uint64_t seed, index_t batch_size = 9) {
    return BatcherOptions{.batch_size = batch_size,
                          .max_length = 7,
                          .plan = {.negatives = negatives,
                                   .sharing = NegativeSharing::in_batch,
                                   .sampling = {.popularity_exponent = distinct ? 0.0 : 1.0,
                                                .reject_seen = reject_seen,
                                                .distinct = distinct},
                                   .clicks = true},
                          .token_budget = token_budget,
                          .seed = seed};
  };
  Batcher batcher(split, options(10, 3)), uncut(split, options(1000, 3)), other(split, options(10, 4));
  index_t from_batch = 0, from_catalogue = 0;
  for (index_t epoch = 0; epoch < 2; ++epoch)
    for (index_t step = 0; step < batcher.steps_per_epoch(); ++step) {
      const HostTrainingBatch& batch = batcher.make(epoch, step);
      REQUIRE((step > 0 || batch.num_shards() > 1));
      const TrainingBatch<HostSpace> whole = batch.whole();
      const NextItems<HostSpace>& next = whole.next;
      REQUIRE(next.items.columns() == 1 + negatives);
      CHECK_FALSE(next.shared);
      CHECK_FALSE(next.log_probability);
      std::vector<item_t> targets;
      for (index_t row = 0; row < next.items.rows(); ++row) targets.push_back(next.items(row, 0));
      for (index_t user = 0; user < whole.histories.users(); ++user) {
        const auto seen = split.train_history(batch.users()[static_cast<std::size_t>(user)]);
        for (index_t row = whole.histories.offsets()(user); row < whole.histories.offsets()(user + 1); ++row) {
          const item_t target = next.items(row, 0);
          const auto may_have = [&](item_t item) {
            return item != target && !(reject_seen && std::find(seen.begin(), seen.end(), item) != seen.end());
          };
          std::set<item_t> left;  // of the batch, that this position may have
          std::copy_if(targets.begin(), targets.end(), std::inserter(left, left.end()), may_have);
          for (index_t column = 1; column <= negatives; ++column) {
            const item_t item = next.items(row, column);
            REQUIRE(may_have(item));
            REQUIRE((left.empty() || left.count(item) == 1));
            ++(left.empty() ? from_catalogue : from_batch);
            if (!distinct) continue;
            left.erase(item);
            for (index_t before = 1; before < column; ++before) REQUIRE(next.items(row, before) != item);
          }
        }
      }
      Values of_shards;
      for (index_t i = 0; i < batch.num_shards(); ++i) {
        const TrainingBatch<HostSpace> shard = batch.shard(i);
        const Values items = values_of(shard.next.items);
        CHECK(values_of(shard.clicks.candidates.items.values) == items);
        of_shards.insert(of_shards.end(), items.begin(), items.end());
        for (index_t c = 0; c < shard.clicks.candidates.size(); ++c)
          REQUIRE(shard.clicks.labels(c) == (c % (1 + negatives) == 0 ? 1.0f : 0.0f));
      }
      const Values items = values_of(next.items);
      CHECK(of_shards == items);
      CHECK(values_of(uncut.make(epoch, step).whole().next.items) == items);
      CHECK(values_of(other.make(epoch, step).whole().next.items) != items);
    }
  CHECK(from_batch > 10 * from_catalogue);
  CHECK((from_catalogue > 0) == reject_seen);  // user 0 has had nearly all items

  Batcher alone(split, options(10, 3, 1));  // nothing else is in the batch, and the run goes on
  for (index_t step = 0; step < alone.steps_per_epoch(); ++step)
    CHECK(alone.make(0, step).whole().next.items.rows() > 0);
}

TEST_CASE("a loss can be a mean over the positions of several batches", "[data]") {
  const Dataset data = seqrec_test::random_dataset(23, 40, 12, 5);
  const Split split = leave_one_out(data);
  Batcher batcher(split, {.batch_size = 9, .max_length = 7, .plan = {.clicks = true}, .seed = 3});
  index_t targets = 0;
  for (index_t step = 0; step < batcher.steps_per_epoch(); ++step) {
    const index_t expected = batcher.num_targets(2, step);
    CHECK(batcher.make(2, step).num_targets() == expected);
    targets += expected;
  }
  const HostTrainingBatch& batch = batcher.make(2, 0, targets);
  CHECK(batch.whole().loss_scale == 1.0 / static_cast<double>(targets));
  CHECK(batch.whole().clicks.loss_scale == 0.5 / static_cast<double>(targets));
}

TEST_CASE("negatives come from where the options say", "[data]") {
  const Dataset data = seqrec_test::random_dataset(23, 40, 12, 5);
  const Split split = leave_one_out(data);
  const auto first_batch = [&](const NegativeSampling& sampling, auto look) {
    Batcher batcher(split, {.batch_size = 23,
                            .max_length = 9,
                            .plan = {.negatives = 5, .sampling = sampling, .log_probability = true},
                            .seed = 3});
    look(batcher.make(0, 0));
  };
  first_batch({}, [](const HostTrainingBatch& batch) { CHECK_FALSE(batch.whole().next.log_probability); });
  first_batch({.popularity_exponent = 1}, [&](const HostTrainingBatch& batch) {
    const NextItems<HostSpace> next = batch.whole().next;
    REQUIRE(next.log_probability.size() == data.num_items());
    double total = 0;
    for (index_t item = 0; item < data.num_items(); ++item)
      total += std::exp(static_cast<double>(next.log_probability(item)));
    CHECK(total == Approx(1).epsilon(1e-5));
    for (index_t row = 0; row < next.items.rows(); ++row)
      for (index_t column = 1; column < 6; ++column)
        REQUIRE(std::isfinite(next.log_probability(next.items(row, column))));  // what is never drawn was not drawn
    CHECK(batch.shard(0).next.log_probability.data == next.log_probability.data);
  });
  const auto seen_among_negatives = [&](const NegativeSampling& sampling) {
    index_t seen = 0;
    first_batch(sampling, [&](const HostTrainingBatch& batch) {
      const TrainingBatch<HostSpace> whole = batch.whole();
      for (index_t b = 0; b < whole.histories.users(); ++b) {
        const auto history = split.train_history(batch.users()[static_cast<std::size_t>(b)]);
        for (index_t row = whole.histories.offsets()(b); row < whole.histories.offsets()(b + 1); ++row)
          for (index_t column = 1; column < 6; ++column)
            seen += std::find(history.begin(), history.end(), whole.next.items(row, column)) != history.end();
      }
    });
    return seen;
  };
  CHECK(seen_among_negatives({}) == 0);
  CHECK(seen_among_negatives({.reject_seen = false}) > 0);
}

TEST_CASE("a batch holds what the plan names and not a byte more", "[data]") {
  const Dataset data = seqrec_test::random_dataset(23, 40, 12, 5);
  const Split split = leave_one_out(data);
  const auto bytes = [&](const BatchPlan& plan) {
    Batcher batcher(split, {.batch_size = 23, .max_length = 9, .plan = plan, .token_budget = 1000, .seed = 3});
    return static_cast<index_t>(batcher.make(0, 0).block().bytes());
  };
  Batcher batcher(split, {.batch_size = 23, .max_length = 9, .token_budget = 1000, .seed = 3});
  const index_t rows = batcher.num_targets(0, 0), users = batcher.num_users();
  const auto array = [](index_t size) { return round_up(4 * size, 64); };
  // Of the one shard, and of the batch.
  const auto index = [&](index_t entries) { return 2 * (2 * array(entries) + array(entries + 1)); };
  const index_t histories = array(rows) + array(users + 1) + index(rows);
  CHECK(bytes({.next_items = false, .negatives = 0, .next_index = false}) == histories);
  CHECK(bytes({.negatives = 0, .next_index = false}) == histories + array(rows));
  // 256 negatives: items and their inverse, no clicks
  const index_t many = array(257 * rows) + index(257 * rows);
  CHECK(bytes({.negatives = 256}) == histories + many);
  CHECK(bytes({.negatives = 256, .clicks = true}) == histories + many + array(users + 1) + 2 * array(257 * rows));
  CHECK(bytes({.negatives = 256, .sharing = NegativeSharing::per_batch, .sampling = {.reject_seen = false}}) ==
        histories + array(rows) + index(rows) + array(256) + index(256));

  const HostTrainingBatch& plain = batcher.make(0, 0);
  CHECK_FALSE(plain.shard(0).clicks.candidates);
  CHECK_FALSE(plain.shard(0).clicks.labels);
  CHECK_FALSE(plain.whole().clicks.candidates.visible);
  CHECK_FALSE(plain.shard(0).histories.times);
  Batcher full(split, {.plan = {.negatives = 0, .next_index = false}});
  CHECK_FALSE(full.make(0, 0).shard(0).next.index.order);
  CHECK(full.make(0, 0).shard(0).next.items);
}

TEST_CASE("a batch carries the times of its events where they are planned", "[data]") {
  Dataset data = seqrec_test::random_dataset(23, 40, 12, 5);
  const auto with_times = [&] {
    const Split split = leave_one_out(data);
    Batcher batcher(split, {.batch_size = 9, .max_length = 5, .plan = {.times = true}, .token_budget = 10, .seed = 3});
    const HostTrainingBatch& batch = batcher.make(0, 0);
    for (index_t i = 0; i < batch.num_shards(); ++i) {
      const Batch<HostSpace> histories = batch.shard(i).histories;
      REQUIRE(histories.times.size() == histories.rows());
      for (index_t k = 0; k < histories.users(); ++k) {
        const index_t user = batch.users()[static_cast<std::size_t>(histories.first_user + k)];
        const index_t end =
            data.offsets[static_cast<std::size_t>(user)] + split.train_lengths[static_cast<std::size_t>(user)] - 1;
        for (index_t row = 0; row < histories.items.length(k); ++row)
          REQUIRE(histories.times(histories.items.offsets(k) + row) ==
                  data.times[static_cast<std::size_t>(end - histories.items.length(k) + row)]);
      }
    }
  };
  CHECK(seqrec_test::message_of<DataError>(with_times) ==
        "small: plan times is true, expected a data set whose events have times, this one has none");
  for (index_t event = 0; event < data.num_interactions(); ++event) data.times.push_back(1000000000000 + 7 * event);
  with_times();
}

TEST_CASE("what does not make a training batch is refused", "[data]") {
  struct None {
    void draw(index_t, MatrixView<item_t, HostSpace>) const {}
    void draw_in_batch(std::span<const index_t>, std::span<const offset_t>, MatrixView<item_t, HostSpace>) const {}
    void draw_shared(VectorView<item_t, HostSpace>) const {}
    void choose(std::span<const item_t>, VectorView<item_t, HostSpace>) const {}
  };
  HostTrainingBatch batch({.num_items = 5, .max_length = 2}, {.negatives = 0, .times = true}, 0);
  const std::vector<item_t> history = {1, 2, 3}, next = {2, 3, 4}, beyond = {2, 3, 5};
  const std::vector<std::int64_t> times = {7, 8, 9};
  const auto message = [&](const TrainingUser& user) {
    return seqrec_test::message_of<Error>([&] { batch.pack({&user, 1}, None{}); });
  };
  const std::span<const item_t> two(next.data(), 2);
  CHECK(message({0, history, two, times}) ==
        "training user 0: next items are 2, expected 3, one for each event of the history");
  CHECK(message({0, history, next, {}}) ==
        "training user 0: times are 0, expected 3, one for each event of the history");
  CHECK(message({0, history, beyond, times}) ==
        "training user 0: next item 5 is beyond the model's table, expected 0 to 4");
  CHECK(message({0, beyond, next, times}) ==
        "history 0: item id 5 at event 2 is beyond the model's table, expected 0 to 4");
  const TrainingUser good{4, history, next, times};
  batch.pack({&good, 1}, None{});
  CHECK(values_of(batch.shard(0).next.items) == Values{3, 4});
  CHECK(values_of(batch.shard(0).histories.times) == Values{8, 9});
  CHECK(batch.users()[0] == 4);
  CHECK(seqrec_test::message_of<ArgumentError>([] { HostTrainingBatch({.num_items = 5}, {}, -1); }) ==
        "window is -1, expected a number of at least 0");
}
