// SPDX-License-Identifier: Apache-2.0
#include "seqrec/layers/layer_norm.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string>

#include "support/catch.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::Golden, seqrec_test::golden_tolerance, seqrec_test::deviation,
    seqrec_test::fill, seqrec_test::view_of;
using T = Tape<DoubleContext>;

namespace {

/// A layer norm on a stream of its own rows.
struct Probe : seqrec_test::LayerProbe<DoubleContext> {
  MatrixParameter<DoubleContext> x, residual;
  LayerNorm<DoubleContext> layer;
  bool adds, reads_sum = true, reads_y = true;
  double dropout = 0;

  Probe(index_t rows, index_t width, double epsilon, bool adds_residual)
      : x(store.scope().matrix("x", rows, width, Initialiser::normal(1))),
        layer(store.scope(), width, epsilon),
        adds(adds_residual) {
    if (adds) residual = store.scope().matrix("residual", rows, width, Initialiser::normal(1));
    finish();
  }
  LayerNorm<DoubleContext>::Result forward(T& tape) const {
    const auto branch = seqrec_test::leaf(tape, x);
    if (!adds) return layer.forward(tape, {branch, {}});
    const auto rest = seqrec_test::leaf(tape, residual);
    return layer.forward(tape, {rest, branch, tape.dropout(dropout, 0)});
  }
  void operator()(T& tape) const {
    const auto [sum, y] = forward(tape);
    if (reads_y) seqrec_test::weigh(tape, y);
    if (reads_sum) seqrec_test::weigh(tape, sum);
  }
};

}  // namespace

TEST_CASE("a layer norm agrees with PyTorch", "[layers]") {
  const bool adds = GENERATE(false, true);
  Golden golden(adds ? "dropout_residual_layer_norm" : "layer_norm");
  const auto x = golden.matrix("x"), dy = golden.matrix("dy");
  const auto dsum = adds ? golden.matrix("dsum") : dy;
  Probe probe(x.rows, x.columns, golden.number("epsilon"), adds);
  fill(probe.x, x);
  fill(probe.layer.weight, golden.matrix("gamma"));
  fill(probe.layer.bias, golden.matrix("beta"));
  if (adds) fill(probe.residual, golden.matrix("residual"));

  const auto& parameters = probe.parameters();
  DoubleContext context;
  context.reserve_gradients(parameters.size());
  seqrec_test::record_and_run(context, [&](T& tape) {
    const auto [sum, y] = probe.forward(tape);
    CHECK(deviation(y.value(), golden.matrix("y")) < golden_tolerance);
    if (adds) CHECK(deviation(sum.value(), golden.matrix("sum")) < golden_tolerance);
    seqrec_test::weigh(tape, y, view_of(dy));
    if (adds) seqrec_test::weigh(tape, sum, view_of(dsum));
  });
  for (const auto& entry : parameters.entries()) {
    const std::string name = entry.name == "weight" ? "dgamma" : entry.name == "bias" ? "dbeta" : "d" + entry.name;
    CAPTURE(name);
    CHECK(deviation(context.gradients().row_range(entry.offset, entry.size()), golden.matrix(name)) < golden_tolerance);
  }
}

TEST_CASE("a layer norm's gradients are its derivatives, whichever of its results is read", "[layers]") {
  const index_t width = GENERATE(2, 7);
  const double epsilon = GENERATE(1e-8, 0.1);
  Probe probe(4, width, epsilon, GENERATE(false, true));
  probe.dropout = probe.adds ? GENERATE(0.0, 0.3) : 0.0;
  probe.reads_y = GENERATE(true, false);
  probe.reads_sum = GENERATE(true, false);
  if (!probe.reads_y && !probe.reads_sum) return;
  seqrec_test::randomise(probe, 5, 1.0);
  const GradientCheck check = seqrec_test::check_probe(probe);
  INFO(check.text());
  CHECK(check.worst < 1e-6);
  CHECK(check.kinks == 0);
}

TEST_CASE("a layer norm begins as the plain normalisation", "[layers]") {
  Probe probe(1, 4, 1e-12, false);
  const double row[] = {1, 2, 3, 6};  // mean 3, variance 3.5
  std::copy(std::begin(row), std::end(row), probe.x.view().data);
  DoubleContext context;
  T tape(context, Mode::inference);
  const auto y = probe.forward(tape).y.value();
  for (index_t i = 0; i < 4; ++i) CHECK(y(0, i) == Approx((row[i] - 3) / std::sqrt(3.5)));
}

TEST_CASE("rows without any spread stay finite", "[layers]") {
  Probe probe(2, 3, 1e-8, false);
  probe.layer.weight.view()(1) = 2;
  const double rows[] = {5, 5, 5, 0, 0, 0};
  std::copy(std::begin(rows), std::end(rows), probe.x.view().data);
  const auto& parameters = probe.parameters();
  DoubleContext context;
  context.reserve_gradients(parameters.size());
  seqrec_test::record_and_run(context, probe);
  for (index_t i = 0; i < parameters.size(); ++i) CHECK(std::isfinite(context.gradients()(i)));
}
