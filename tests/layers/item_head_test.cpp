// SPDX-License-Identifier: Apache-2.0
#include "seqrec/layers/item_head.hpp"

#include "support/catch.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::ToyBatch;
using T = Tape<DoubleContext>;

namespace {

constexpr int items = 7;

/// A head that scores the candidates of a toy batch with states of their own.
struct Probe : seqrec_test::LayerProbe<DoubleContext> {
  const ToyBatch& toy;
  MatrixParameter<DoubleContext> states, table;
  VectorParameter<DoubleContext> bias;
  bool biased = true;

  explicit Probe(const ToyBatch& batch)
      : toy(batch),
        states(store.scope().matrix("states", candidates().size(), 4, Initialiser::normal(1))),
        table(store.scope().table("table", items, 4, Initialiser::normal(1))),
        bias(store.scope().vector("bias", items, Initialiser::normal(1))) {
    finish();
  }
  Candidates<HostSpace> candidates() const { return toy.shard(0).clicks.candidates; }
  ItemHeadParameters<DoubleContext> head() const { return {&table, biased ? &bias : nullptr}; }
  Variable<DoubleContext> forward(T& tape) const {
    const auto h = seqrec_test::leaf(tape, states);
    return score_by_head(tape, h, head(), candidates());
  }
  void operator()(T& tape) const { seqrec_test::weigh(tape, forward(tape)); }
};

}  // namespace

TEST_CASE("an item head scores candidates with vectors and biases", "[layers]") {
  const ToyBatch batch(seqrec_test::toy_users({3, 0, 2}, items, 2, 5), items, 2);
  Probe probe(batch);
  probe.biased = GENERATE(true, false);
  DoubleContext context;
  T tape(context, Mode::inference);
  const auto scores = probe.forward(tape).value();
  const auto candidates = probe.candidates();
  REQUIRE(scores.rows() == 15);
  for (index_t c = 0; c < scores.rows(); ++c) {
    const item_t item = candidates.items.values(c);
    double expected = probe.biased ? probe.bias.view()(item) : 0;
    for (index_t d = 0; d < 4; ++d) expected += probe.states.view()(c, d) * probe.table.view()(item, d);
    CHECK(scores(c, 0) == Approx(expected).epsilon(1e-14));
  }
}

TEST_CASE("gradients of an item head agree with central differences", "[layers]") {
  const ToyBatch batch(seqrec_test::toy_users({3, 0, 2}, items, 2, 5), items, 2);
  Probe probe(batch);
  probe.biased = GENERATE(true, false);
  const GradientCheck check = seqrec_test::check_probe(probe);
  INFO(check.text());
  CHECK(check.worst < 1e-6);
}

TEST_CASE("an item head is seen by ops as tables, and as nulls where there is none", "[layers]") {
  const ToyBatch batch(seqrec_test::toy_users({3}, items, 2, 5), items, 2);
  const Probe probe(batch);
  DoubleContext context;
  const T tape(context, Mode::training);
  const auto head = probe.head();
  CHECK(head.items() == items);
  CHECK(head.width() == 4);
  CHECK(head.view(tape).table.data == probe.table.view().data);
  CHECK(head.view(tape).bias.data == probe.bias.view().data);
  CHECK_FALSE(head.gradient(tape).table);  // the context sums none
  CHECK_FALSE(head.gradient(tape).bias);
  context.reserve_gradients(probe.parameters().size());
  CHECK(head.gradient(tape).table);
  CHECK(head.gradient(tape).bias);
  const ItemHeadParameters<DoubleContext> unbiased{&probe.table};
  CHECK_FALSE(unbiased.view(tape).bias);
  CHECK_FALSE(unbiased.gradient(tape).bias);
}
