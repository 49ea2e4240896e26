// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/training_batch.hpp"

#include <type_traits>

#include "support/catch.hpp"

using namespace seqrec;

static_assert(std::is_trivially_copyable_v<TrainingBatch<HostSpace>>);

TEST_CASE("a training batch holds nothing that nobody asked for", "[core]") {
  const TrainingBatch<HostSpace> batch;
  CHECK(batch.loss_scale == 0.0);
  CHECK(batch.histories.rows() == 0);
  CHECK_FALSE(batch.next.items);
  CHECK_FALSE(batch.next.shared);
  CHECK_FALSE(batch.next.log_probability);
  CHECK_FALSE(batch.clicks.candidates);
}
