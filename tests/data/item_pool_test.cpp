// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/item_pool.hpp"

#include <cmath>
#include <map>
#include <set>

#include "support/catch.hpp"

using namespace seqrec;

namespace {

/// Items 0 .. 4, item i standing there i + 1 times.
ItemPool stairs() {
  ItemPool pool;
  pool.clear();
  for (item_t item = 0; item < 5; ++item)
    for (item_t time = 0; time <= item; ++time) pool.add(item);
  pool.begin_user();
  pool.begin_list();
  return pool;
}

}  // namespace

TEST_CASE("each entry of a pool has the same chance, whatever was put aside before", "[data]") {
  ItemPool pool = stairs();
  RandomStream random(7, Purpose::negatives, 0);
  std::map<item_t, int> count;
  const int lists = 20'000;
  for (int list = 0; list < lists; ++list) {  // never item 4, never the same twice in a list
    pool.begin_list();
    std::set<item_t> drawn;
    while (drawn.empty()) {
      const std::size_t entry = pool.draw(random);
      if (pool[entry] == 4)
        pool.put_aside_for_user(entry);
      else
        drawn.insert(pool[entry]);
    }
    ++count[*drawn.begin()];
  }
  CHECK_FALSE(count.contains(4));
  for (item_t item = 0; item < 4; ++item) {
    const double share = (item + 1) / 10.0, expected = lists * share;
    CHECK(std::abs(count[item] - expected) < 5 * std::sqrt(expected * (1 - share)));
  }
}

TEST_CASE("a pool tells when nothing is left, and takes back what was put aside", "[data]") {
  ItemPool pool = stairs();
  RandomStream random(8, Purpose::negatives, 0);
  const auto contents = [&] {  // puts all entries aside, for the list
    std::multiset<item_t> items;
    for (pool.begin_list(); !pool.empty();) {
      const std::size_t entry = pool.draw(random);
      items.insert(pool[entry]);
      pool.put_aside_for_list(entry);
    }
    return items;
  };
  const std::multiset<item_t> all = {0, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4};
  CHECK(contents() == all);
  CHECK(contents() == all);
  std::multiset<item_t> kept = all;
  pool.begin_list();
  for (int i = 0; i < 6; ++i) {  // now for the list, now for the user
    const std::size_t entry = pool.draw(random);
    if (i % 2 == 0) {
      kept.erase(kept.find(pool[entry]));
      pool.put_aside_for_user(entry);
    } else {
      pool.put_aside_for_list(entry);
    }
  }
  CHECK(contents() == kept);
  pool.begin_user();
  CHECK(contents() == all);
}
