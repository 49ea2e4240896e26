// SPDX-License-Identifier: Apache-2.0
#include "seqrec/layers/linear.hpp"

#include <algorithm>
#include <string>

#include "seqrec/cuda/elementwise.cuh"
#include "seqrec/cuda/linear.cuh"
#include "support/all_backends.hpp"
#include "support/catch.hpp"
#include "support/tensors.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::Golden, seqrec_test::golden_tolerance, seqrec_test::deviation,
    seqrec_test::fill, seqrec_test::Matrix, seqrec_test::random_matrix, seqrec_test::view_of;
using T = Tape<DoubleContext>;

namespace {

/// A linear layer on rows of its own.
struct Probe : seqrec_test::LayerProbe<DoubleContext> {
  MatrixParameter<DoubleContext> x;
  Linear<DoubleContext> layer;
  Activation activation = Activation::none;
  double dropout = 0;

  Probe(index_t rows, index_t inputs, index_t outputs, const LinearOptions& options = {})
      : x(store.scope().matrix("x", rows, inputs, Initialiser::normal(1))),
        layer(store.scope(), inputs, outputs, options) {
    finish();
  }
  Variable<DoubleContext> forward(T& tape) const {
    const auto input = seqrec_test::leaf(tape, x);
    return layer.forward(tape, input, {activation, tape.dropout(dropout, 0)});
  }
  void operator()(T& tape) const { seqrec_test::weigh(tape, forward(tape)); }
};

/// Two maps onto parts of the outputs, and one onto all: what attention does with its projections.
struct PartsProbe : Probe {
  using Probe::Probe;
  void operator()(T& tape) const {
    const auto input = seqrec_test::leaf(tape, x);
    const auto w = layer.weights(tape);
    seqrec_test::weigh(tape, apply_linear(tape, input, w.rows(0, 2)));
    seqrec_test::weigh(tape, apply_linear(tape, input, w.rows(2, 3)));
    seqrec_test::weigh(tape, layer.forward(tape, input, {Activation::relu}));
  }
};

}  // namespace

TEST_CASE("a linear layer agrees with PyTorch", "[layers]") {
  const std::string activation = GENERATE(as<std::string>{}, "none", "relu");
  Golden golden("linear_" + activation);
  const auto x = golden.matrix("x"), weight = golden.matrix("weight"), dy = golden.matrix("dy");
  Probe probe(x.rows, x.columns, weight.rows);
  probe.activation = activation == "relu" ? Activation::relu : Activation::none;
  fill(probe.x, x);
  fill(probe.layer.weight, weight);
  fill(probe.layer.bias, golden.matrix("bias"));

  const auto& parameters = probe.parameters();
  DoubleContext context;
  context.reserve_gradients(parameters.size());
  seqrec_test::record_and_run(context, [&](T& tape) {
    const auto y = probe.forward(tape);
    CHECK(deviation(y.value(), golden.matrix("y")) < golden_tolerance);
    seqrec_test::weigh(tape, y, view_of(dy));
  });
  const auto gradient = [&](std::size_t i) {
    return context.gradients().row_range(parameters.entries()[i].offset, parameters.entries()[i].size());
  };
  CHECK(deviation(gradient(0), golden.matrix("dx")) < golden_tolerance);
  CHECK(deviation(gradient(1), golden.matrix("dweight")) < golden_tolerance);
  CHECK(deviation(gradient(2), golden.matrix("dbias")) < golden_tolerance);
}

TEST_CASE("a linear layer's gradients are its derivatives", "[layers]") {
  const index_t rows = GENERATE(1, 9);
  const Activation activation = GENERATE(Activation::none, Activation::relu);
  const double dropout = GENERATE(0.0, 0.4);
  Probe probe(rows, 5, 7);
  probe.activation = activation;
  probe.dropout = dropout;
  seqrec_test::randomise(probe, 2);
  const GradientCheck check = seqrec_test::check_probe(probe);
  INFO(check.text());
  CHECK(check.worst < 1e-7);
}

TEST_CASE("blocks of a linear layer's outputs share its gradients", "[layers]") {
  PartsProbe probe(6, 3, 5);
  seqrec_test::randomise(probe, 3);
  const GradientCheck check = seqrec_test::check_probe(probe);
  INFO(check.text());
  CHECK(check.worst < 1e-7);
}

TEST_CASE("a linear layer does without a bias where it is told to", "[layers]") {
  Probe with(4, 5, 7), probe(4, 5, 7, {.bias = false});
  CHECK(seqrec_test::shown_parameters(with) == "x 4 5\nweight 7 5\nbias 7\n");
  CHECK(seqrec_test::shown_parameters(probe) == "x 4 5\nweight 7 5\n");
  CHECK_FALSE(probe.layer.bias);
  probe.activation = GENERATE(Activation::none, Activation::relu);
  probe.dropout = GENERATE(0.0, 0.4);
  seqrec_test::randomise(probe, 2);

  const GradientCheck check = seqrec_test::check_probe(probe);
  INFO(check.text());
  CHECK(check.worst < 1e-7);
  CHECK(check.elements == 4 * 5 + 7 * 5);

  std::copy_n(probe.x.view().data, 4 * 5, with.x.view().data);
  std::copy_n(probe.layer.weight.view().data, 7 * 5, with.layer.weight.view().data);
  std::fill_n(with.layer.bias.view().data, 7, 0.0);
  with.activation = probe.activation;
  with.dropout = probe.dropout;
  DoubleContext context;
  context.reserve_gradients(with.parameters().size());
  CHECK(seqrec_test::record_and_run(context, probe) == seqrec_test::record_and_run(context, with));
}

TEST_CASE("a linear layer begins with the weights that it is given", "[layers]") {
  const Probe plain(1, 30, 40), given(1, 30, 40, {.weights = Initialiser::constant(0.25)});
  const auto entries = plain.parameters().entries();
  CHECK(entries[1].initialiser.kind == Initialiser::Kind::xavier_normal);
  for (index_t i = 0; i < 40; ++i) {
    CHECK(plain.layer.weight.view()(i, i % 30) != 0);
    CHECK(given.layer.weight.view()(i, i % 30) == 0.25);
    CHECK(plain.layer.bias.view()(i) == 0);
  }
}

TEST_CASE("blocks of a linear layer without a bias have none either", "[layers]") {
  PartsProbe probe(6, 3, 5, {.bias = false});
  seqrec_test::randomise(probe, 3);
  const GradientCheck check = seqrec_test::check_probe(probe);
  INFO(check.text());
  CHECK(check.worst < 1e-7);
  CHECK(check.elements == 6 * 3 + 5 * 3);
}

TEST_CASE("a linear layer takes no rows", "[layers]") {
  Probe probe(0, 3, 2);
  seqrec_test::randomise(probe, 3);
  const GradientCheck check = seqrec_test::check_probe(probe);
  CHECK(check.elements == 3 * 2 + 2);
  CHECK(check.worst == 0);
}

TEST_CASE("a linear layer refuses rows of another width", "[layers]") {
  Probe probe(2, 3, 4);
  DoubleContext context;
  T tape(context, Mode::inference);
  const auto wide = tape.variable(2, 5);
  CHECK_THROWS_AS(probe.layer.forward(tape, wide), ShapeError);
}

TEST_CASE("a linear layer that is exact does not round where its context does", "[layers][cuda]") {
  seqrec_test::with_cuda_float([&]<class Context>() {
    struct Results {
      Matrix y, dx, dweight;
      bool operator==(const Results& o) const {
        return y.values == o.y.values && dx.values == o.dx.values && dweight.values == o.dweight.values;
      }
    };
    const auto results = [](ProductPrecision products, bool exact) {
      Context context;
      context.set_products(products);
      constexpr auto dense = seqrec_test::Layout::dense;
      seqrec_test::PlacedScalars<Context> x(random_matrix(5, 40, 1), dense), weight(random_matrix(3, 40, 2), dense),
          dy(random_matrix(5, 3, 3), dense), dx(Matrix(5, 40), dense), result(Matrix(5, 3), dense);
      seqrec_test::PlacedMasters<Context> dweight(Matrix(3, 40), dense);
      Tape<Context> tape(context, Mode::training);
      const Variable<Context> input = tape.variable(x.matrix());
      tape.record([input, to = dx.matrix()](Tape<Context>& t) {
        ops::add(t.context(), Add<Context>{t.incoming(input), to});
      });
      const LinearWeights<Context> all{weight.matrix(), {}, dweight.matrix(), {}, exact};
      const Variable<Context> y = apply_linear(tape, input, all.rows(0, 3));
      ops::add(context, Add<Context>{y.value(), result.matrix()});
      tape.contribute(y, dy.matrix());
      tape.backward();
      return Results{result.read(), dx.read(), dweight.read()};
    };
    const Results full = results(ProductPrecision::full, false);
    CHECK(results(ProductPrecision::bf16, true) == full);
    const Results rounded = results(ProductPrecision::bf16, false);
    CHECK(rounded.y.values != full.y.values);
    CHECK(rounded.dx.values != full.dx.values);
    CHECK(rounded.dweight.values != full.dweight.values);
  });
}
