// SPDX-License-Identifier: Apache-2.0
#include "seqrec/serve/candidate_scores.hpp"

#include <vector>

#include "seqrec/data/batches/ranking_batch.hpp"
#include "serve/table_models.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::StaticTable, seqrec_test::CandidateTable;
using Items = std::vector<item_t>;

TEMPLATE_TEST_CASE("a shard's candidates are scored one after another, whatever the model", "[serve]", StaticTable,
                   CandidateTable) {
  const TestType model({10, 11, 12, 13});
  const Items history = {1}, longer = {2, 1}, candidates = {3, 0, 3};
  const RankingRequest requests[] = {{history, -1, {}, std::span<const item_t>(candidates)},
                                     {history, -1, {}, std::span<const item_t>()},
                                     {longer, -1, {}, std::span<const item_t>(history)}};
  HostRankingBatch batch({4, 4, 100});
  batch.pack(requests);
  DoubleContext context;
  Tape<DoubleContext> tape(context, Mode::inference);
  const auto scores = scores_of_candidates(tape, model, batch.shard(0));
  REQUIRE(scores.size() == 4);
  CHECK(std::vector<double>(scores.data, scores.data + 4) == std::vector<double>{11, 13, 10, 13});  // longest first
}
