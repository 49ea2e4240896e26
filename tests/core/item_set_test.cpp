// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/item_set.hpp"

#include <vector>

#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("an item set forgets at once") {
  ItemSet set(4);
  CHECK_FALSE(set.contains(0));
  CHECK(set.insert(2));
  CHECK_FALSE(set.insert(2));
  set.insert(std::vector<item_t>{2, 3, 3});
  CHECK(set.size() == 2);
  CHECK(set.contains(3));
  set.clear();
  CHECK(set.size() == 0);
  for (item_t item = 0; item < 4; ++item) CHECK_FALSE(set.contains(item));
}
