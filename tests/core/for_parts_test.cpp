// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/for_parts.hpp"

#include <vector>

#include "support/catch.hpp"

using namespace seqrec;

namespace {

struct Nothing {};

/// Ranges of four elements.
constexpr auto by_fours = [](index_t size, auto&& work) {
  Nothing context;
  for (index_t first = 0; first < size; first += 4) work(context, first, std::min<index_t>(4, size - first));
};

}  // namespace

TEST_CASE("parts that lie end to end are covered exactly once, each by elements of its own") {
  const std::vector<index_t> sizes = {3, 0, 1, 9, 4, 0};
  std::vector<index_t> next(sizes.size(), 0);
  index_t calls = 0;
  for_parts(
      by_fours, sizes, [](index_t size) { return size; },
      [&](Nothing&, const index_t& part, index_t first, index_t count) {
        const auto number = static_cast<std::size_t>(&part - sizes.data());
        CHECK(first == next[number]);
        CHECK(count > 0);
        next[number] += count;
        ++calls;
      });
  CHECK(next == sizes);
  CHECK(calls == 7);  // 17 elements in 5 ranges, two of which hold parts of two
}

TEST_CASE("a row belongs to where its first element lies") {
  for (const index_t width : {1, 3, 4, 7}) {
    index_t next = 0;
    by_fours(10 * width, [&](Nothing&, index_t first, index_t count) {
      const RowsWithin rows(first, count, width);
      CHECK(rows.first == next);
      for (index_t row = rows.first; row < rows.first + rows.count; ++row) {
        CHECK(row * width >= first);
        CHECK(row * width < first + count);
      }
      next += rows.count;
    });
    CHECK(next == 10);
  }
}
