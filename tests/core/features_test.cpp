// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/features.hpp"

#include <type_traits>

#include "support/catch.hpp"

using namespace seqrec;

static_assert(std::is_trivially_copyable_v<Features<DeviceSpace>>);

TEST_CASE("features are none until somebody brings some", "[core]") {
  const Features<HostSpace> features;
  CHECK_FALSE(features.of_users);
  CHECK_FALSE(features.of_items);
  CHECK(features.user_categories == 0);
  CHECK(features.item_categories == 0);
}
