// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/types.hpp"

#include <cstdint>
#include <type_traits>

#include "support/catch.hpp"

using namespace seqrec;

static_assert(std::is_signed_v<index_t> && sizeof(index_t) == sizeof(void*));
static_assert(std::is_same_v<item_t, std::int32_t> && std::is_same_v<offset_t, std::int32_t>);
static_assert(std::is_same_v<accumulator_of<double>, double>);
static_assert(std::is_same_v<accumulator_of<const double>, double>);
static_assert(std::is_same_v<accumulator_of<float>, float>);
static_assert(std::is_same_v<accumulator_of<std::uint16_t>, float>);
static_assert(!always_false<int> && !always_false<>);
static_assert(!std::is_same_v<HostSpace, DeviceSpace>);

TEST_CASE("round_up gives the next multiple", "[core]") {
  CHECK(round_up(0, 8) == 0);
  CHECK(round_up(1, 8) == 8);
  CHECK(round_up(8, 8) == 8);
  CHECK(round_up(9, 8) == 16);
  CHECK(round_up(7, 1) == 7);
  CHECK(round_up(10, 3) == 12);
  CHECK(round_up((index_t{1} << 40) + 1, 64) == (index_t{1} << 40) + 64);
}
