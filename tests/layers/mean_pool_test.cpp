// SPDX-License-Identifier: Apache-2.0
#include "seqrec/layers/mean_pool.hpp"

#include <algorithm>
#include <string>

#include "support/catch.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::Golden, seqrec_test::golden_tolerance, seqrec_test::deviation,
    seqrec_test::fill, seqrec_test::Matrix, seqrec_test::leaf, seqrec_test::view_of, seqrec_test::ToyBatch;
using T = Tape<DoubleContext>;

namespace {

struct Probe : seqrec_test::LayerProbe<DoubleContext> {
  const ToyBatch& batch;
  MatrixParameter<DoubleContext> x;
  VectorParameter<DoubleContext> recency;
  bool read_twice = false;

  Probe(const ToyBatch& toy, index_t width, index_t distances = 0)
      : batch(toy), x(store.scope().matrix("x", toy.rows(), width, Initialiser::normal(1))) {
    if (distances != 0) recency = store.scope().vector("recency", distances, Initialiser::normal(1));
    finish();
  }
  void operator()(T& tape) const {
    const auto rows = leaf(tape, x);
    if (read_twice) seqrec_test::weigh(tape, rows);  // so that the gradient is added to another's
    seqrec_test::weigh(tape, mean_pool(tape, batch.histories(), rows, recency));
  }
};

}  // namespace

TEST_CASE("a mean pool agrees with PyTorch", "[layers]") {
  Golden golden(GENERATE(as<std::string>{}, "prefix_mean", "prefix_mean_recency"));
  const Matrix weights = golden.has("distances") ? golden.matrix("recency") : Matrix();
  const auto x = golden.matrix("x"), dy = golden.matrix("dy");
  std::vector<int> lengths;
  for (const index_t length : golden.lengths("offsets")) lengths.push_back(static_cast<int>(length));
  const ToyBatch batch(seqrec_test::toy_users(lengths, 5, 0, 1), 5, 0);
  Probe probe(batch, x.columns, weights.columns);
  fill(probe.x, x);
  if (probe.recency) std::copy(weights.values.begin(), weights.values.end(), probe.recency.view().data);

  const auto& parameters = probe.parameters();
  DoubleContext context;
  context.reserve_gradients(parameters.size());
  seqrec_test::record_and_run(context, [&](T& tape) {
    const auto y = mean_pool(tape, batch.histories(), leaf(tape, probe.x), probe.recency);
    CHECK(deviation(y.value(), golden.matrix("y")) < golden_tolerance);
    seqrec_test::weigh(tape, y, view_of(dy));
  });
  CHECK(deviation(probe.x.within(context.gradients()), golden.matrix("dx")) < golden_tolerance);
  if (probe.recency)
    CHECK(deviation(probe.recency.within(context.gradients()), golden.matrix("drecency")) < golden_tolerance);
}

TEST_CASE("a mean pool's gradients are its derivatives", "[layers]") {
  const ToyBatch batch(seqrec_test::toy_users({3, 0, 1, 6, 0}, 7, 0, 4), 7, 0);
  const index_t distances = GENERATE(0, 1, 4, 9);
  Probe probe(batch, 5, distances);
  probe.read_twice = GENERATE(false, true);
  seqrec_test::randomise(probe, 6);
  const GradientCheck check = seqrec_test::check_probe(probe);
  INFO(check.text());
  CHECK(check.worst < 1e-8);
  CHECK(check.elements == 10 * 5 + distances);
}

TEST_CASE("a mean pool that nothing reads passes no gradient on", "[layers]") {
  const ToyBatch batch(seqrec_test::toy_users({3, 1}, 7, 0, 4), 7, 0);
  Probe probe(batch, 5);
  const auto& parameters = probe.parameters();
  DoubleContext context;
  context.reserve_gradients(parameters.size());
  seqrec_test::record_and_run(context, [&](T& tape) { mean_pool(tape, batch.histories(), leaf(tape, probe.x)); });
  for (index_t i = 0; i < parameters.size(); ++i) CHECK(context.gradients()(i) == 0);
}
