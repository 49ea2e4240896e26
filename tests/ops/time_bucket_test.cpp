// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/time_bucket.hpp"

#include <cmath>
#include <cstdint>
#include <limits>

#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("time buckets are those of HSTU's reference code", "[ops]") {
  CHECK(time_bucket(0) == 0);
  CHECK(time_bucket(1) == 0);
  CHECK(time_bucket(2) == 2);  // log(2) / .301 = 2.30: there is nothing in bucket 1
  CHECK(time_bucket(3) == 3);
  CHECK(time_bucket(60) == 13);
  CHECK(time_bucket(3600) == 27);
  CHECK(time_bucket(86400) == 37);
  CHECK(time_bucket(365 * 86400) == 57);
  for (const std::uint64_t seconds : {5u, 1000u, 123456789u})
    CHECK(time_bucket(seconds) == static_cast<index_t>(std::floor(std::log(static_cast<double>(seconds)) / 0.301)));
  CHECK(time_bucket(std::numeric_limits<std::uint64_t>::max()) == 127);
}

TEST_CASE("seconds between two times are the same both ways, even between the ends of what there is", "[ops]") {
  CHECK(seconds_between(5, 12) == 7);
  CHECK(seconds_between(12, 5) == 7);
  CHECK(seconds_between(-3, 4) == 7);
  CHECK(seconds_between(std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()) ==
        std::numeric_limits<std::uint64_t>::max());
}
