// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/splits/item_counts.hpp"

#include <vector>

#include "data/small_datasets.hpp"
#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("items are counted in all events or in the training events") {
  const Dataset data = seqrec_test::dataset_of({{0, 1, 1, 2, 3}, {1, 0, 3}, {4}});
  CHECK(count_events(data) == std::vector<index_t>{2, 3, 1, 2, 1});
  const Split split = leave_one_out(data);
  CHECK(count_train_events(split) == std::vector<index_t>{1, 3, 0, 0, 1});
}

TEST_CASE("an item that never occurs has no weight, whatever the exponent") {
  CHECK(popularity_weights({0, 1, 16}, 0.75) == std::vector<double>{0, 1, 8});
  CHECK(popularity_weights({0, 1, 16}, 0) == std::vector<double>{0, 1, 1});
}
