// SPDX-License-Identifier: Apache-2.0
// The buckets of times as a row of attention finds them; what is added to logits is tested with self_attention.
#include "seqrec/cpu/attention_bias.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "seqrec/core/random.hpp"
#include "support/catch.hpp"

using namespace seqrec;

namespace {

void check_buckets(const std::vector<std::int64_t>& times) {
  std::vector<std::uint8_t> buckets(times.size());
  for (index_t i = 0; i < std::ssize(times); ++i) {
    cpu::detail::time_buckets_of_row(times.data(), i, buckets.data());
    for (index_t j = 0; j <= i; ++j)
      REQUIRE(buckets.data()[j] == time_bucket(seconds_between(times.data()[i], times.data()[j])));
  }
}

}  // namespace

TEST_CASE("buckets that are walked to are those of the logarithm", "[cpu]") {
  const auto& begins = cpu::detail::time_bucket_begins();
  for (index_t bucket = 1; bucket < time_buckets; ++bucket) {
    const std::uint64_t begin = begins[static_cast<std::size_t>(bucket)];
    CHECK(time_bucket(begin) >= bucket);
    CHECK(time_bucket(begin - 1) < bucket);
  }
  std::vector<std::int64_t> times;
  RandomStream random(3, Purpose::synthetic_data, 0);
  for (int i = 0; i < 200; ++i) times.push_back(static_cast<std::int64_t>(random.bits() >> random.below(32)));
  check_buckets(times);  // in no order
  std::sort(times.begin(), times.end());
  check_buckets(times);
  check_buckets({});
  check_buckets({7});
  check_buckets({std::numeric_limits<std::int64_t>::min(), 0, std::numeric_limits<std::int64_t>::max(),
                 std::numeric_limits<std::int64_t>::min()});
}
