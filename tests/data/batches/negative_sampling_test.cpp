// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/batches/negative_sampling.hpp"

#include <limits>

#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("what is not as usual about negatives is said, and nonsense refused", "[data]") {
  CHECK(NegativeSampling{}.text().empty());
  CHECK(NegativeSampling{.popularity_exponent = 0.75, .reject_seen = false}.text() ==
        " by popularity^0.75, seen items among them");
  CHECK(NegativeSampling{.distinct = true}.text() == ", no item twice");
  CHECK_NOTHROW(NegativeSampling{.popularity_exponent = 2}.check());
  for (const double wrong : {-0.5, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()})
    CHECK_THROWS_AS(NegativeSampling{.popularity_exponent = wrong}.check(), ArgumentError);
  CHECK_THROWS_WITH((NegativeSampling{.popularity_exponent = 0.5, .distinct = true}.check()),
                    ContainsSubstring("popularity_exponent is 0.5, expected 0 with distinct"));
}
