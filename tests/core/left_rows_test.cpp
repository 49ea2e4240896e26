// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/left_rows.hpp"

#include <vector>

#include "support/catch.hpp"

using namespace seqrec;
using Rows = LeftRows<float, HostSpace>;

namespace {

/// A batch's lists, as far as rows are left along them: one of six entries, one of two.
const std::vector<offset_t> numbers = {0, 1, 2, 3, 4, 5, 0, 1};
const RowIndex<HostSpace> six{{numbers.data(), 6}, {}, {}}, two{{numbers.data() + 6, 2}, {}, {}};

RowsToLeave<HostSpace> some(index_t table, const RowIndex<HostSpace>& list, index_t first, index_t rows) {
  return {{table, 100}, 2, rows, {{}, list, first}};
}
void fill(const PlacedRows<float, HostSpace>& placed, float with) {
  for (index_t row = 0; row < placed.source.rows(); ++row)
    placed.source(row, 0) = placed.source(row, 1) = with + static_cast<float>(row);
}

}  // namespace

TEST_CASE("rows that shards leave come together in the order of their list, table by table") {
  Rows left;
  for (int batch = 0; batch < 2; ++batch) {
    left.begin_batch();
    fill(left.place(some(64, two, 0, 2), 1, 0), 20);
    fill(left.place(some(0, six, 4, 2), 1, 0), 14);
    fill(left.place(some(0, two, 0, 2), 1, 0), 30);
    fill(left.place(some(0, six, 0, 4), 0, 0), 10);
    const auto parts = left.finish({});
    REQUIRE(parts.size() == 3);
    CHECK(parts[0].table.offset == 0);
    CHECK(parts[0].index.order.data == six.order.data);
    for (index_t row = 0; row < 6; ++row) CHECK(parts[0].source(row, 1) == static_cast<float>(10 + row));
    CHECK(parts[1].source(1, 0) == 31);
    CHECK(parts[2].table.offset == 64);
    CHECK(parts[2].source(0, 0) == 20);
  }
  CHECK(left.memory_held() > 0);
}

TEST_CASE("a shard may leave rows of a table along one list more than once") {
  Rows left;
  left.begin_batch();
  fill(left.place(some(0, two, 1, 1), 0, 1), 4);
  fill(left.place(some(0, two, 0, 1), 0, 0), 1);
  fill(left.place(some(0, two, 0, 1), 0, 1), 3);
  fill(left.place(some(0, two, 1, 1), 0, 0), 2);
  const auto parts = left.finish({});
  REQUIRE(parts.size() == 2);
  CHECK(parts[0].occurrence == 0);
  CHECK(parts[0].source(1, 0) == 2);
  CHECK(parts[1].source(1, 0) == 4);
}

TEST_CASE("rows that nobody leaves are zero") {
  Rows left;
  for (const index_t first : {0, 2, 5}) {
    left.begin_batch();
    fill(left.place(some(0, six, 0, 6), 0, 0), 1);
    left.finish({});
    left.begin_batch();  // over what the batch before has left
    fill(left.place(some(0, six, first, 1), 0, 0), 9);
    const auto parts = left.finish({});
    for (index_t row = 0; row < 6; ++row) CHECK(parts[0].source(row, 1) == (row == first ? 9 : 0));
  }
}

TEST_CASE("several entries of a row have coefficients, at the entries' places") {
  Rows left;
  left.begin_batch();
  RowsToLeave<HostSpace> rows = some(0, six, 3, 1);
  rows.entries_per_row = 3;
  rows.weighted = true;
  const auto second = left.place(rows, 0, 0);
  CHECK(second.source.rows() == 1);
  CHECK(second.coefficients.size() == 3);
  rows.list.first = 0;
  const auto first = left.place(rows, 0, 0);
  CHECK(second.source.data == first.source.data + 2);
  CHECK(second.coefficients.data == first.coefficients.data + 3);
}

TEST_CASE("of a list that all shards have whole each slot sums its own") {
  Rows left;
  left.begin_batch();
  RowsToLeave<HostSpace> rows = some(0, two, 0, 2);
  rows.list.shared = true;
  const auto first = left.place(rows, 1, 0);
  CHECK_FALSE(first.adds);
  fill(first, 5);
  const auto again = left.place(rows, 1, 0), other = left.place(rows, 0, 0);
  CHECK(again.adds);
  CHECK(again.source.data == first.source.data);
  CHECK_FALSE(other.adds);
  fill(other, 7);
  const auto parts = left.finish({});
  REQUIRE(parts.size() == 2);
  CHECK(parts[0].slot == 0);
  CHECK(parts[0].source(0, 0) == 7);
  CHECK(parts[1].source(1, 0) == 6);
}
