// SPDX-License-Identifier: Apache-2.0
#include "seqrec/serve/catalogue_scorer.hpp"

#include <vector>

#include "seqrec/models/din.hpp"
#include "support/catch.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::ToyBatch;
using Model = Din<DoubleContext>;

TEST_CASE("the whole catalogue is scored in chunks as each item is alone", "[train]") {
  constexpr int items = 2500;  // two chunks and a part
  Model model({.items = items, .width = 3, .max_length = 8, .attention_hidden = {4}, .hidden = {3}});
  seqrec_test::randomise(model, 4);
  const ToyBatch toy(seqrec_test::toy_users({5, 0, 8}, items, 0, 5), items, 0);
  const Batch<HostSpace> batch = toy.histories();
  CatalogueScorer<Model> scorer;
  DoubleContext context, other;
  for (index_t user = 0; user < 3; ++user) {
    const auto scores = scorer(context, model, batch, user);
    REQUIRE(scores.size() == items);
    for (const item_t item : {0, 1, 1023, 1024, 2047, 2048, 2499}) {
      const offset_t visible = static_cast<offset_t>(batch.items.length(user));
      std::vector<offset_t> offsets(4, 0);
      for (index_t b = user + 1; b < 4; ++b) offsets[static_cast<std::size_t>(b)] = 1;
      const Candidates<HostSpace> one = make_candidates(batch, {{&item, 1}, {offsets.data(), 4}}, {&visible, 1});
      other.begin_shard();
      Tape<DoubleContext> tape(other, Mode::inference);
      REQUIRE(scores[static_cast<std::size_t>(item)] ==
              Approx(model.score(tape, batch, one).value()(0, 0)).epsilon(1e-12));
    }
  }
}
