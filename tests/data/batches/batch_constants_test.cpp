// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/batches/batch_constants.hpp"

#include <vector>

#include "seqrec/data/features.hpp"
#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("constants are the same where they lie in the same memory", "[data]") {
  const FeatureTable users = make_feature_table({{"a"}, {"b"}}), items = make_feature_table({{"x"}, {"y"}});
  const std::vector<float> probabilities = {-1, -2};
  const BatchConstants all{{users.view(), items.view(), 2, 2}, {probabilities.data(), 2}};
  BatchConstants other = all;
  CHECK(same_memory(all, other));
  CHECK(same_memory(BatchConstants{}, BatchConstants{}));
  other.features.of_items = users.view();
  CHECK_FALSE(same_memory(all, other));
  other = all;
  other.features.of_users = {};
  CHECK_FALSE(same_memory(all, other));
  other = all;
  other.log_probability = {};
  CHECK_FALSE(same_memory(all, other));
}
