// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/known_features.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include "data/small_datasets.hpp"
#include "seqrec/data/batches/batcher.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::values_of;

TEST_CASE("a data set without features has none to carry", "[data]") {
  const Dataset data = seqrec_test::random_dataset(5, 9, 4, 5);
  const Features<HostSpace> features = known_features(data);
  CHECK_FALSE(features.of_users);
  CHECK_FALSE(features.of_items);
  CHECK(features.user_categories == 0);
}

TEST_CASE("training batches say whose features are whose", "[data]") {
  Dataset data = seqrec_test::random_dataset(23, 40, 12, 5);
  std::vector<std::vector<std::string>> of_users, of_items;
  for (index_t user = 0; user < data.num_users(); ++user) of_users.push_back({user % 3 == 0 ? "old" : "young"});
  for (index_t item = 0; item < data.num_items(); ++item) of_items.push_back({"a", item % 2 == 0 ? "b" : "c"});
  data.user_features = make_feature_table(of_users);
  data.item_features = make_feature_table(of_items);
  const Split split = leave_one_out(data);
  Batcher batcher(split, {.batch_size = 9, .max_length = 7, .token_budget = 10, .seed = 3});
  const HostTrainingBatch& batch = batcher.make(0, 0);
  REQUIRE(batch.num_shards() > 1);
  for (index_t s = 0; s < batch.num_shards(); ++s) {
    const Batch<HostSpace> histories = batch.shard(s).histories;
    CHECK(histories.features.user_categories == 2);
    CHECK(histories.features.item_categories == 3);
    REQUIRE(histories.profiles.size() == histories.users());
    for (index_t user = 0; user < histories.users(); ++user)
      CHECK(histories.profiles(user) == batch.users()[static_cast<std::size_t>(histories.first_user + user)]);
  }
}
