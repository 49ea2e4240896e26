// SPDX-License-Identifier: Apache-2.0
#include "seqrec/features/unseen_ranks.hpp"

#include <cmath>
#include <cstdint>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("a place is one more than the unseen items that score higher", "[features]") {
  const std::vector<double> scores{3, 0, 5, 1, 5, 9};
  const std::vector<std::int32_t> seen{0, 0, 0, 0, 0, 2};
  UnseenRanks ranks;
  ranks.reset(scores, seen);
  CHECK(ranks.rank(5) == 1);  // both: the 9 was had
  CHECK(ranks.rank(3) == 3);
  CHECK(ranks.rank(1) == 4);
  CHECK(ranks.rank(9) == 1);
  CHECK(ranks.rank(0.5) == 5);
  CHECK(std::isnan(ranks.rank(0)));  // not last: nothing links it
  ranks.reset({}, {});
  CHECK(ranks.rank(1) == 1);
}
