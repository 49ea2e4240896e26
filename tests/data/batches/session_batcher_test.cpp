// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/batches/session_batcher.hpp"

#include <cmath>
#include <set>
#include <type_traits>
#include <vector>

#include "data/small_datasets.hpp"
#include "seqrec/data/splits/session_split.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::message_of;
using seqrec_test::values_of;
using Numbers = std::vector<std::int64_t>;

static_assert(!std::is_constructible_v<SessionBatcher, Split&&, const SessionBatcherOptions&>);

namespace {

/// Sessions 0 and 1 are trained on; items are called as they are numbered.
Split small_split() {
  return session_split(seqrec_test::dataset_of({{0, 1, 2, 1}, {2, 3}, {0, 1}, {1, 2, 3}}),
                       {.validation_share = 0.25, .test_share = 0.25});
}

BatchPlan plan(index_t negatives, double exponent = 0) {
  return {.negatives = negatives,
          .sharing = NegativeSharing::per_batch,
          .sampling = {.popularity_exponent = exponent, .reject_seen = false},
          .log_probability = true};
}

Numbers sampled(const HostSessionBatch& batch) {
  Numbers shared = values_of(batch.shard(0).training.next.shared);
  shared.erase(shared.begin(), shared.begin() + batch.num_targets());
  return shared;
}

}  // namespace

TEST_CASE("the steps of the lanes, with the events that follow", "[data]") {
  const Split split = small_split();
  SessionBatcher batcher(split, {.lanes = 2});
  REQUIRE(batcher.steps_per_epoch() == 3);
  const SessionBatch<HostSpace> first = batcher.make(0, 0).shard(0);
  CHECK(values_of(first.training.histories.items.values) == Numbers{0, 2});
  CHECK(values_of(first.training.next.items) == Numbers{1, 3});
  CHECK(values_of(first.training.next.shared) == Numbers{1, 3});
  CHECK(values_of(first.carried) == Numbers{-1, -1});
  CHECK(!first.training.next.log_probability);
  const SessionBatch<HostSpace> last = batcher.make(0, 2).shard(0);
  CHECK(values_of(last.training.histories.items.values) == Numbers{2});
  CHECK(values_of(last.training.next.items) == Numbers{1});
  CHECK(values_of(last.carried) == Numbers{0});
  CHECK(batcher.num_targets(0, 0) == 2);
  CHECK(batcher.num_targets(5, 2) == 1);
}

TEST_CASE("a session's profile comes with each of its events", "[data]") {
  Dataset data = seqrec_test::dataset_of({{0, 1, 2, 1}, {2, 3}, {0, 1}, {1, 2, 3}});
  data.user_features = make_feature_table({{"a"}, {"b"}, {"a"}, {"b"}});
  const Split split = session_split(data, {.validation_share = 0.25, .test_share = 0.25});
  SessionBatcher batcher(split, {.lanes = 2, .token_budget = 1});
  const HostSessionBatch& batch = batcher.make(0, 0);
  REQUIRE(batch.num_shards() == 2);
  CHECK(values_of(batch.shard(0).training.histories.profiles) == Numbers{0});
  CHECK(values_of(batch.shard(1).training.histories.profiles) == Numbers{1});
}

TEST_CASE("negatives of a step are drawn for all its rows, anew each step, the same for the same seed", "[data]") {
  const Split split = session_split(seqrec_test::random_dataset(60, 40, 12, 5));
  SessionBatcher batcher(split, {.lanes = 3, .plan = plan(20, 0.75), .seed = 4}),
      again(split, {.lanes = 3, .plan = plan(20, 0.75), .seed = 4}),
      other(split, {.lanes = 3, .plan = plan(20, 0.75), .seed = 5});
  const Numbers first = sampled(batcher.make(0, 0)), second = sampled(batcher.make(0, 1));
  REQUIRE(first.size() == 20);
  CHECK(first != second);
  CHECK(sampled(again.make(0, 1)) == second);
  CHECK(sampled(batcher.make(0, 0)) == first);
  CHECK(sampled(batcher.make(1, 0)) != first);
  CHECK(sampled(other.make(0, 0)) != first);
}

TEST_CASE("log q is that of a negative, be it another lane's target or sampled", "[data]") {
  const Split split = small_split();  // targets: item 1 twice, 2 and 3 once; events: 0 once, 1 and 2 twice, 3 once
  const auto logarithms = [&](const BatchPlan& of, index_t lanes) {
    SessionBatcher batcher(split, {.lanes = lanes, .plan = of});
    const auto view = batcher.make(0, 0).shard(0).training.next.log_probability;
    std::vector<double> probabilities;
    for (index_t item = 0; item < view.size(); ++item)
      probabilities.push_back(std::exp(static_cast<double>(view(item))));
    return probabilities;
  };
  const auto check = [](const std::vector<double>& found, const std::vector<double>& expected) {
    REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i] == Approx(expected[i]).epsilon(1e-6));
  };
  check(logarithms(plan(0), 2), {0, 0.5, 0.25, 0.25});
  check(logarithms(plan(2), 2), {0.125, 0.375, 0.25, 0.25});
  check(logarithms(plan(3, 1), 1), {0.75 / 6, 0.25 * 0.5 + 0.75 / 3, 0.25 * 0.25 + 0.75 / 3, 0.25 * 0.25 + 0.75 / 6});
}

TEST_CASE("negatives above the catalogue, and plans that lanes cannot follow, are refused", "[data][errors]") {
  const Split split = small_split();
  const auto message = [&](const SessionBatcherOptions& options) {
    return message_of<ArgumentError>([&] { SessionBatcher batcher(split, options); });
  };
  CHECK(message({.plan = plan(4)}) ==
        "session lanes negatives is 4, expected 0 .. 3, the other items of the catalogue");
  CHECK_NOTHROW(SessionBatcher(split, {.plan = plan(3)}));
  CHECK_THAT(message({.lanes = 0}), ContainsSubstring("lanes is 0"));
  CHECK_THAT(message({.lanes = 1}),
             ContainsSubstring("session lanes lanes is 1, expected at least 2 without negatives"));
  CHECK_THAT(message({.plan = {.negatives = 2}}),
             ContainsSubstring("session lanes sharing is per_position, expected per_batch"));
  CHECK_THAT(message({.plan = {.negatives = 0, .clicks = true}}),
             ContainsSubstring("session lanes plan is clicks, expected next items and nothing else"));
  CHECK_THAT(message({.token_budget = 0}), ContainsSubstring("token_budget is 0"));
}
