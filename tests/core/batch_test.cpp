// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/batch.hpp"

#include <string>
#include <type_traits>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;

// passed by value, also to kernels and into tape nodes
static_assert(std::is_trivially_copyable_v<Batch<DeviceSpace>>);

namespace {

Batch<HostSpace> made(const std::vector<item_t>& items, const std::vector<offset_t>& offsets) {
  return make_batch({items.data(), std::ssize(items)}, {offsets.data(), std::ssize(offsets)});
}

std::string message(const std::vector<item_t>& items, const std::vector<offset_t>& offsets) {
  return seqrec_test::message_of<ShapeError>([&] { made(items, offsets); });
}

}  // namespace

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
  CHECK_FALSE(batch.times);
}

TEST_CASE("a batch made of items knows its longest history, wherever it stands", "[core]") {
  const std::vector<item_t> items = {3, 1, 4, 1};
  const std::vector<offset_t> offsets = {0, 1, 1, 4};
  const Batch<HostSpace> batch = made(items, offsets);
  CHECK(batch.users() == 3);
  CHECK(batch.rows() == 4);
  CHECK(batch.longest == 3);
  CHECK(batch.items.values.data == items.data());
  CHECK(made({}, {}).users() == 0);
  CHECK(made({}, {0}).users() == 0);
  CHECK(made({}, {0, 0}).longest == 0);
}

TEST_CASE("offsets that do not cut the items into histories are refused", "[core]") {
  CHECK(message({1, 2}, {1, 2}) == "make_batch: offsets(0) is 1, expected 0");
  CHECK(message({1, 2}, {0, 2, 1, 2}) == "make_batch: offsets(2) is 1, expected at least 2, offsets(1)");
  CHECK(message({1, 2}, {0, 1}) == "make_batch: offsets(1) is 1, expected 2, the number of rows");
  CHECK(message({1, 2}, {0, 3}) == "make_batch: offsets(1) is 3, expected 2, the number of rows");
  CHECK(message({1, 2}, {}) == "make_batch: offsets is missing, expected where the segments of 2 rows begin");
}
