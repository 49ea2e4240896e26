// SPDX-License-Identifier: Apache-2.0
#include "seqrec/layers/layer_norm.hpp"

#include "support/catch.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::Golden, seqrec_test::golden_tolerance, seqrec_test::deviation,
    seqrec_test::fill, seqrec_test::view_of;
using T = Tape<DoubleContext>;

namespace {

/// A layer norm on a stream of its own rows.
struct Probe {
  MatrixParameter<DoubleContext> x, residual;
  LayerNorm<DoubleContext> layer;
  bool adds = true, reads_sum = true, reads_y = true;
  double dropout = 0;

  Probe(index_t rows, index_t width, double epsilon = 1e-5)
      : x(rows, width, Initialiser::normal(1)), residual(rows, width, Initialiser::normal(1)), layer(width, epsilon) {}
  template <class Visitor>
  void for_each_parameter(Visitor&& visit) {
    visit("x", x);
    if (adds) visit("residual", residual);
    layer.for_each_parameter(visit);
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
  Probe probe(x.rows, x.columns, golden.number("epsilon"));
  probe.adds = adds;
  fill(probe.x, x);
  fill(probe.layer.weight, golden.matrix("gamma"));
  fill(probe.layer.bias, golden.matrix("beta"));
  if (adds) fill(probe.residual, golden.matrix("residual"));

  const ParameterSet<DoubleContext> parameters(probe);
  DoubleContext context;
  context.reserve_gradients(parameters.size());
  seqrec_test::record_and_run(context, [&](T& tape) {
    const auto [sum, y] = probe.forward(tape);
    CHECK(deviation(y.value(), golden.matrix("y")) < golden_tolerance);
    if (adds) CHECK(deviation(sum.value(), golden.matrix("sum")) < golden_tolerance);
    seqrec_test::weigh(tape, y, view_of(dy));
    if (adds) seqrec_test::weigh(tape, sum, view_of(dsum));
  });
  for (const auto& entry : parameters) {
    const std::string name = entry.name == "weight" ? "dgamma" : entry.name == "bias" ? "dbeta" : "d" + entry.name;
    CAPTURE(name);
    CHECK(deviation(context.gradients().row_range(entry.offset, entry.size()), golden.matrix(name)) < golden_tolerance);
  }
}

TEST_CASE("a layer norm's gradients are its derivatives, whichever of its results is read", "[layers]") {
  Probe probe(4, GENERATE(2, 7), GENERATE(1e-8, 0.1));
  probe.adds = GENERATE(false, true);
  probe.dropout = probe.adds ? GENERATE(0.0, 0.3) : 0.0;
  probe.reads_y = GENERATE(true, false);
  probe.reads_sum = GENERATE(true, false);
  if (!probe.reads_y && !probe.reads_sum) return;
  seqrec_test::randomise<DoubleContext>(probe, 5, 1.0);
  const GradientCheck check = seqrec_test::check_probe(probe);
  INFO(check.text());
  CHECK(check.worst < 1e-6);
  CHECK(check.kinks == 0);
}

TEST_CASE("a layer norm begins as the plain normalisation", "[layers]") {
  Probe probe(1, 4, 1e-12);
  initialise<DoubleContext>(probe, 1);
  probe.adds = false;
  const double row[] = {1, 2, 3, 6};  // mean 3, variance 3.5
  probe.x.value.copy_from_host(row);
  DoubleContext context;
  T tape(context, Mode::inference);
  const auto y = probe.forward(tape).y.value();
  for (index_t i = 0; i < 4; ++i) CHECK(y(0, i) == Approx((row[i] - 3) / std::sqrt(3.5)));
}

TEST_CASE("rows without any spread stay finite", "[layers]") {
  Probe probe(2, 3, 1e-8);
  probe.adds = false;
  probe.layer.weight.value.view()(1) = 2;
  const double rows[] = {5, 5, 5, 0, 0, 0};
  probe.x.value.copy_from_host(rows);
  const ParameterSet<DoubleContext> parameters(probe);
  DoubleContext context;
  context.reserve_gradients(parameters.size());
  seqrec_test::record_and_run(context, probe);
  for (index_t i = 0; i < parameters.size(); ++i) CHECK(std::isfinite(context.gradients()(i)));
}
