// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/fixed_list.hpp"

#include <numeric>
#include <type_traits>

#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("a list of few elements fills up and is emptied", "[core]") {
  FixedList<int, 3> list = {4, 5};
  STATIC_REQUIRE(std::is_trivially_copyable_v<FixedList<int, 3>>);
  CHECK(list.size() == 2);
  CHECK_FALSE(list.full());
  list.push_back(6);
  CHECK(list.full());
  CHECK(std::accumulate(list.begin(), list.end(), 0) == 15);
  list[1] = 7;
  CHECK(list[1] == 7);
  list.clear();
  CHECK(list.size() == 0);
  CHECK(list.begin() == list.end());
}
