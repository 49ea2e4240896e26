// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/batches/training_batch.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
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
    for (index_t item = 0; item < data.num_items(); ++item) total += std::exp(double{next.log_probability(item)});
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
