// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/batches/block_index.hpp"

#include <span>
#include <vector>

#include "data/small_datasets.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::values_of;
using Values = std::vector<std::int64_t>;

TEST_CASE("indices of rows, of users and of what all share lie in the block", "[data]") {
  const std::vector<item_t> first = {4, 1}, second = {1, 1};
  const std::vector<std::span<const item_t>> histories = {first, second};
  BatchBuilder builder({.num_items = 5, .max_length = 9, .token_budget = 1});  // a user a shard
  builder.begin(histories);
  BlockIndex by_rows, by_users, in_one, none;
  by_rows.lay_out(builder, 4, 2);
  by_users.lay_out(builder, 6, 2);
  in_one.lay_out(builder, 3, 1);
  builder.allocate();
  by_rows.build_by_rows(builder, builder.whole().items.values, 1);
  const std::vector<item_t> lists = {3, 2, 3, 0, 0, 4}, shared = {2, 0, 2};
  by_users.build_by_users(builder, {lists.data(), 6}, 3);
  in_one.build_in_one(builder, {shared.data(), 3});

  CHECK(values_of(by_rows.shard(0).rows) == Values{1, 4});
  CHECK(values_of(by_rows.shard(0).order) == Values{1, 0});
  CHECK(values_of(by_rows.shard(1).rows) == Values{1});
  CHECK(values_of(by_rows.whole().rows) == Values{1, 4});
  CHECK(values_of(by_rows.whole().row_offsets) == Values{0, 3, 4});
  CHECK(values_of(by_users.shard(0).rows) == Values{2, 3});
  CHECK(values_of(by_users.shard(0).order) == Values{1, 0, 2});
  CHECK(values_of(by_users.shard(1).order) == Values{0, 1, 2});
  CHECK(values_of(in_one.shard(0).rows) == Values{0, 2});
  CHECK(values_of(in_one.shard(0).order) == Values{1, 0, 2});
  CHECK_FALSE(none.shard(0).order);
  CHECK_FALSE(none.whole().order);
  for (const auto* data :
       {by_rows.shard(1).order.data, by_users.shard(1).row_offsets.data, in_one.shard(0).order.data}) {
    const auto* const byte = reinterpret_cast<const std::byte*>(data);
    CHECK(byte >= builder.block().begin());
    CHECK(byte < builder.block().begin() + builder.block().bytes());
  }
}
