// SPDX-License-Identifier: Apache-2.0
#include "seqrec/models/candidate_encoder.hpp"

#include <vector>

#include "seqrec/models/din.hpp"
#include "seqrec/models/sasrec.hpp"
#include "support/biased_model.hpp"
#include "support/catch.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::ToyBatch;

static_assert(CandidateEncoder<Din<DoubleContext>> && Ranker<Din<DoubleContext>>);
static_assert(!CandidateEncoder<SasRec<DoubleContext>> && Ranker<SasRec<DoubleContext>>);
static_assert(!Ranker<int>);

TEST_CASE("a model trains as many positions as it reads unless it says otherwise", "[models]") {
  const SasRec<DoubleContext> sasrec({.items = 3, .width = 2, .max_length = 7});
  CHECK(training_length(sasrec) == 7);
  const auto of_din = [](index_t given) {
    return training_length(Din<DoubleContext>({.items = 3, .width = 2, .max_length = 7, .training_length = given}));
  };
  CHECK(of_din(100) == 100);
  CHECK(of_din(0) == 7);
}

TEST_CASE("a static encoder scores a candidate with the state after what it sees", "[models]") {
  constexpr int items = 9;
  SasRec<DoubleContext> model({.items = items, .width = 4, .blocks = 1, .max_length = 6});
  seqrec_test::randomise(model, 12);
  const ToyBatch toy(seqrec_test::toy_users({6, 3, 0, 2}, items, 2, 5), items, 2);
  TrainingBatch<HostSpace> batch = toy.shard(0);
  std::vector<offset_t> visible(batch.clicks.candidates.visible.data,
                                batch.clicks.candidates.visible.data + batch.clicks.candidates.size());
  visible.front() = 0;  // sees nothing
  batch.clicks.candidates.visible = {visible.data(), std::ssize(visible)};
  DoubleContext context;
  Tape<DoubleContext> tape(context, Mode::inference);
  const auto states = model.encode(tape, batch.histories).value();
  const auto table = model.item_head().table->view();
  const auto scores = score_candidates(tape, model, batch.histories, batch.clicks.candidates).value();
  REQUIRE(scores.rows() == 33);
  CHECK(scores(0, 0) == 0);
  for (index_t c = 1; c < scores.rows(); ++c) {
    double expected = 0;  // candidates lie in the order of the rows, three for each
    for (index_t d = 0; d < 4; ++d) expected += states(c / 3, d) * table(batch.clicks.candidates.items.values(c), d);
    REQUIRE(scores(c, 0) == Approx(expected).epsilon(1e-13));
  }
}

TEST_CASE("a static encoder scores a candidate with the bias of its head too", "[models]") {
  constexpr int items = 9;
  const seqrec_test::BiasedModel model(items, 4);
  const ToyBatch toy(seqrec_test::toy_users({6, 3, 0, 2}, items, 2, 5), items, 2);
  const TrainingBatch<HostSpace> batch = toy.shard(0);
  DoubleContext context;
  Tape<DoubleContext> tape(context, Mode::inference);
  const auto states = model.encode(tape, batch.histories).value();
  const auto scores = score_candidates(tape, model, batch.histories, batch.clicks.candidates).value();
  for (index_t c = 0; c < scores.rows(); ++c) {
    const auto state = [&](index_t d) { return states(c / 3, d); };
    REQUIRE(scores(c, 0) == Approx(model.score(state, batch.clicks.candidates.items.values(c))).epsilon(1e-13));
  }
}
