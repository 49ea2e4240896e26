// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/fixed_array.hpp"

#include <type_traits>

#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("FixedArray: elements by number and in a loop", "[core]") {
  FixedArray<int, 3> three;
  CHECK(three.size() == 3);
  for (index_t i = 0; i < three.size(); ++i) {
    CHECK(three[i] == 0);
    three[i] = static_cast<int>(i) + 1;
  }
  int sum = 0;
  const auto& constant = three;
  for (const int value : constant) sum += value;
  CHECK(sum == 6);
  for (int& value : three) value *= 2;
  CHECK(constant[2] == 6);
}

TEST_CASE("FixedArray: may have no elements", "[core]") {
  const FixedArray<double, 0> none;
  CHECK(none.size() == 0);
  CHECK(none.begin() == none.end());
}

TEST_CASE("FixedArray: crosses to a device byte by byte", "[core]") {
  STATIC_REQUIRE(std::is_trivially_copyable_v<FixedArray<double*, 2>>);
}
