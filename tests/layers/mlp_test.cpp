// SPDX-License-Identifier: Apache-2.0
#include "seqrec/layers/mlp.hpp"

#include <string>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::leaf;
using T = Tape<DoubleContext>;

namespace {

struct Probe : seqrec_test::LayerProbe<DoubleContext> {
  MatrixParameter<DoubleContext> x;
  Mlp<DoubleContext> layer;

  Probe(index_t rows, const MlpOptions& options)
      : x(store.scope().matrix("x", rows, options.inputs, Initialiser::normal(1))), layer(store.scope(), options) {
    finish();
  }
  void operator()(T& tape) const { seqrec_test::weigh(tape, layer.forward(tape, leaf(tape, x), 0)); }
};

using Shapes = std::vector<std::pair<std::string, std::vector<index_t>>>;

Shapes shapes_of(const MlpOptions& options) {
  ParameterStore<DoubleContext> parameters;
  const Mlp<DoubleContext> layer(parameters.scope(), options);
  Shapes shapes;
  for (const auto& entry : parameters.entries()) shapes.emplace_back(entry.name, entry.shape);
  return shapes;
}

}  // namespace

TEST_CASE("an Mlp's parameters are lists of linear maps and activations", "[layers]") {
  CHECK(shapes_of({.inputs = 6, .hidden = {4, 3}}) == Shapes{{"linears.0.weight", {4, 6}},
                                                             {"linears.0.bias", {4}},
                                                             {"activations.0.weight", {4}},
                                                             {"linears.1.weight", {3, 4}},
                                                             {"linears.1.bias", {3}},
                                                             {"activations.1.weight", {3}},
                                                             {"linears.2.weight", {1, 3}},
                                                             {"linears.2.bias", {1}}});
  CHECK(shapes_of({.inputs = 6, .hidden = {}, .outputs = 2}) ==
        Shapes{{"linears.0.weight", {2, 6}}, {"linears.0.bias", {2}}});
  CHECK(shapes_of({.inputs = 6, .hidden = {4}, .activation = Activation::dice}).size() == 2 + 4 + 2);
}

TEST_CASE("an Mlp's gradients are its derivatives", "[layers]") {
  MlpOptions options{.inputs = 5, .hidden = {6, 4}, .outputs = GENERATE(1, 3)};
  options.activation = GENERATE(Activation::relu, Activation::sigmoid, Activation::prelu, Activation::dice);
  options.dropout = GENERATE(0.0, 0.3);
  Probe probe(7, options);
  seqrec_test::randomise(probe, 2);
  const GradientCheck check = seqrec_test::check_probe(probe);
  INFO(check.text());
  CHECK(check.worst < 1e-6);
}

TEST_CASE("an Mlp without hidden layers is a linear map", "[layers]") {
  Probe probe(4, {.inputs = 3, .hidden = {}, .outputs = 2, .dropout = 0.5});
  seqrec_test::randomise(probe, 2);
  const auto& parameters = probe.parameters();
  DoubleContext context;
  context.reserve_gradients(parameters.size());
  const auto weight = parameters.values(parameters.entries()[1]), bias = parameters.values(parameters.entries()[2]);
  seqrec_test::record_and_run(context, [&](T& tape) {
    const auto y = probe.layer.forward(tape, leaf(tape, probe.x), 0);
    for (index_t i = 0; i < 4; ++i)
      for (index_t o = 0; o < 2; ++o) {
        double expected = bias(o);
        for (index_t d = 0; d < 3; ++d) expected += weight(3 * o + d) * probe.x.view()(i, d);
        CHECK(y.value()(i, o) == Approx(expected));
      }
  });
}

TEST_CASE("an Mlp's masks are those of the whole batch", "[layers]") {
  Probe probe(8, {.inputs = 3, .hidden = {16}, .outputs = 1, .activation = Activation::sigmoid, .dropout = 0.5});
  seqrec_test::randomise(probe, 2);
  const auto& parameters = probe.parameters();
  DoubleContext context;
  context.reserve_gradients(parameters.size());
  std::vector<double> whole, parts;
  const auto run = [&](index_t first, index_t count, std::vector<double>& into) {
    seqrec_test::record_and_run(context, [&](T& tape) {
      const auto x = tape.variable(probe.x.view().row_range(first, count));
      const auto y = probe.layer.forward(tape, x, first).value();
      for (index_t i = 0; i < count; ++i) into.push_back(y(i, 0));
    });
  };
  run(0, 8, whole);
  run(0, 3, parts);
  run(3, 5, parts);
  CHECK(seqrec_test::deviation(parts, whole) < 1e-14);
}

TEST_CASE("an Mlp moves the statistics of every Dice", "[layers]") {
  Probe probe(6, {.inputs = 3, .hidden = {4, 2}, .activation = Activation::dice});
  seqrec_test::randomise(probe, 2);
  auto& parameters = probe.parameters();
  for (const auto& entry : parameters.entries())
    if (entry.role == ParameterRole::statistic && entry.name.find("running_var") == std::string::npos)
      for (index_t i = 0; i < entry.size(); ++i) parameters.values(entry)(i) = 0;  // sums are about the running mean
  DoubleContext context;
  context.reserve_gradients(parameters.size());
  seqrec_test::record_and_run(context, probe);
  const auto before = std::vector<double>(context.gradients().data, context.gradients().data + parameters.size());
  parameters.update_statistics(context, context.gradients(), ParameterRanges(parameters));
  int statistics = 0;
  for (const auto& entry : parameters.entries()) {
    CAPTURE(entry.name);
    if (entry.name.find("running_mean") != std::string::npos) {  // the first step takes the plain mean
      for (index_t i = 0; i < entry.size(); ++i)
        CHECK(parameters.values(entry)(i) == Approx(before[static_cast<std::size_t>(entry.offset + i)] / 6));
      ++statistics;
    }
    if (entry.name.find("num_batches_tracked") != std::string::npos) CHECK(parameters.values(entry)(0) == 1);
  }
  CHECK(statistics == 2);
}
