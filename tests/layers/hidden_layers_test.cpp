// SPDX-License-Identifier: Apache-2.0
#include "seqrec/layers/hidden_layers.hpp"

#include <cstddef>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::leaf;
using T = Tape<DoubleContext>;

namespace {

struct Probe : seqrec_test::LayerProbe<DoubleContext> {
  MatrixParameter<DoubleContext> x;
  HiddenLayers<DoubleContext> layers;

  Probe(index_t rows, const HiddenLayersOptions& options)
      : x(store.scope().matrix("x", rows, options.inputs, Initialiser::normal(1))), layers(store.scope(), options) {
    finish();
  }
  Variable<DoubleContext> forward(T& tape) const {
    Variable<DoubleContext> y = leaf(tape, x);
    for (std::size_t i = 0; i < layers.size(); ++i)
      y = layers.activations[i].forward(tape, layers.linears[i].forward(tape, y), {});
    return y;
  }
  void operator()(T& tape) const { seqrec_test::weigh(tape, forward(tape)); }
};

std::string shown(const HiddenLayersOptions& options) {
  ParameterStore<DoubleContext> parameters;
  const HiddenLayers<DoubleContext> layers(parameters.scope(), options);
  CHECK(layers.size() == options.widths.size());
  CHECK(layers.activations.size() == layers.size());
  return seqrec_test::shown_parameters(parameters);
}

}  // namespace

TEST_CASE("hidden layers are a list of linear maps and one of activations", "[layers]") {
  CHECK(shown({.inputs = 6, .widths = {4, 3}}) ==
        "linears.0.weight 4 6\nlinears.0.bias 4\nactivations.0.weight 4\n"
        "linears.1.weight 3 4\nlinears.1.bias 3\nactivations.1.weight 3\n");
  CHECK(shown({.inputs = 6, .widths = {4}, .activation = Activation::relu}) ==
        "linears.0.weight 4 6\nlinears.0.bias 4\n");
  CHECK(shown({.inputs = 6, .widths = {4}, .activation = Activation::dice}) ==
        "linears.0.weight 4 6\nlinears.0.bias 4\nactivations.0.weight 4\nactivations.0.running_mean 4\n"
        "activations.0.running_var 4\nactivations.0.num_batches_tracked 1\n");
  CHECK(shown({.inputs = 6, .widths = {}}).empty());
}

TEST_CASE("hidden layers know how many columns come out", "[layers]") {
  using Layers = HiddenLayers<DoubleContext>;
  CHECK(Layers::outputs({.inputs = 6, .widths = {4, 3}}) == 3);
  CHECK(Layers::outputs({.inputs = 6, .widths = {}}) == 6);
  Probe probe(5, {.inputs = 6, .widths = {4, 3}});
  DoubleContext context;
  T tape(context, Mode::inference);
  const auto y = probe.forward(tape);
  CHECK(y.rows() == 5);
  CHECK(y.columns() == 3);
}

TEST_CASE("hidden layers begin with the weights that they are given", "[layers]") {
  const Probe probe(1, {.inputs = 6, .widths = {4, 3}, .weights = Initialiser::constant(0.125)});
  for (const Linear<DoubleContext>& linear : probe.layers.linears) {
    CHECK(linear.weight.view()(1, 2) == 0.125);
    CHECK(linear.bias.view()(1) == 0);
  }
}

TEST_CASE("hidden layers' gradients are their derivatives", "[layers]") {
  HiddenLayersOptions options{.inputs = 5, .widths = {6, 4}};
  if (GENERATE(false, true)) options.widths = {3, 2, 4};
  options.activation = GENERATE(Activation::relu, Activation::sigmoid, Activation::prelu, Activation::dice);
  Probe probe(7, options);
  seqrec_test::randomise(probe, 2);
  const GradientCheck check = seqrec_test::check_probe(probe);
  INFO(check.text());
  CHECK(check.worst < 1e-6);
}
