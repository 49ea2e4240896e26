// SPDX-License-Identifier: Apache-2.0
#include "seqrec/layers/embedding.hpp"

#include <string>

#include "support/catch.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::Golden, seqrec_test::golden_tolerance, seqrec_test::deviation,
    seqrec_test::fill, seqrec_test::view_of, seqrec_test::ToyBatch;
using T = Tape<DoubleContext>;

namespace {

struct Probe : seqrec_test::LayerProbe<DoubleContext> {
  const ToyBatch& batch;
  Embedding<DoubleContext> items, positions;
  EmbedOptions options{};
  bool has_positions = true;

  Probe(const ToyBatch& toy, index_t num_items, index_t num_positions, index_t width)
      : batch(toy),
        items(store.scope("items"), num_items, width, Initialiser::normal(1)),
        positions(store.scope("positions"), num_positions, width, Initialiser::normal(1)) {
    finish();
  }
  Variable<DoubleContext> forward(T& tape) const {
    return embed_sequence(tape, batch.histories(), items, has_positions ? &positions : nullptr, options);
  }
  void operator()(T& tape) const { seqrec_test::weigh(tape, forward(tape)); }
};

}  // namespace

TEST_CASE("embedding a sequence agrees with PyTorch", "[layers]") {
  const std::string origin = GENERATE(as<std::string>{}, "end", "start");
  Golden golden("embed_sequence_" + origin);
  std::vector<seqrec_test::ToyUser> users;
  const std::vector<std::int32_t> items = golden.integers("items"), offsets = golden.integers("offsets");
  for (std::size_t user = 0; user + 1 < offsets.size(); ++user)
    users.push_back({{items.begin() + offsets[user], items.begin() + offsets[user + 1]},
                     {items.begin() + offsets[user], items.begin() + offsets[user + 1]}});
  const auto table = golden.matrix("table"), positions = golden.matrix("positions"), dy = golden.matrix("dy");
  const ToyBatch batch(users, static_cast<int>(table.rows), 0);

  Probe probe(batch, table.rows, positions.rows, table.columns);
  probe.options = {golden.number("scale"), origin == "end" ? PositionOrigin::end : PositionOrigin::start, 0};
  fill(probe.items.weight, table);
  fill(probe.positions.weight, positions);

  const auto& parameters = probe.parameters();
  DoubleContext context;
  context.reserve_gradients(parameters.size());
  seqrec_test::record_and_run(context, [&](T& tape) {
    const auto y = probe.forward(tape);
    CHECK(deviation(y.value(), golden.matrix("y")) < golden_tolerance);
    seqrec_test::weigh(tape, y, view_of(dy));
  });
  const auto gradient = [&](const MatrixParameter<DoubleContext>& of) { return of.within(context.gradients()); };
  CHECK(deviation(gradient(probe.items.weight), golden.matrix("dtable")) < golden_tolerance);
  CHECK(deviation(gradient(probe.positions.weight), golden.matrix("dpositions")) < golden_tolerance);
}

TEST_CASE("an embedded sequence's gradients are its derivatives", "[layers]") {
  const ToyBatch batch(seqrec_test::toy_users({3, 0, 1, 6, 0}, 7, 0, 4), 7, 0);
  Probe probe(batch, 7, 6, 5);
  probe.options = {GENERATE(1.0, 2.5), GENERATE(PositionOrigin::end, PositionOrigin::start), GENERATE(0.0, 0.5)};
  probe.has_positions = GENERATE(true, false);
  seqrec_test::randomise(probe, 6);
  const GradientCheck check = seqrec_test::check_probe(probe);
  INFO(check.text());
  CHECK(check.worst < 1e-8);
  CHECK(check.elements == 7 * 5 + 6 * 5);
}

TEST_CASE("an embedding is a table: its rows are looked up by number", "[layers]") {
  const ToyBatch batch(seqrec_test::toy_users({3}, 7, 0, 4), 7, 0);
  const Probe probe(batch, 7, 6, 5);
  CHECK(seqrec_test::shown_parameters(probe) == "items.weight 7 5\npositions.weight 6 5\n");
  CHECK(probe.items.rows() == 7);
  CHECK(probe.items.width() == 5);
  for (const auto& entry : probe.parameters().entries()) CHECK(entry.role == ParameterRole::table);
}

TEST_CASE("a history longer than the position table is refused with advice", "[layers]") {
  const ToyBatch batch(seqrec_test::toy_users({3, 7}, 5, 0, 4), 5, 0);
  Probe probe(batch, 5, 6, 2);
  DoubleContext context;
  T tape(context, Mode::inference);
  CHECK_THAT(seqrec_test::message_of<ShapeError>([&] { probe.forward(tape); }),
             ContainsSubstring("7 items") && ContainsSubstring("6 rows") &&
                 ContainsSubstring("keep the last max_length items"));
  probe.has_positions = false;
  CHECK_NOTHROW(probe.forward(tape));
}
