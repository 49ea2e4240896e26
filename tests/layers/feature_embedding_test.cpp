// SPDX-License-Identifier: Apache-2.0
#include "seqrec/layers/feature_embedding.hpp"

#include <vector>

#include "support/catch.hpp"
#include "support/histories.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext;
using T = Tape<DoubleContext>;

namespace {

/// Three owners: of the second nothing is known, the third has category 1 twice.
struct Probe : seqrec_test::LayerProbe<DoubleContext> {
  seqrec_test::PlacedJagged<HostSpace> features{{{0, 3}, {}, {1, 2, 1}}};
  std::vector<item_t> owners = {2, 0, 1, 2};
  std::vector<offset_t> repeats = {0, 2, 2, 3, 6};
  bool repeated = false;
  Embedding<DoubleContext> table{store.scope("table"), 5, 3, Initialiser::normal(1)};

  Probe() { finish(); }
  Variable<DoubleContext> forward(T& tape) const {
    FeatureOwners<HostSpace> of{{owners.data(), 4}, {}, features.view()};
    if (repeated) of.repeats = {repeats.data(), 5};
    return embed_features(tape, of, repeated ? 6 : 4, table);
  }
  void operator()(T& tape) const { seqrec_test::weigh(tape, forward(tape)); }
};

}  // namespace

TEST_CASE("an owner's features are the sum of their vectors", "[layers]") {
  Probe probe;
  seqrec_test::randomise(probe, 6);
  const auto table = probe.table.weight.view();
  DoubleContext context;
  T tape(context, Mode::inference);
  const auto check_row = [&](const auto& y, index_t row, item_t owner) {
    for (index_t d = 0; d < 3; ++d)
      CHECK(y(row, d) == Approx(owner == 0   ? table(0, d) + table(3, d)
                                : owner == 1 ? 0
                                             : 2 * table(1, d) + table(2, d)));
  };
  const auto once = probe.forward(tape).value();
  for (index_t row = 0; row < 4; ++row) check_row(once, row, probe.owners[static_cast<std::size_t>(row)]);
  probe.repeated = true;
  const auto repeated = probe.forward(tape).value();
  const item_t owners[] = {2, 2, 1, 2, 2, 2};  // the first twice, the second never, the last three times
  for (index_t row = 0; row < 6; ++row) check_row(repeated, row, owners[row]);
}

TEST_CASE("a feature's gradients are its derivatives", "[layers]") {
  Probe probe;
  probe.repeated = GENERATE(false, true);
  seqrec_test::randomise(probe, 6);
  const GradientCheck check = seqrec_test::check_probe(probe);
  INFO(check.text());
  CHECK(check.worst < 1e-8);
  CHECK(check.elements == 15);
}
