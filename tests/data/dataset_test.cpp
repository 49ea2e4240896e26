// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/dataset.hpp"

#include <string>
#include <vector>

#include "seqrec/data/readers/interactions.hpp"
#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("a data set gives histories and counts") {
  const Dataset data = build_dataset("three", {.users = {1, 2, 1, 3}, .items = {4, 5, 6, 4}, .times = {}});
  CHECK(data.num_users() == 3);
  CHECK(data.num_items() == 3);
  CHECK(data.num_interactions() == 4);
  const auto history = data.history(0);
  CHECK(std::vector<item_t>(history.begin(), history.end()) == std::vector<item_t>{0, 2});
  CHECK(data.history(2).size() == 1);
  CHECK(describe(data) ==
        "three: 3 users, 3 items, 4 interactions, hash " + data.hash() + "; no times, order of the rows");
}

TEST_CASE("an empty data set is a data set") {
  const Dataset data;
  CHECK(data.num_users() == 0);
  CHECK(data.num_items() == 0);
  CHECK(data.num_interactions() == 0);
}

TEST_CASE("the hash covers users, items, order and times, not names") {
  const auto hash = [](const Interactions& rows, const Titles& titles = {}) {
    return build_dataset("any", rows, titles).hash();
  };
  const Interactions rows{.users = {1, 1, 2}, .items = {1, 2, 1}, .times = {5, 6, 7}};
  // The definition, so that a hash written down anywhere stays valid: counts, (user, item) in order, times.
  Hash expected;
  for (const int value : {2, 2, 3, 0, 0, 0, 1, 1, 0, 5, 6, 7}) expected.add(value);
  CHECK(hash(rows) == expected.text());
  CHECK(hash({.users = {10, 10, 20}, .items = {100, 200, 100}, .times = {5, 6, 7}}, {{"100", "title"}}) == hash(rows));

  CHECK(hash({.users = {1, 1, 2}, .items = {1, 2, 1}, .times = {5, 6, 8}}) != hash(rows));
  CHECK(hash({.users = {1, 1, 2}, .items = {1, 2, 1}, .times = {}}) != hash(rows));
  CHECK(hash({.users = {1, 1, 2}, .items = {2, 1, 1}, .times = {5, 6, 7}}) != hash(rows));
  CHECK(hash({.users = {1, 2, 2}, .items = {1, 2, 1}, .times = {5, 6, 7}}) != hash(rows));
}
