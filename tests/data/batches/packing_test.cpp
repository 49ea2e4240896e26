// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/batches/packing.hpp"

#include <span>
#include <string>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;
using Numbers = std::vector<index_t>;

namespace {

template <class Values>
Numbers numbers(const Values& values) {
  return {values.begin(), values.end()};
}

const std::vector<item_t> a = {1, 2}, b = {}, c = {3, 4, 5}, d = {6, 7}, e = {8};
const std::vector<std::span<const item_t>> histories = {a, b, c, d, e};

}  // namespace

TEST_CASE("a packing says who comes where and where shards begin", "[data]") {
  Packing packing({.num_items = 9, .max_length = 10, .token_budget = 4});
  CHECK(packing.num_shards() == 0);
  CHECK(packing.rows() == 0);
  packing.arrange(histories);
  CHECK(numbers(packing.order()) == Numbers{2, 0, 3, 4, 1});
  CHECK(numbers(packing.offsets()) == Numbers{0, 3, 5, 7, 8, 8});
  CHECK(numbers(packing.shard_users()) == Numbers{0, 1, 3, 5});  // 3 | 2 2 | 1 0
  CHECK(packing.rows() == 8);
  CHECK(packing.users() == 5);
  CHECK(packing.last_events(std::span<const item_t>(c)).size() == 3);
}

TEST_CASE("a packing as given keeps the order and cuts where it is told", "[data]") {
  Packing packing({.num_items = 9, .max_length = 2, .token_budget = 1});
  packing.arrange_as_given(histories, Numbers{1, 3});
  CHECK(numbers(packing.order()) == Numbers{0, 1, 2, 3, 4});
  CHECK(numbers(packing.offsets()) == Numbers{0, 2, 2, 4, 6, 7});
  CHECK(numbers(packing.shard_users()) == Numbers{0, 1, 3, 5});
  packing.arrange_as_given(histories);
  CHECK(packing.num_shards() == 1);
  packing.arrange_as_given({});
  CHECK(packing.num_shards() == 1);  // of nobody
  CHECK(packing.users() == 0);
  const auto message = [&](const Numbers& cuts) {
    return seqrec_test::message_of<ArgumentError>([&] { packing.arrange_as_given(histories, cuts); });
  };
  CHECK(message({3, 1}) == "cut is 1, expected a user, not before the last cut");
  CHECK(message({6}) == "cut is 6, expected a user, not before the last cut");
}

TEST_CASE("a shard takes as many users as are wanted together, whatever their rows", "[data]") {
  const auto shards = [](index_t fewest, index_t tokens) {
    Packing packing({.num_items = 9, .max_length = 10, .token_budget = tokens, .fewest_users = fewest});
    packing.arrange(histories);
    return numbers(packing.shard_users());
  };
  CHECK(shards(1, 1) == Numbers{0, 1, 2, 3, 5});  // rows 3 | 2 | 2 | 1 0
  CHECK(shards(2, 1) == Numbers{0, 2, 4, 5});     // 3 2 | 2 1 | 0
  CHECK(shards(3, 1) == Numbers{0, 3, 5});
  CHECK(shards(2, 7) == Numbers{0, 3, 5});  // and more while they stay within the budget
  CHECK(shards(9, 1) == Numbers{0, 5});
}

TEST_CASE("shards are cut by what users bring along beside their rows", "[data]") {
  const Numbers loads = {5, 1, 2, 9, 1};
  Packing packing({.num_items = 9, .max_length = 10, .token_budget = 100, .load_budget = 7});
  packing.arrange(histories, loads);
  CHECK(numbers(packing.order()) == Numbers{2, 0, 3, 4, 1});     // loads 2, 5, 9, 1, 1
  CHECK(numbers(packing.shard_users()) == Numbers{0, 2, 3, 5});  // 2 5 | 9 | 1 1
  packing.arrange(histories);
  CHECK(packing.num_shards() == 1);
  Packing both({.num_items = 9, .max_length = 10, .token_budget = 4, .load_budget = 7});
  both.arrange(histories, loads);
  CHECK(numbers(both.shard_users()) == Numbers{0, 1, 2, 3, 5});  // rows 3 | 2 | 2 | 1 0
}

TEST_CASE("packing options out of range are named", "[data]") {
  const auto message = [](const PackingOptions& options) {
    return seqrec_test::message_of<ArgumentError>([&] { Packing packing(options); });
  };
  CHECK(message({}) == "num_items is 0, expected a number from 1 to 2^31 - 1");
  CHECK(message({.num_items = index_t{1} << 31}) == "num_items is 2147483648, expected a number from 1 to 2^31 - 1");
  CHECK(message({.num_items = 1, .max_length = 0}) == "max_length is 0, expected a number of at least 1");
  CHECK(message({.num_items = 1, .token_budget = -1}) == "token_budget is -1, expected a number of at least 1");
  CHECK(message({.num_items = 1, .load_budget = -1}) == "load_budget is -1, expected a number of at least 0");
  CHECK(message({.num_items = 1, .fewest_users = 0}) == "fewest_users is 0, expected a number of at least 1");
}
