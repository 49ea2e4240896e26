// SPDX-License-Identifier: Apache-2.0
#include "seqrec/serve/attention_weights.hpp"

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include "seqrec/models/din.hpp"
#include "seqrec/serve/recommend.hpp"
#include "seqrec/serve/score.hpp"
#include "support/catch.hpp"
#include "support/other_space.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext;

TEST_CASE("each history item has a weight in a candidate's score", "[train]") {
  const index_t heads = GENERATE(1, 2);  // of several the mean
  Din<DoubleContext> model(
      {.items = 20, .width = 4, .max_length = 5, .attention_hidden = {6}, .attention_heads = heads, .hidden = {3}});
  seqrec_test::randomise(model, 4, 0.8);
  DoubleContext context;
  const std::vector<item_t> history = {1, 2, 3, 4, 5, 3, 7};
  const auto weights = attention_weights(model, context, history, 9);
  REQUIRE(weights.size() == 5);  // the last max_length items
  CHECK(std::accumulate(weights.begin(), weights.end(), 0.0) == Approx(1).epsilon(1e-12));
  CHECK(weights[0] == Approx(weights[3]).epsilon(1e-12));  // item 3, seen twice
  CHECK(weights[0] != Approx(weights[1]).epsilon(1e-3));
  CHECK(attention_weights(model, context, history, 10) != weights);  // another candidate looks at other things
  CHECK(attention_weights(model, context, {}, 9).empty());
  CHECK_THROWS_WITH(attention_weights(model, context, history, 20),
                    "ranking request 0: candidate 20 is beyond the model's table, expected 0 to 19");
}

TEST_CASE("a Din with a time decay is asked with the times of events", "[train]") {
  Din<DoubleContext> model(
      {.items = 20, .width = 4, .max_length = 5, .attention_hidden = {6}, .time_decay = true, .hidden = {3}});
  seqrec_test::randomise(model, 4, 0.8);
  DoubleContext context;
  const std::vector<item_t> history = {1, 2, 3, 4, 5, 3, 7};
  const std::vector<std::int64_t> times = {1, 5, 5, 90, 4000, 90'000, 90'001}, at_once(7, 3);
  const auto weights = attention_weights(model, context, history, 9, {.times = times});
  CHECK(weights != attention_weights(model, context, history, 9, {.times = at_once}));
  CHECK(std::accumulate(weights.begin(), weights.end(), 0.0) == Approx(1).epsilon(1e-12));
  CHECK_THROWS_WITH(attention_weights(model, context, history, 9),
                    "ranking request 0: times are 0, expected 7, one for each event of the history: the model's "
                    "time_decay reads them");
  std::vector<item_t> all(20);
  std::iota(all.begin(), all.end(), 0);
  const auto scores = score(model, context, history, all, {.times = times});
  const auto best = recommend(model, context, history, 20, {}, {.times = times});
  REQUIRE(best.size() == 20);
  for (const auto& [item, value] : best) CHECK(value == scores[static_cast<std::size_t>(item)]);
}

TEST_CASE("weights in another space are looked at there", "[train]") {
  const seqrec_test::OtherModel model;
  seqrec_test::OtherContext context;
  const std::vector<item_t> history = {9, 3, 2, 4};
  CHECK(attention_weights(model, context, history, 5) == std::vector<float>{15, 10, 20});  // the last three
}
