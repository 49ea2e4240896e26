// SPDX-License-Identifier: Apache-2.0
#include "seqrec/serve/score.hpp"

#include <cmath>
#include <vector>

#include "serve/table_models.hpp"
#include "support/catch.hpp"
#include "support/other_space.hpp"

using namespace seqrec;
using seqrec_test::CandidateTable, seqrec_test::DoubleContext, seqrec_test::StaticTable;
using Items = std::vector<item_t>;

TEMPLATE_TEST_CASE("candidates are scored in their order, whatever the model", "[serve]", StaticTable, CandidateTable) {
  const TestType model({10, 11, 12, 13, std::nan("")});
  DoubleContext context;
  const Items history = {1, 2}, candidates = {3, 0, 3, 2};
  CHECK(score(model, context, history, candidates) == std::vector<double>{13, 10, 13, 12});
  CHECK(score(model, context, history, {}).empty());
  CHECK_THAT(seqrec_test::message_of<ArgumentError>([&] { score(model, context, {}, candidates); }),
             ContainsSubstring("score: the history is empty") && ContainsSubstring("Popularity"));
  CHECK(seqrec_test::message_of<NonFiniteError>([&] {
          score(model, context, history, Items{0, 4});
        }) == "score request 0: a score is NaN, expected numbers; hint: are the model's weights finite?");
  CHECK_THAT(seqrec_test::message_of<DataError>([&] {
               score(model, context, history, Items{0, 5});
             }),
             ContainsSubstring("candidate 5 is beyond the model's table, expected 0 to 4"));
}

TEST_CASE("a context of another space scores there", "[serve]") {
  const seqrec_test::OtherModel model;
  seqrec_test::OtherContext context;
  const std::vector<offset_t> offsets = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  const std::vector<category_t> categories(10, 3);
  const KnownUser user{{{}, {{categories.data(), 10}, {offsets.data(), 11}}, 0, 4}, -1};
  CHECK(score(model, context, Items{3, 2}, Items{9, 7}, user) == std::vector<float>{209.003f, 207.003f});
}
