// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cpu/score_block.hpp"

#include "support/backends.hpp"
#include "support/catch.hpp"
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
    }
  CHECK(score_block(1, 100'000).items == 100'000);
}

TEMPLATE_TEST_CASE("a block's scores are near those of one item at a time", "[cpu]", SEQREC_TEST_BACKENDS) {
  // as near as score_rounding says, products with and without biases
  using S = typename TestType::Scalar;
  for (const index_t width : {1, 6, 50, 130})
    for (const bool biased : {false, true}) {
      CAPTURE(width, biased);
      TestType context;
      PlacedScalars<TestType> states(random_matrix(13, width, 1), Layout::strided),
          table(random_matrix(61, width, 2), Layout::strided), bias(random_matrix(1, 61, 3), Layout::strided);
      const ItemHead<TestType> head{table.matrix(), biased ? bias.vector() : vector_of<TestType>{}};
      const auto scores = context.matrix(13, 50);
      cpu::detail::score_items_in_block<TestType>(head, states.matrix(), 7, 50, scores);
      index_t far = 0;
      for (index_t i = 0; i < 13; ++i)
        for (index_t j = 0; j < 50; ++j) {
          const auto state = cpu::row_array(states.matrix(), i);
          const auto item = cpu::row_array(head.table, 7 + j);
          const S rounding = cpu::detail::score_rounding<S>(width, state.square().sum() * item.square().sum(),
                                                            biased ? head.bias(7 + j) : S(0));
          far += !(std::abs(scores(i, j) - cpu::item_score(head, state, 7 + j)) <= rounding);
        }
      CHECK(far == 0);
    }
}
