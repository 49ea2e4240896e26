// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/team_options.hpp"

#include <cstdint>
#include <limits>

#include "support/catch.hpp"

TEST_CASE("a team uses every core and eight slots unless told otherwise", "[core]") {
  // the slot count changes rounding, so another default would change every published result
  CHECK(seqrec::TeamOptions{}.threads == 0);
  CHECK(seqrec::TeamOptions{}.slots == 8);
}

namespace {

struct Sharded {};
struct Whole {
  static constexpr bool takes_whole_batches = true;
};

}  // namespace

TEST_CASE("rows_of_shard: as many as wanted, or all where batches are taken whole", "[core]") {
  CHECK(seqrec::rows_of_shard<Sharded>(256) == 256);
  CHECK(seqrec::rows_of_shard<Whole>(256) == std::numeric_limits<std::int32_t>::max());
}
