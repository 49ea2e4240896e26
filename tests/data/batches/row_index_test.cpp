// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/batches/row_index.hpp"

#include <algorithm>
#include <map>
#include <span>
#include <vector>

#include "seqrec/core/random.hpp"
#include "support/catch.hpp"

using namespace seqrec;

namespace {

/// The definition: for each item, ascending, the positions that hold it, ascending.
void check_index(const RowIndex<HostSpace>& index, std::span<const item_t> items) {
  std::map<item_t, std::vector<offset_t>> positions;
  for (std::size_t i = 0; i < items.size(); ++i) positions[items[i]].push_back(static_cast<offset_t>(i));
  REQUIRE(index.order.size() == std::ssize(items));
  REQUIRE(index.rows.size() == std::ssize(positions));
  REQUIRE(index.row_offsets.size() == std::ssize(positions) + 1);
  index_t row = 0;
  for (const auto& [item, expected] : positions) {
    REQUIRE(index.rows(row) == item);
    const offset_t begin = index.row_offsets(row), end = index.row_offsets(++row);
    REQUIRE(std::vector<offset_t>(index.order.data + begin, index.order.data + end) == expected);
  }
  REQUIRE(index.row_offsets(0) == 0);
  REQUIRE(index.row_offsets(row) == std::ssize(items));
}

void check_all(const ShardedRowIndex& index, const std::vector<item_t>& items, const std::vector<offset_t>& begins) {
  check_index(index.whole(), items);
  REQUIRE(index.num_shards() == std::ssize(begins) - 1);
  for (std::size_t shard = 0; shard + 1 < begins.size(); ++shard)
    check_index(index.shard(static_cast<index_t>(shard)),
                std::span(items).subspan(static_cast<std::size_t>(begins[shard]),
                                         static_cast<std::size_t>(begins[shard + 1] - begins[shard])));
}

/// Memory for the indices of so many entries.
struct Room {
  std::vector<offset_t> order, row_offsets, whole_order, whole_row_offsets;
  std::vector<item_t> rows, whole_rows;

  RowIndexPlace place(std::size_t entries, std::size_t shards) {
    order.assign(entries, -1);
    rows.assign(entries, -1);
    row_offsets.assign(entries + shards, -1);
    whole_order.assign(entries, -1);
    whole_rows.assign(entries, -1);
    whole_row_offsets.assign(entries + 1, -1);
    return {order, rows, row_offsets, whole_order, whole_rows, whole_row_offsets};
  }
};

}  // namespace

TEST_CASE("a row index groups a shard's positions by item") {
  ShardedRowIndex index;
  Room memory;
  index.build(std::vector<item_t>{4, 1, 4, 4, 0, 1}, std::vector<offset_t>{0, 3, 6}, 6, memory.place(6, 2));
  const RowIndex<HostSpace> second = index.shard(1);  // 4 0 1
  CHECK(std::vector<item_t>(second.rows.data, second.rows.data + 3) == std::vector<item_t>{0, 1, 4});
  CHECK(std::vector<offset_t>(second.order.data, second.order.data + 3) == std::vector<offset_t>{1, 2, 0});
  CHECK(index.whole().rows.size() == 3);
}

TEST_CASE("a row index agrees with its definition on the whole batch and on every shard") {
  const auto seed = GENERATE(range(0, 40));
  RandomStream random(static_cast<std::uint64_t>(seed), Purpose::shuffle, 0);
  ShardedRowIndex index;
  Room memory;
  for (int build = 0; build < 3; ++build) {  // also over what an earlier build left behind
    // 2^31 - 1 rows are three digits, 2^13 two: the cost must not follow the table.
    const std::uint32_t table_rows = build == 0 ? 1 + random.below(50) : build == 1 ? 1U << 13 : (1U << 31) - 1;
    std::vector<item_t> items(random.below(300));
    const std::uint32_t distinct = std::min(table_rows, 90U);
    for (item_t& item : items) item = static_cast<item_t>(random.below(distinct) * (table_rows / distinct));
    std::vector<offset_t> begins = {0};
    while (begins.back() < std::ssize(items)) {
      const auto left = static_cast<std::uint32_t>(std::ssize(items) - begins.back());
      begins.push_back(begins.back() + static_cast<offset_t>(random.below(left + 1)));  // also empty shards
    }
    index.build(items, begins, table_rows, memory.place(items.size(), begins.size() - 1));
    check_all(index, items, begins);
  }
}

TEST_CASE("a row index of nothing is empty") {
  ShardedRowIndex index;
  Room memory;
  CHECK(index.num_shards() == 0);
  index.build({}, std::vector<offset_t>{0}, 3, memory.place(0, 0));
  check_all(index, {}, {0});
  index.build({}, std::vector<offset_t>{0, 0}, 3, memory.place(0, 1));
  check_all(index, {}, {0, 0});
}

TEST_CASE("a row index asks for the room that it needs") {
  ShardedRowIndex index;
  Room memory;
  const std::vector<item_t> items = {1, 0};
  const std::vector<offset_t> begins = {0, 2};
  CHECK(seqrec_test::message_of<ShapeError>([&] { index.build(items, begins, 2, memory.place(2, 0)); }) ==
        "row index: place for row offsets is 2, expected 3");
  CHECK_THROWS_AS(index.build(items, begins, 2, memory.place(1, 2)), ShapeError);
}
