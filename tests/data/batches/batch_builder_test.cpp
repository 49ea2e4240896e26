// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/batches/batch_builder.hpp"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "seqrec/core/random.hpp"
#include "support/catch.hpp"

using namespace seqrec;

namespace {

using Histories = std::vector<std::vector<item_t>>;

std::vector<std::span<const item_t>> spans_of(const Histories& histories) {
  return {histories.begin(), histories.end()};
}

Histories random_histories(std::size_t users, std::uint32_t longest, std::uint32_t num_items, std::uint64_t seed) {
  RandomStream random(seed, Purpose::shuffle, 0);
  Histories histories(users);
  for (auto& history : histories) {
    history.resize(random.below(longest + 1));
    for (item_t& item : history) item = static_cast<item_t>(random.below(num_items));
  }
  return histories;
}

std::vector<item_t> items_of(const Batch<HostSpace>& batch, index_t user) {
  const auto history = batch.items[user];
  return {history.data, history.data + history.size()};
}

}  // namespace

TEST_CASE("histories are packed longest first, ties in the caller's order") {
  const Histories histories = {{1, 2}, {}, {3, 4, 5}, {6, 7}, {8}};
  BatchBuilder packed({.num_items = 9, .max_length = 10, .token_budget = 4});
  packed.pack(spans_of(histories));

  CHECK(std::vector<index_t>(packed.order().begin(), packed.order().end()) == std::vector<index_t>{2, 0, 3, 4, 1});
  const Batch<HostSpace> whole = packed.whole();
  CHECK(whole.users() == 5);
  CHECK(whole.rows() == 8);
  CHECK(whole.longest == 3);
  CHECK(whole.first_row == 0);
  CHECK(whole.first_user == 0);
  CHECK(items_of(whole, 0) == std::vector<item_t>{3, 4, 5});
  CHECK(items_of(whole, 2) == std::vector<item_t>{6, 7});
  CHECK(items_of(whole, 4).empty());
  CHECK_FALSE(whole.item_index.order);

  // 3 | 2 2 | 1 0: the next user would make 5, then 5 of at most 4.
  REQUIRE(packed.num_shards() == 3);
  CHECK(packed.first_row(0) == 0);
  CHECK(packed.first_row(1) == 3);
  CHECK(packed.first_row(2) == 7);
  CHECK(packed.first_row(3) == 8);
  CHECK(packed.shard(1).first_user == 1);
  CHECK(packed.shard(1).first_row == 3);
  CHECK(packed.shard(1).longest == 2);
  CHECK(packed.shard(2).users() == 2);
}

TEST_CASE("only the last max_length events are kept") {
  const Histories histories = {{1, 2, 3, 4, 5}, {6, 7}};
  BatchBuilder packed({.num_items = 8, .max_length = 3});
  packed.pack(spans_of(histories));
  CHECK(items_of(packed.whole(), 0) == std::vector<item_t>{3, 4, 5});
  CHECK(items_of(packed.whole(), 1) == std::vector<item_t>{6, 7});
  CHECK(packed.whole().longest == 3);
}

TEST_CASE("shards tile the batch, keep to the budget and repeat its users exactly") {
  const auto seed = GENERATE(range(1, 9));
  const auto budget = GENERATE(1, 7, 64, 100000);
  const Histories histories = random_histories(57, 40, 100, static_cast<std::uint64_t>(seed));
  BatchBuilder packed({.num_items = 100, .max_length = 25, .token_budget = budget});
  packed.pack(spans_of(histories));
  const Batch<HostSpace> whole = packed.whole();

  // Against the definition: a stable sort by kept length, each history's tail.
  std::vector<index_t> order(histories.size());
  std::iota(order.begin(), order.end(), 0);
  const auto kept = [&](index_t user) { return std::min<index_t>(std::ssize(histories.data()[user]), 25); };
  std::stable_sort(order.begin(), order.end(), [&](index_t a, index_t b) { return kept(a) > kept(b); });
  REQUIRE(std::vector<index_t>(packed.order().begin(), packed.order().end()) == order);
  for (index_t user = 0; user < whole.users(); ++user) {
    const auto& history = histories.data()[order.data()[user]];
    REQUIRE(items_of(whole, user) == std::vector<item_t>(history.end() - kept(order.data()[user]), history.end()));
  }

  index_t rows = 0, users = 0;
  for (index_t i = 0; i < packed.num_shards(); ++i) {
    const Batch<HostSpace> shard = packed.shard(i);
    REQUIRE(shard.first_row == rows);
    REQUIRE(shard.first_user == users);
    REQUIRE(shard.users() >= 1);
    REQUIRE(shard.offsets()(0) == 0);
    REQUIRE(shard.offsets()(shard.users()) == shard.rows());
    REQUIRE(shard.longest == shard.items.length(0));
    REQUIRE((shard.rows() <= budget || shard.users() == 1 || shard.rows() == shard.longest));
    for (index_t user = 0; user < shard.users(); ++user)
      REQUIRE(items_of(shard, user) == items_of(whole, users + user));
    rows += shard.rows();
    users += shard.users();
    // Greedy: the next user would not have fitted.
    if (i + 1 < packed.num_shards())
      REQUIRE(shard.rows() + packed.shard(i + 1).longest > std::max<index_t>(budget, shard.longest));
  }
  CHECK(rows == whole.rows());
  CHECK(users == whole.users());
}

TEST_CASE("batches without users and without events are batches") {
  BatchBuilder packed({.num_items = 5});
  CHECK(packed.whole().users() == 0);
  packed.pack({});
  CHECK(packed.num_shards() == 0);
  CHECK(packed.whole().users() == 0);
  CHECK(packed.whole().rows() == 0);
  CHECK(packed.whole().longest == 0);

  packed.pack(spans_of({{}, {}}));
  CHECK(packed.num_shards() == 1);
  CHECK(packed.shard(0).users() == 2);
  CHECK(packed.shard(0).rows() == 0);
  CHECK(packed.shard(0).longest == 0);
}

TEST_CASE("an item beyond the model's table is named with its history") {
  BatchBuilder packed({.num_items = 5, .max_length = 2});
  const auto message = [&](const Histories& histories) {
    return seqrec_test::message_of<DataError>([&] { packed.pack(spans_of(histories)); });
  };
  CHECK(message({{1}, {2, 3, 5}}) == "history 1: item id 5 at event 2 is beyond the model's table, expected 0 to 4");
  CHECK(message({{1}, {2, -1}}) == "history 1: item id -1 at event 1 is beyond the model's table, expected 0 to 4");
  CHECK(packed.whole().users() == 0);
  CHECK_NOTHROW(packed.pack(spans_of({{0, 4}})));
  CHECK_THROWS_AS(packed.pack(spans_of({{0}, {5}})), DataError);
  CHECK(items_of(packed.whole(), 0) == std::vector<item_t>{0, 4});  // as before
  CHECK_NOTHROW(packed.pack(spans_of({{-7, 9, 0, 4}})));            // what is not kept is not looked at
}

TEST_CASE("a batch may be packed in the order given") {
  const Histories histories = {{1}, {2, 3, 4}, {}, {5, 6}};
  BatchBuilder packed({.num_items = 9, .max_length = 10, .token_budget = 1});
  const auto spans = spans_of(histories);
  packed.begin_as_given(spans, std::vector<index_t>{1});
  packed.allocate();
  REQUIRE(packed.num_shards() == 2);
  CHECK(packed.shard(0).longest == 1);
  const Batch<HostSpace> second = packed.shard(1);
  CHECK(second.first_user == 1);
  CHECK(second.first_row == 1);
  CHECK(second.longest == 3);
  CHECK(items_of(second, 0) == std::vector<item_t>{2, 3, 4});
  CHECK(items_of(second, 2) == std::vector<item_t>{5, 6});
  CHECK(packed.whole().longest == 3);
}

TEST_CASE("everything that is laid out in a batch lies in its block") {
  const Histories histories = {{1, 2}, {3}, {4, 5, 6}};
  BatchBuilder builder({.num_items = 9, .max_length = 10, .token_budget = 3});
  const auto spans = spans_of(histories);
  builder.begin(spans);
  const std::size_t bare = builder.block().bytes();
  CHECK(bare == 64 + 64);  // items, offsets
  const auto of_users = builder.add<double>(builder.users());
  const auto of_rows = builder.add<offset_t>(2 * builder.rows());
  const auto lists = builder.add_offsets();
  CHECK(builder.block().bytes() == bare + 3 * 64);
  builder.allocate();
  REQUIRE(builder.num_shards() == 2);
  for (index_t i = 0; i < 3; ++i) builder.data(of_users)[i] = static_cast<double>(i);
  builder.fill_offsets(lists, [](index_t user) { return 10 * (user + 1); });
  CHECK(builder.of_users(of_users, 1).size() == 2);
  CHECK(builder.of_users(of_users, 1)(0) == 1);
  CHECK(builder.of_rows(of_rows, 1, 2).size() == 6);
  CHECK(builder.of_rows(of_rows, 1, 2).data == builder.data(of_rows) + 6);
  const auto first = builder.offsets(lists, 0), second = builder.offsets(lists, 1);
  CHECK(std::vector<offset_t>(first.data, first.data + first.size()) == std::vector<offset_t>{0, 10});
  CHECK(std::vector<offset_t>(second.data, second.data + second.size()) == std::vector<offset_t>{0, 20, 50});
  const auto inside = [&](const void* memory) {
    const auto* const byte = static_cast<const std::byte*>(memory);
    return byte >= builder.block().begin() && byte < builder.block().begin() + builder.block().bytes();
  };
  CHECK(inside(builder.shard(1).items.values.data));
  CHECK(inside(builder.shard(1).items.offsets.data));
  CHECK(inside(second.data));
}
