// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/session_batch.hpp"

#include <type_traits>

#include "support/catch.hpp"

using namespace seqrec;

static_assert(std::is_trivially_copyable_v<SessionBatch<DeviceSpace>>);

TEST_CASE("a step of sessions starts out without any, and carries nothing", "[core]") {
  const SessionBatch<HostSpace> batch;
  CHECK(batch.training.histories.users() == 0);
  CHECK_FALSE(batch.carried);
}
