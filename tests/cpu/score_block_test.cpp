// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cpu/score_block.hpp"

#include <vector>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/pack_items.hpp"
#include "seqrec/cpu/rank_of_target.hpp"
#include "seqrec/cpu/score_items.hpp"
#include "seqrec/cpu/top_k.hpp"
#include "support/backends.hpp"
#include "support/catch.hpp"
#include "support/histories.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;
using seqrec::cpu::detail::score_block;

TEST_CASE("a block of scores of the whole catalogue is about a megabyte of floats", "[cpu]") {
  const auto rows = [](index_t all, index_t items) {
    const auto block = score_block(all, items);
    CHECK(block.items == items);
    return block.rows;
  };
  CHECK(rows(1000, 10) == 128);
  CHECK(rows(1000, 2048) == 128);
  CHECK(rows(1000, 3416) == 76);
  CHECK(rows(1000, 32768) == 8);
  // never of more rows than there are
  CHECK(rows(5, 3416) == 5);
  CHECK(rows(5, 32768) == 5);
  CHECK(rows(0, 3416) == 0);
  CHECK(rows(7, 0) == 7);
}

TEST_CASE("a block of scores of a large catalogue is a part of it", "[cpu]") {
  for (const index_t items : {32769, 1'000'000, 2147483647})
    for (const index_t rows : {0, 1, 5, 127, 128, 1000}) {
      CAPTURE(items, rows);
      const auto block = score_block(rows, items);
      CHECK(block.rows == std::min<index_t>(rows, 128));
      CHECK(block.items >= std::min<index_t>(items, 2048));
      CHECK(block.rows * block.items <= 1 << 18);
      CHECK((block.items == items || block.items % 64 == 0));  // parts begin at panels
    }
  CHECK(score_block(1, 100'000).items == 100'000);
}

TEMPLATE_TEST_CASE("an item has the same score whoever asks, to the last bit", "[cpu]", SEQREC_TEST_BACKENDS) {
  // widths beyond what a product sums at once, too; of every other item there is a second one, which must tie
  using S = typename TestType::Scalar;
  constexpr index_t rows = 13, items = 150;
  for (const index_t width : {1, 6, 50, 64, 300})
    for (const bool biased : {false, true}) {
      CAPTURE(width, biased);
      TestType context;
      Matrix values = random_matrix(items, width, 2), biases = random_matrix(1, items, 3);
      for (index_t item = 1; item < items; item += 2) {
        for (index_t d = 0; d < width; ++d) values(item, d) = values(items - 1 - item, d);
        biases(item) = biases(items - 1 - item);
      }
      PlacedScalars<TestType> states(random_matrix(rows, width, 1), Layout::strided), table(values, Layout::strided),
          bias(biases, Layout::strided);
      ItemHead<TestType> head{table.matrix(), biased ? bias.vector() : vector_of<TestType>{}};

      // of all items at once
      const auto all = context.matrix(rows, items);
      cpu::detail::score_items_in_block<TestType>(head, states.matrix(), 0, items, all);
      index_t different = 0;
      const auto same = [&](S score, index_t row, index_t item) { different += score == all(row, item) ? 0 : 1; };
      for (index_t row = 0; row < rows; ++row)
        for (index_t item = 1; item < items; item += 2) same(all(row, items - 1 - item), row, item);

      // of a table laid out beforehand, which may hold more items
      const auto packed = context.vector(ops::packed_items_size(context, items, width));
      ops::pack_items(context, PackItems<TestType>{table.matrix(), packed});
      const ItemHead<TestType> fewer{head.table.row_range(0, 140), biased ? head.bias.row_range(0, 140) : head.bias,
                                     packed};
      const auto of_packed = context.matrix(rows, 140);
      cpu::detail::score_items_in_block<TestType>(fewer, states.matrix(), 0, 140, of_packed);
      for (index_t row = 0; row < rows; ++row)
        for (index_t item = 0; item < 140; ++item) same(of_packed(row, item), row, item);
      cpu::detail::score_items_in_block<TestType>(fewer, states.matrix(), 64, 70, of_packed.column_range(0, 70));
      for (index_t row = 0; row < rows; ++row)
        for (index_t item = 0; item < 70; ++item) same(of_packed(row, item), row, 64 + item);
      head.packed = packed;

      // of a part, and one by one
      const auto part = context.matrix(3, 50);
      cpu::detail::score_items_in_block<TestType>(head, states.matrix().row_range(5, 3), 7, 50, part);
      for (index_t row = 0; row < 3; ++row)
        for (index_t item = 0; item < 50; ++item) same(part(row, item), 5 + row, 7 + item);
      for (index_t item = 0; item < items; ++item)
        same(cpu::detail::score_item<TestType>(head, states.matrix(), 12, item), 12, item);

      // of listed items, and of the best
      std::vector<std::vector<item_t>> lists(rows);
      for (index_t row = 0; row < rows; ++row) lists[static_cast<std::size_t>(row)] = random_items(90, items, 4);
      const PlacedJagged<HostSpace> listed(lists);
      const auto of_listed = context.vector(rows * 90);
      ops::score_items(context, ScoreItems<TestType>{states.matrix(), head, listed.view(), of_listed});
      std::vector<item_t> best(rows * 20), targets(rows), above(rows), ties(rows);
      const auto of_best = context.matrix(rows, 20);
      ops::top_k(context, TopK<TestType>{states.matrix(), head, {}, {best.data(), rows, 20}, of_best});
      for (index_t row = 0; row < rows; ++row) {
        for (index_t i = 0; i < 90; ++i) same(of_listed(row * 90 + i), row, listed.view()[row](i));
        for (index_t i = 0; i < 20; ++i) same(of_best(row, i), row, best[static_cast<std::size_t>(row * 20 + i)]);
      }
      CHECK(different == 0);

      // and ranks are those of these scores
      for (const index_t target : {0, 31, 149}) {
        std::fill(targets.begin(), targets.end(), static_cast<item_t>(target));
        ops::rank_of_target(
            context, RankOfTarget<TestType>{
                         states.matrix(), head, {targets.data(), rows}, {}, {above.data(), rows}, {ties.data(), rows}});
        for (index_t row = 0; row < rows; ++row) {
          const auto scores = cpu::row_array(all, row);
          const auto at = static_cast<std::size_t>(row);
          CHECK(above[at] == (scores > all(row, target)).count());
          CHECK(ties[at] == (scores == all(row, target)).count() - 1);
        }
      }
    }
}
