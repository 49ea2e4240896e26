// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/readers/numbering.hpp"

#include <string>

#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("ids have places in ascending order, close together or far apart") {
  const IdColumn column =
      GENERATE(IdColumn{-5, 3, -5, 9}, IdColumn{-5'000'000'000'000, 3, -5'000'000'000'000, 1LL << 60});
  const detail::Numbering numbering(column);
  CHECK(numbering.size() == 3);
  CHECK(numbering(0) == 0);
  CHECK(numbering(1) == 1);
  CHECK(numbering(2) == 0);
  CHECK(numbering(3) == 2);
  CHECK(numbering.vocabulary()[1] == "3");
}

TEST_CASE("an empty column has no ids") { CHECK(detail::Numbering(IdColumn()).size() == 0); }
