// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/ranking_batch.hpp"

#include <type_traits>

#include "support/catch.hpp"

using namespace seqrec;

static_assert(std::is_trivially_copyable_v<RankingBatch<DeviceSpace>>);

TEST_CASE("a ranking batch starts out with nobody to rank for, over the whole catalogue", "[core]") {
  const RankingBatch<HostSpace> batch;
  CHECK(batch.histories.users() == 0);
  CHECK(batch.targets.size() == 0);
  CHECK_FALSE(batch.exclusions);
  CHECK_FALSE(batch.candidates);
}
