// SPDX-License-Identifier: Apache-2.0
#include "seqrec/layers/hidden_activation.hpp"

#include <algorithm>
#include <array>
#include <cmath>
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
  HiddenActivation<DoubleContext> layer;
  double dropout = 0;

  Probe(Activation kind, index_t rows, index_t units)
      : x(store.scope().matrix("x", rows, units, Initialiser::normal(1))), layer(store.scope(), kind, units) {
    finish();
  }
  void operator()(T& tape) const {
    seqrec_test::weigh(tape, layer.forward(tape, leaf(tape, x), tape.dropout(dropout, 0)));
  }
};

std::vector<std::string> names_of_parameters(Activation kind) {
  ParameterStore<DoubleContext> parameters;
  const HiddenActivation<DoubleContext> layer(parameters.scope(), kind, 3);
  std::vector<std::string> names;
  for (const auto& entry : parameters.entries()) names.push_back(entry.name);
  return names;
}

/// A Dice of one unit whose statistics move by a batch of its own.
struct MovingDice {
  Probe probe{Activation::dice, 4, 1};
  DoubleContext context;
  ParameterStore<DoubleContext>& parameters = probe.parameters();

  MovingDice() { context.reserve_gradients(parameters.size()); }
  /// A step on these rows.   @return what it computed
  std::vector<double> step(const std::array<double, 4>& x) {
    std::copy(x.begin(), x.end(), probe.x.view().data);
    std::vector<double> y;
    seqrec_test::record_and_run(context, [&](T& tape) {
      const auto result = probe.layer.forward(tape, leaf(tape, probe.x), {});
      for (index_t i = 0; i < 4; ++i) y.push_back(result.value()(i, 0));
      seqrec_test::weigh(tape, result);
    });
    update_statistics();
    return y;
  }
  void update_statistics() { parameters.update_statistics(context, context.gradients(), ParameterRanges(parameters)); }
  double mean() const { return probe.layer.running_mean.view()(0); }
  double variance() const { return probe.layer.running_var.view()(0); }
  double tracked() const { return probe.layer.num_batches_tracked.view()(0); }
};

}  // namespace

TEST_CASE("a hidden activation has PyTorch's parameters", "[layers]") {
  using Names = std::vector<std::string>;
  CHECK(names_of_parameters(Activation::relu) == Names{});
  CHECK(names_of_parameters(Activation::sigmoid) == Names{});
  CHECK(names_of_parameters(Activation::prelu) == Names{"weight"});
  CHECK(names_of_parameters(Activation::dice) == Names{"weight", "running_mean", "running_var", "num_batches_tracked"});

  ParameterStore<DoubleContext> parameters;
  const HiddenActivation<DoubleContext> dice(parameters.scope("dice"), Activation::dice, 3),
      prelu(parameters.scope("prelu"), Activation::prelu, 3);
  parameters.initialise(InitialValues::drawn, 1);
  for (const auto& entry : parameters.entries()) {
    CAPTURE(entry.name);
    CHECK(entry.shape == std::vector<index_t>{entry.name == "dice.num_batches_tracked" ? 1 : 3});
    const bool weight = entry.name.ends_with(".weight");
    CHECK(entry.role == (weight ? ParameterRole::weight : ParameterRole::statistic));
  }
  for (index_t i = 0; i < 3; ++i) {
    CHECK(prelu.weight.view()(i) == 0.25);
    CHECK(dice.weight.view()(i) == 0);
    CHECK(dice.running_mean.view()(i) == 0);
    CHECK(dice.running_var.view()(i) == 1);
  }
}

TEST_CASE("a hidden activation's gradients are its derivatives", "[layers]") {
  const Activation kind = GENERATE(Activation::none, Activation::relu, Activation::sigmoid, Activation::tanh,
                                   Activation::prelu, Activation::dice);
  Probe probe(kind, 7, 5);
  probe.dropout = GENERATE(0.0, 0.4);
  seqrec_test::randomise(probe, 2);
  const GradientCheck check = seqrec_test::check_probe(probe);
  INFO(check.text());
  CHECK(check.worst < 1e-7);
  CHECK(check.elements == 7 * 5 + (has_slope(kind) ? 5 : 0));
}

TEST_CASE("dropout falls on what the activation gives, in training only", "[layers]") {
  Probe probe(Activation::sigmoid, 20, 8);
  seqrec_test::randomise(probe, 2);
  const auto& parameters = probe.parameters();
  DoubleContext context;
  context.reserve_gradients(parameters.size());
  const auto values = [&](Mode mode) {
    context.begin_step(11, 3);
    context.begin_shard();
    T tape(context, mode);
    const Dropout mask = tape.dropout(0.5, 0);
    const auto y = probe.layer.forward(tape, leaf(tape, probe.x), mask).value();
    index_t dropped = 0;
    for (index_t i = 0; i < 20; ++i)
      for (index_t h = 0; h < 8; ++h) {
        const double kept = 1 / (1 + std::exp(-probe.x.view()(i, h)));
        const bool keeps =
            mode == Mode::inference || mask.keeps(static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(h));
        CHECK(y(i, h) == Approx(keeps ? kept * mask.scale() : 0.0));
        dropped += !keeps;
      }
    return dropped;
  };
  CHECK(values(Mode::inference) == 0);
  CHECK(values(Mode::training) > 40);
}

TEST_CASE("Dice's statistics begin with the plain mean, then move by the momentum", "[layers]") {
  MovingDice dice;
  dice.step({1, 2, 3, 6});
  CHECK(dice.mean() == Approx(3).epsilon(1e-14));
  CHECK(dice.variance() == Approx(12.5 - 9 + 0).epsilon(1e-14));  // (1 + 4 + 9 + 36) / 4 - 3^2
  CHECK(dice.tracked() == 1);
  dice.step({5, 5, 5, 5});  // the second counts as much as the first
  CHECK(dice.mean() == Approx(4).epsilon(1e-14));
  CHECK(dice.variance() == Approx(1.75).epsilon(1e-14));
  CHECK(dice.tracked() == 2);

  dice.probe.layer.num_batches_tracked.view()(0) = 5000;
  dice.step({10, 10, 10, 14});
  CHECK(dice.mean() == Approx(4 + 0.01 * (11 - 4)).epsilon(1e-14));
  CHECK(dice.variance() == Approx(1.75 + 0.01 * (3 - 1.75)).epsilon(1e-14));
  CHECK(dice.tracked() == 5001);
}

TEST_CASE("a step reads Dice's statistics as they were before it", "[layers]") {
  MovingDice dice;
  const std::array<double, 4> x = {1, 2, 3, 6};
  const std::vector<double> first = dice.step(x), second = dice.step(x);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(first[i] == Approx(x[i] / (1 + std::exp(-x[i]))));  // mean 0, variance 1, alpha 0
    CHECK(second[i] == Approx(x[i] / (1 + std::exp(-(x[i] - 3) / std::sqrt(3.5)))));
  }
}

TEST_CASE("Dice's statistics stay where a step went bad", "[layers]") {
  MovingDice dice;
  dice.step({1, 2, 3, 6});
  StepOutcome outcome;
  const auto update = [&] {
    dice.parameters.update_statistics(dice.context, dice.context.gradients(), ParameterRanges(dice.parameters),
                                      {&outcome, 1});
  };
  outcome.first_bad_step = 1;
  update();
  CHECK(dice.tracked() == 1);
  CHECK(dice.mean() == Approx(3));
  outcome.first_bad_step = -1;
  update();
  CHECK(dice.tracked() == 2);
}

TEST_CASE("statistics stay where no row came by, and other activations have none", "[layers]") {
  MovingDice dice;
  dice.step({1, 2, 3, 6});
  dice.context.begin_step(1, 9);
  for (index_t i = 0; i < dice.parameters.size(); ++i) dice.context.gradients()(i) = 0;
  dice.update_statistics();
  CHECK(dice.mean() == Approx(3));
  CHECK(dice.tracked() == 1);
  Probe prelu(Activation::prelu, 4, 3);
  const std::vector<double> before(prelu.parameters().values().data,
                                   prelu.parameters().values().data + prelu.parameters().size());
  const std::vector<double> gradients(before.size(), 1.0);
  prelu.parameters().update_statistics(dice.context, {gradients.data(), std::ssize(gradients)},
                                       ParameterRanges(prelu.parameters()));
  CHECK(std::equal(before.begin(), before.end(), prelu.parameters().values().data));
}
