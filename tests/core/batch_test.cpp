// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/batch.hpp"

#include <type_traits>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;

// passed by value, also to kernels and into tape nodes
static_assert(std::is_trivially_copyable_v<Batch<DeviceSpace>>);
static_assert(std::is_trivially_copyable_v<TrainingBatch<HostSpace>>);
static_assert(std::is_trivially_copyable_v<Candidates<DeviceSpace>>);

TEST_CASE("a batch counts its users and rows", "[core]") {
  const std::vector<item_t> items = {3, 1, 4, 1};
  const std::vector<offset_t> offsets = {0, 3, 3, 4};
  Batch<HostSpace> batch;
  batch.items = {{items.data(), 4}, {offsets.data(), 4}};
  CHECK(batch.users() == 3);
  CHECK(batch.rows() == 4);
  CHECK(batch.offsets().data == offsets.data());
  CHECK(batch.offsets()(3) == 4);
  CHECK(batch.items[2](0) == 1);
}

TEST_CASE("a batch starts out empty, whole and without gradients", "[core]") {
  const Batch<HostSpace> batch;
  CHECK(batch.users() == 0);
  CHECK(batch.rows() == 0);
  CHECK(batch.first_row == 0);
  CHECK(batch.first_user == 0);
  CHECK_FALSE(batch.item_index.rows);
  CHECK(TrainingBatch<HostSpace>{}.loss_scale == 0.0);
}
