// SPDX-License-Identifier: Apache-2.0
#include "seqrec/serve/known_user.hpp"

#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("nothing is known of a user by default", "[serve]") {
  const KnownUser user;
  CHECK(user.profile == -1);
  CHECK_FALSE(user.features.of_users);
  CHECK_FALSE(user.features.of_items);
}
