// SPDX-License-Identifier: Apache-2.0
#include "seqrec/objectives/item_heads.hpp"

#include <cmath>

#include "seqrec/ops/row_losses.hpp"
#include "support/catch.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext;

namespace {

constexpr index_t items = 5, width = 3;

struct Probe : seqrec_test::LayerProbe<DoubleContext> {
  MatrixParameter<DoubleContext> states = store.scope().matrix("states", 4, width, Initialiser::normal(1));
  MatrixParameter<DoubleContext> table = store.scope().table("table", items, width, Initialiser::normal(1));
  VectorParameter<DoubleContext> bias = store.scope().vector("bias", items, Initialiser::constant(0));
  seqrec_test::ToyBatch batch{seqrec_test::toy_users({3, 1}, items, 2, 5), items, 2};
  bool whole_catalogue = false;

  Probe() { finish(); }
  void operator()(Tape<DoubleContext>& tape) const {
    const ItemHeadParameters<DoubleContext> head{&table, &bias};
    const auto leaf = seqrec_test::leaf(tape, states);
    if (whole_catalogue)
      detail::catalogue_head(false, tape, leaf, head, batch.shard(0));
    else
      detail::sampled_head(Bpr{}, tape, leaf, head, batch.shard(0));
  }
};

}  // namespace

TEST_CASE("heads have the derivatives of their losses, by states, table and bias", "[objectives]") {
  Probe probe;
  probe.whole_catalogue = GENERATE(false, true);
  seqrec_test::randomise(probe, 6);
  const GradientCheck check = seqrec_test::check_probe(probe);
  INFO(check.text());
  CHECK(check.worst < 1e-6);
  CHECK(check.elements == 4 * width + items * width + items);
}

TEST_CASE("a head's loss is the mean over rows", "[objectives]") {
  Probe probe;
  seqrec_test::randomise(probe, 6);
  const auto batch = probe.batch.shard(0);
  const auto h = probe.states.view(), e = probe.table.view();
  const auto b = probe.bias.view();
  double expected = 0;
  for (index_t row = 0; row < 4; ++row) {
    const auto score = [&](item_t item) {
      double sum = b(item);
      for (index_t d = 0; d < width; ++d) sum += h(row, d) * e(item, d);
      return sum;
    };
    for (index_t j = 1; j < 3; ++j)
      expected += std::log1p(std::exp(score(batch.next.items(row, j)) - score(batch.next.items(row, 0)))) / 4;
  }
  DoubleContext context;
  context.begin_step(1, 1);
  Tape<DoubleContext> tape(context, Mode::inference);
  probe(tape);
  CHECK(context.loss() == Approx(expected));
}
