// SPDX-License-Identifier: Apache-2.0
#include "seqrec/layers/additive_attention.hpp"

#include <string>
#include <vector>

#include "seqrec/core/option_text.hpp"
#include "seqrec/cpu.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/histories.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

struct Probe : LayerProbe<DoubleContext> {
  const ToyBatch& batch;
  AdditiveAttention<DoubleContext> attention;
  MatrixParameter<DoubleContext> x;

  Probe(const ToyBatch& toy, const AdditiveAttentionOptions& options)
      : batch(toy),
        attention(store.scope("attention"), 4, 6, options),
        x(store.scope().matrix("x", toy.rows(), 4, Initialiser::normal(1))) {
    finish();
  }
  void operator()(Tape<DoubleContext>& tape) const {
    weigh(tape, attention.forward(tape, batch.histories(), leaf(tape, x)));
  }
};

}  // namespace

TEST_CASE("an additive attention has names and shapes", "[layers]") {
  const ToyBatch batch(toy_users({2}, 5, 0, 1), 5, 0);
  CHECK(shown_parameters(Probe(batch, {})) ==
        "attention.query.weight 6 4\nattention.key.weight 6 4\nattention.weight 6\nx 2 4\n");
}

TEST_CASE("an additive attention's op agrees with PyTorch", "[layers]") {
  const std::string name = GENERATE(as<std::string>{}, "paper", "official_code");
  Golden golden("additive_attention_" + name);
  const auto placed_matrix = [&](const char* tensor) {
    return PlacedScalars<DoubleContext>(golden.matrix(tensor), Layout::dense);
  };
  auto queries = placed_matrix("queries"), keys = placed_matrix("keys"), weight = placed_matrix("weight"),
       x = placed_matrix("x"), dy = placed_matrix("dy"), y = placed_matrix("dy"), dqueries = placed_matrix("queries"),
       dkeys = placed_matrix("keys"), dx = placed_matrix("x");
  PlacedMasters<DoubleContext> dweight(Matrix(1, golden.matrix("weight").columns), Layout::dense);
  const auto offsets = placed<HostSpace>(offsets_of(golden.lengths("offsets")));
  Squash squash = Squash::sigmoid;
  bool softmax = false;
  parse_option("squash", golden.text("squash"), squash);
  parse_option("softmax", golden.text("softmax"), softmax);

  DoubleContext context;
  const auto saved = context.vector(ops::additive_attention_saved_size(context, offsets.view(), x.read().rows));
  ops::additive_attention_forward(
      context, AdditiveAttentionForward<DoubleContext>{offsets.view(), queries.matrix(), keys.matrix(), weight.vector(),
                                                       x.matrix(), y.matrix(), saved, squash, softmax});
  CHECK(difference(y.read(), golden.matrix("y")) < golden_tolerance);
  ops::additive_attention_backward(context, AdditiveAttentionBackward<DoubleContext>{offsets.view(),
                                                                                     queries.matrix(),
                                                                                     keys.matrix(),
                                                                                     weight.vector(),
                                                                                     x.matrix(),
                                                                                     saved,
                                                                                     dy.matrix(),
                                                                                     {dqueries.matrix()},
                                                                                     {dkeys.matrix()},
                                                                                     dweight.vector(),
                                                                                     {dx.matrix()},
                                                                                     squash,
                                                                                     softmax});
  CHECK(difference(dqueries.read(), golden.matrix("dqueries")) < golden_tolerance);
  CHECK(difference(dkeys.read(), golden.matrix("dkeys")) < golden_tolerance);
  CHECK(difference(dweight.read(), golden.matrix("dweight")) < golden_tolerance);
  CHECK(difference(dx.read(), golden.matrix("dx")) < golden_tolerance);
}

TEST_CASE("an additive attention's gradients are its derivatives", "[layers]") {
  const ToyBatch batch(toy_users({3, 0, 1, 6, 0}, 7, 0, 4), 7, 0);
  Probe probe(batch, {.softmax = GENERATE(false, true)});
  randomise(probe, 6);
  const GradientCheck check = check_probe(probe);
  INFO(check.text());
  CHECK(check.worst < 1e-6);
}
