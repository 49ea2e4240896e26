// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/jagged.hpp"

#include <type_traits>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;

static_assert(std::is_trivially_copyable_v<Jagged<const item_t, DeviceSpace>>);
static_assert(std::is_trivially_copyable_v<RowIndex<DeviceSpace>>);

TEST_CASE("segments of a jagged array are views of its values", "[core]") {
  std::vector<item_t> values = {5, 6, 7, 8, 9};
  const std::vector<offset_t> offsets = {0, 2, 2, 5};
  const Jagged<item_t, HostSpace> jagged{{values.data(), 5}, {offsets.data(), 4}};

  CHECK(jagged);
  CHECK(jagged.segments() == 3);
  CHECK(jagged.size() == 5);
  CHECK(jagged.length(0) == 2);
  CHECK(jagged.length(1) == 0);
  CHECK(jagged.length(2) == 3);
  CHECK(jagged[0](1) == 6);
  CHECK(jagged[1].size() == 0);
  CHECK(jagged[2].size() == 3);
  CHECK(jagged[2](0) == 7);
  jagged[2](2) = -1;
  CHECK(values[4] == -1);
}

TEST_CASE("a jagged array without offsets is none, one with a single offset is empty", "[core]") {
  const Jagged<const item_t, HostSpace> none;
  CHECK_FALSE(none);
  CHECK(none.segments() == 0);
  const offset_t zero = 0;
  const Jagged<const item_t, HostSpace> empty{{}, {&zero, 1}};
  CHECK(empty);
  CHECK(empty.segments() == 0);
  CHECK(empty.size() == 0);
}
