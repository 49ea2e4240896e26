// SPDX-License-Identifier: Apache-2.0
#include "seqrec/serve/last_states.hpp"

#include "seqrec/models/sasrec.hpp"
#include "support/biased_model.hpp"
#include "support/catch.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::ToyBatch;

namespace {

/// Knows its last states without encoding the rows before them.
struct ShorterModel : seqrec_test::BiasedModel {
  using BiasedModel::BiasedModel;
  Variable<Context> encode_last(Tape<Context>& tape, const Batch<HostSpace>& batch) const {
    const auto y = tape.variable(batch.users(), 4);
    for (index_t i = 0; i < y.rows(); ++i)
      for (index_t d = 0; d < 4; ++d) y.value()(i, d) = 100.0 * static_cast<double>(i) + static_cast<double>(d);
    return y;
  }
};

}  // namespace

TEST_CASE("a static encoder that knows a shorter way to its last states goes it", "[train]") {
  const ShorterModel model(9, 4);
  const ToyBatch batch(seqrec_test::toy_users({6, 0, 2}, 9, 0, 5), 9, 0);
  DoubleContext context;
  Tape<DoubleContext> tape(context, Mode::inference);
  const auto last = last_states(tape, model, batch.histories());
  REQUIRE(last.rows() == 3);
  CHECK(last(0, 0) == 0);
  CHECK(last(2, 3) == 203);
}

TEST_CASE("a static encoder ranks with the state after each history's last item", "[train]") {
  SasRec<DoubleContext> model({.items = 9, .width = 4, .blocks = 1, .max_length = 6});
  seqrec_test::randomise(model, 12);
  const ToyBatch batch(seqrec_test::toy_users({6, 0, 2}, 9, 0, 5), 9, 0);
  DoubleContext context;
  Tape<DoubleContext> tape(context, Mode::inference);
  const auto states = model.encode(tape, batch.histories()).value();
  const auto last = last_states(tape, model, batch.histories());
  REQUIRE(last.rows() == 3);
  for (index_t d = 0; d < 4; ++d) {
    CHECK(last(0, d) == states(5, d));
    CHECK(last(1, d) == 0);  // an empty history
    CHECK(last(2, d) == states(7, d));
  }
}
