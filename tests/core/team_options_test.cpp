// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/team_options.hpp"

#include "support/catch.hpp"

TEST_CASE("a team uses every core and eight slots unless told otherwise", "[core]") {
  // the slot count changes rounding, so another default would change every published result
  CHECK(seqrec::TeamOptions{}.threads == 0);
  CHECK(seqrec::TeamOptions{}.slots == 8);
}
