// SPDX-License-Identifier: Apache-2.0
#include "seqrec/trees/row_scorer.hpp"

#include <limits>
#include <memory>
#include <vector>

#include "support/catch.hpp"
#include "support/trees.hpp"

using namespace seqrec;
using namespace seqrec_test;

TEST_CASE("rows one by one have the bits of rows together") {
  const TreeToy toy(6, 8);
  auto booster = std::make_unique<Booster>(toy_booster());
  RowScorer<double> wide(*booster);
  RowScorer<float> narrow(*booster);
  const std::vector<float> values(toy.values.begin(), toy.values.end());
  const TreeRows<float> rows{values, 4};
  const auto scores = booster->scores(toy.rows()), narrow_scores = booster->scores(rows);
  booster.reset();  // the scorers have its trees
  for (index_t r = 0; r < 60; ++r) {
    CHECK(wide(toy.row(r)) == scores[static_cast<std::size_t>(r)]);
    CHECK(narrow(rows.row(r)) == narrow_scores[static_cast<std::size_t>(r)]);
  }
}

TEST_CASE("a row of other columns is refused") {
  RowScorer<double> scorer(toy_booster());
  const std::vector<double> five(5, 0.5), infinite = {0.5, std::numeric_limits<double>::infinity(), 1, 0.5};
  CHECK_THAT(message_of<TreeError>([&] { scorer(five); }), ContainsSubstring("a row have 5 columns, expected 4"));
  CHECK_THAT(message_of<TreeError>([&] { scorer(infinite); }), ContainsSubstring("b of row 0 is inf"));
}
