// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cpu/score_block.hpp"

#include "support/catch.hpp"

using seqrec::cpu::detail::score_block_rows;

TEST_CASE("a block of scores is about a megabyte of floats, of 8 to 128 rows", "[cpu]") {
  CHECK(score_block_rows(1000, 10) == 128);
  CHECK(score_block_rows(1000, 2048) == 128);
  CHECK(score_block_rows(1000, 3416) == 76);
  CHECK(score_block_rows(1000, 32768) == 8);
  CHECK(score_block_rows(1000, 10'000'000) == 8);
}

TEST_CASE("a block has no more rows than there are", "[cpu]") {
  CHECK(score_block_rows(5, 3416) == 5);
  CHECK(score_block_rows(5, 10'000'000) == 5);
  CHECK(score_block_rows(0, 3416) == 0);
  CHECK(score_block_rows(7, 0) == 7);
}
