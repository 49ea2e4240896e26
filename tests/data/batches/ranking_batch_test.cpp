// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/batches/ranking_batch.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include "data/small_datasets.hpp"
#include "seqrec/data/features.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::values_of;
using Items = std::vector<item_t>;
using Values = std::vector<std::int64_t>;

namespace {

constexpr index_t num_items = 20;

/// What a caller of three users asks for; their histories in the order 1, 2, 0 when sorted by length.
struct Requests {
  Items history[3] = {{4}, {1, 2, 3, 5}, {7, 8}};
  Items exclusions[3] = {{9, 4, 9, 2}, {}, {8}};
  Items candidates[3] = {{11, 12}, {13, 14}, {15, 16}};
  item_t targets[3] = {2, 6, 9};

  std::vector<RankingRequest> full() const {
    std::vector<RankingRequest> requests;
    for (int i = 0; i < 3; ++i) requests.push_back({history[i], targets[i], exclusions[i], {}});
    return requests;
  }
  std::vector<RankingRequest> sampled() const {
    std::vector<RankingRequest> requests;
    for (int i = 0; i < 3; ++i) requests.push_back({history[i], targets[i], {}, candidates[i]});
    return requests;
  }
};

std::string message_of_packing(const RankingRequest& request) {
  return seqrec_test::message_of<DataError>([&] {
    HostRankingBatch batch({num_items, 10, 8});
    const RankingRequest requests[] = {{}, request};
    batch.pack(requests);
  });
}

}  // namespace

TEST_CASE("requests are packed like histories, longest first", "[data]") {
  HostRankingBatch batch({num_items, 3, 100});
  batch.pack(Requests().full());
  REQUIRE(batch.num_shards() == 1);
  const RankingBatch<HostSpace> whole = batch.shard(0);
  CHECK(values_of(whole.histories.items.values) == Values{2, 3, 5, 7, 8, 4});  // the last three events of each
  CHECK(values_of(whole.histories.items.offsets) == Values{0, 3, 5, 6});
  CHECK(values_of(whole.targets) == Values{6, 9, 2});
  CHECK(std::vector<index_t>(batch.order().begin(), batch.order().end()) == std::vector<index_t>{1, 2, 0});
  CHECK(batch.users() == 3);
  CHECK_FALSE(whole.candidates);
}

TEST_CASE("exclusions are distinct and sorted within a user", "[data]") {
  HostRankingBatch batch({num_items, 3, 100});
  batch.pack(Requests().full());
  const Jagged<const item_t, HostSpace> exclusions = batch.shard(0).exclusions;
  CHECK(values_of(exclusions.values) == Values{8, 2, 4, 9});
  CHECK(values_of(exclusions.offsets) == Values{0, 0, 1, 4});
}

TEST_CASE("the number of items ranked leaves out exclusions, but never the target", "[data]") {
  HostRankingBatch batch({num_items, 3, 100});
  batch.pack(Requests().full());
  CHECK(batch.num_ranked(0) == 20 - 3 + 1);  // its target is among its exclusions
  CHECK(batch.num_ranked(1) == 20);
  CHECK(batch.num_ranked(2) == 19);
  batch.pack(Requests().sampled());
  for (index_t request = 0; request < 3; ++request) CHECK(batch.num_ranked(request) == 3);
}

TEST_CASE("candidates begin with the target", "[data]") {
  HostRankingBatch batch({num_items, 3, 100});
  batch.pack(Requests().sampled());
  const Candidates<HostSpace> candidates = batch.shard(0).candidates;
  CHECK(values_of(candidates.items.values) == Values{6, 13, 14, 9, 15, 16, 2, 11, 12});
  CHECK(values_of(candidates.items.offsets) == Values{0, 3, 6, 9});
}

TEST_CASE("each shard holds its users' lists, with offsets of its own", "[data]") {
  HostRankingBatch batch({num_items, 3, 1});  // a user a shard
  batch.pack(Requests().full());
  REQUIRE(batch.num_shards() == 3);
  const Values targets[] = {{6}, {9}, {2}}, exclusions[] = {{}, {8}, {2, 4, 9}};
  for (index_t i = 0; i < 3; ++i) {
    const RankingBatch<HostSpace> shard = batch.shard(i);
    CHECK(shard.histories.first_user == i);
    CHECK(values_of(shard.targets) == targets[i]);
    CHECK(values_of(shard.exclusions.values) == exclusions[i]);
    CHECK(values_of(shard.exclusions.offsets) == Values{0, std::ssize(exclusions[i])});
  }
  batch.pack(Requests().sampled());
  const Values candidates[] = {{6, 13, 14}, {9, 15, 16}, {2, 11, 12}};
  for (index_t i = 0; i < 3; ++i) {
    CHECK(values_of(batch.shard(i).candidates.items.values) == candidates[i]);
    CHECK(values_of(batch.shard(i).candidates.items.offsets) == Values{0, 3});
  }
}

TEST_CASE("shards together hold what one shard would", "[data]") {
  const Dataset data = seqrec_test::random_dataset(40, num_items, 12, 4);
  std::vector<RankingRequest> requests;
  for (index_t user = 0; user < data.num_users(); ++user)
    requests.push_back({data.history(user), data.history(user).back(), data.history(user), {}});
  HostRankingBatch whole({num_items, 10, 1000}), cut({num_items, 10, 17});
  whole.pack(requests);
  cut.pack(requests);
  REQUIRE(whole.num_shards() == 1);
  REQUIRE(cut.num_shards() > 5);
  Values items, targets, exclusions;
  const auto append = [](Values& all, const Values& part) { all.insert(all.end(), part.begin(), part.end()); };
  for (index_t i = 0; i < cut.num_shards(); ++i) {
    append(items, values_of(cut.shard(i).histories.items.values));
    append(targets, values_of(cut.shard(i).targets));
    append(exclusions, values_of(cut.shard(i).exclusions.values));
  }
  CHECK(items == values_of(whole.shard(0).histories.items.values));
  CHECK(targets == values_of(whole.shard(0).targets));
  CHECK(exclusions == values_of(whole.shard(0).exclusions.values));
  for (index_t request = 0; request < data.num_users(); ++request)
    CHECK(cut.num_ranked(request) == whole.num_ranked(request));
}

TEST_CASE("a request may have an empty history and no target", "[data]") {
  HostRankingBatch batch({num_items, 3, 100});
  const RankingRequest request;
  batch.pack({&request, 1});
  CHECK(batch.shard(0).histories.rows() == 0);
  CHECK(batch.shard(0).histories.users() == 1);
  CHECK(batch.shard(0).targets(0) == -1);
  CHECK(batch.num_ranked(0) == num_items);
  batch.pack({});
  CHECK(batch.users() == 0);
  CHECK(batch.num_shards() == 0);
}

TEST_CASE("an item beyond the table is named with its request and its part", "[data]") {
  const Items good = {1}, high = {1, 20}, negative = {-1};
  CHECK_THAT(message_of_packing({high, 2, {}, {}}), ContainsSubstring("history 1: item id 20 at event 1"));
  CHECK_THAT(message_of_packing({good, 20, {}, {}}),
             ContainsSubstring("ranking request 1: target 20 is beyond the model's table, expected 0 to 19"));
  CHECK_THAT(message_of_packing({good, 2, negative, {}}), ContainsSubstring("ranking request 1: exclusion -1"));
  CHECK_THAT(message_of_packing({good, 2, {}, high}), ContainsSubstring("ranking request 1: candidate 20"));
}

TEST_CASE("every candidate sees the whole history that was packed", "[data]") {
  const index_t token_budget = GENERATE(100, 3);  // one shard, or one for each user
  HostRankingBatch batch({num_items, 3, token_budget});
  batch.pack(Requests().sampled());
  const Values visible[] = {{3, 3, 3}, {2, 2, 2}, {1, 1, 1}};
  Values all;
  index_t pairs = 0, first = 0;
  for (index_t i = 0; i < batch.num_shards(); ++i) {
    const Candidates<HostSpace> candidates = batch.shard(i).candidates;
    const Values here = values_of(candidates.visible);
    all.insert(all.end(), here.begin(), here.end());
    CHECK(candidates.first_candidate == first);
    CHECK(candidates.window == batch.shard(i).histories.longest);
    first += candidates.size();
    pairs += candidates.pairs;
  }
  CHECK(all == Values{3, 3, 3, 2, 2, 2, 1, 1, 1});
  CHECK(pairs == 3 * (3 + 2 + 1));
}

TEST_CASE("a batch carries the features of those it asks about", "[data]") {
  const FeatureTable of_users = make_feature_table({{"a"}, {"b"}, {"a", "c"}, {"b"}});
  HostRankingBatch batch({num_items, 10, 3}, {of_users.view(), {}, of_users.categories(), 0});
  const Requests asked;
  std::vector<RankingRequest> requests = asked.full();
  requests[0].profile = 3;
  requests[1].profile = 0;
  requests[2].profile = 2;
  batch.pack(requests);
  Values profiles;
  for (index_t i = 0; i < batch.num_shards(); ++i) {
    const Batch<HostSpace> histories = batch.shard(i).histories;
    CHECK(histories.features.user_categories == 3);
    CHECK(histories.features.of_users.segments() == 4);
    const Values here = values_of(histories.profiles);
    profiles.insert(profiles.end(), here.begin(), here.end());
  }
  CHECK(profiles == Values{0, 2, 3});  // in the order of the packed users
  requests[1].profile = 4;
  CHECK(seqrec_test::message_of<DataError>([&] { batch.pack(requests); }) ==
        "ranking request 1: profile 4 is not among the features of 4 users");
}

TEST_CASE("times of events go with them where they are read", "[data]") {
  const index_t token_budget = GENERATE(100, 1);  // one shard, or one for each user
  const std::vector<std::int64_t> times[3] = {{40}, {10, 20, 30, 50}, {70, 80}};
  Requests asked;
  std::vector<RankingRequest> requests = asked.sampled();
  HostRankingBatch untimed({num_items, 3, token_budget}), timed({num_items, 3, token_budget}, {}, "time_bias");
  untimed.pack(requests);
  CHECK_FALSE(untimed.shard(0).histories.times);
  CHECK(seqrec_test::message_of<ArgumentError>([&] { timed.pack(requests); }) ==
        "ranking request 0: times are 0, expected 1, one for each event of the history: the model's time_bias reads "
        "them");
  for (std::size_t i = 0; i < 3; ++i) requests[i].times = times[i];
  timed.pack(requests);
  Values all;
  for (index_t i = 0; i < timed.num_shards(); ++i)
    for (const auto time : values_of(timed.shard(i).histories.times)) all.push_back(time);
  CHECK(all == Values{20, 30, 50, 70, 80, 40});  // of the last three events of each
  requests[1].times = times[2];
  CHECK_THAT(seqrec_test::message_of<ArgumentError>([&] { timed.check(requests); }),
             ContainsSubstring("ranking request 1: times are 2, expected 4"));
}

TEST_CASE("without a target exactly the candidates are ranked", "[data]") {
  const index_t token_budget = GENERATE(100, 1);  // one shard, or one for each user
  Requests asked;
  std::vector<RankingRequest> requests = asked.sampled();
  requests[0].target = requests[1].target = -1;
  HostRankingBatch batch({num_items, 3, token_budget});
  batch.pack(requests);
  Values items, visible;
  index_t pairs = 0;
  for (index_t i = 0; i < batch.num_shards(); ++i) {
    const Candidates<HostSpace> candidates = batch.shard(i).candidates;
    CHECK(candidates.first_candidate == std::ssize(items));
    for (const auto item : values_of(candidates.items.values)) items.push_back(item);
    for (const auto rows : values_of(candidates.visible)) visible.push_back(rows);
    pairs += candidates.pairs;
  }
  CHECK(items == Values{13, 14, 9, 15, 16, 11, 12});  // of requests 1, 2 and 0; no item -1
  CHECK(visible == Values{3, 3, 2, 2, 2, 1, 1});
  CHECK(pairs == 3 * 2 + 2 * 3 + 1 * 2);
  CHECK(batch.num_ranked(0) == 2);
  CHECK(batch.num_ranked(1) == 2);
  CHECK(batch.num_ranked(2) == 3);
}

TEST_CASE("either all requests have candidates or none has", "[data]") {
  Requests asked;
  std::vector<RankingRequest> requests = asked.sampled();
  requests[2].candidates = {};
  HostRankingBatch batch({num_items, 3, 100});
  CHECK_THAT(seqrec_test::message_of<ArgumentError>([&] { batch.pack(requests); }),
             ContainsSubstring("ranking request 2: lacks candidates, expected some as in request 0"));
}

TEST_CASE("a list of no candidates is not the catalogue", "[data]") {
  Requests asked;
  std::vector<RankingRequest> requests = asked.sampled();
  requests[1].target = -1;
  requests[1].candidates = std::span<const item_t>();
  HostRankingBatch batch({num_items, 3, 100});
  batch.pack(requests);
  CHECK(values_of(batch.shard(0).candidates.items.values) == Values{9, 15, 16, 2, 11, 12});
  CHECK(values_of(batch.shard(0).candidates.items.offsets) == Values{0, 0, 3, 6});
  CHECK(batch.num_ranked(1) == 0);
}

TEST_CASE("shards are cut by their candidates, too", "[data]") {
  HostRankingBatch batch({.num_items = num_items, .max_length = 3, .token_budget = 100, .load_budget = 6});
  batch.pack(Requests().sampled());  // three each, with the target
  REQUIRE(batch.num_shards() == 2);
  CHECK(batch.shard(0).histories.users() == 2);
}

TEST_CASE("requests are checked without being packed", "[data]") {
  HostRankingBatch batch({num_items, 3, 100});
  batch.pack(Requests().sampled());
  const Items beyond = {20};
  const RankingRequest bad[] = {{}, {beyond, -1, {}, {}}};
  CHECK_THAT(seqrec_test::message_of<DataError>([&] { batch.check(bad); }),
             ContainsSubstring("history 1: item id 20 at event 0"));
  CHECK(batch.users() == 3);
}

TEST_CASE("a batch that cannot be packed leaves the one before", "[data]") {
  HostRankingBatch batch({num_items, 3, 100});
  batch.pack(Requests().sampled());
  const Items beyond = {20};
  const RankingRequest bad{{}, -1, beyond, {}};
  CHECK_THROWS_AS(batch.pack({&bad, 1}), DataError);
  CHECK(batch.users() == 3);
  CHECK(values_of(batch.shard(0).targets) == Values{6, 9, 2});
}

TEST_CASE("packing requests of sizes seen before keeps the block", "[data]") {
  HostRankingBatch batch({num_items, 3, 100});
  batch.pack(Requests().sampled());
  const auto* const memory = batch.block().begin();
  batch.pack(Requests().full());
  batch.pack(Requests().sampled());
  CHECK(batch.block().begin() == memory);
}
