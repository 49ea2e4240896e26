// SPDX-License-Identifier: Apache-2.0
#include "seqrec/layers/moe_feed_forward.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "seqrec/core/option_text.hpp"
#include "seqrec/train/step.hpp"
#include "support/catch.hpp"
#include "support/masked_moe.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::Golden, seqrec_test::golden_tolerance, seqrec_test::deviation,
    seqrec_test::leaf, seqrec_test::Matrix, seqrec_test::view_of;
using T = Tape<DoubleContext>;

namespace {

/// A mixture on rows of its own.
struct Probe : seqrec_test::LayerProbe<DoubleContext> {
  MatrixParameter<DoubleContext> x;
  MoeFeedForward<DoubleContext> layer;

  Probe(index_t rows, const FeedForwardOptions& dense, const MoeOptions& moe)
      : x(store.scope().matrix("x", rows, dense.width, Initialiser::normal(1))), layer(store.scope("moe"), dense, moe) {
    finish();
  }
  Variable<DoubleContext> forward(T& tape, index_t first_row = 0) const {
    const auto rows = leaf(tape, x);
    return layer.forward(tape, rows, rows, first_row).branch;
  }
  void operator()(T& tape) const { seqrec_test::weigh(tape, forward(tape)); }
};

std::string problem_of(const MoeOptions& moe, index_t hidden = 64) {
  return seqrec_test::message_of<ArgumentError>([&] { Probe(1, {.width = 4, .hidden = hidden}, moe); });
}

}  // namespace

TEST_CASE("a mixture of experts names and shapes its parameters", "[layers]") {
  CHECK(seqrec_test::shown_parameters(Probe(2, {.width = 3, .hidden = 6}, {.experts = 4, .shared_experts = 1})) ==
        "x 2 3\nmoe.router.weight 4 3\n"
        "moe.experts.linear1.weight 8 3\nmoe.experts.linear1.bias 4 2\n"
        "moe.experts.linear2.weight 12 2\nmoe.experts.linear2.bias 4 3\n"
        "moe.shared.linear1.weight 2 3\nmoe.shared.linear1.bias 2\n"
        "moe.shared.linear2.weight 3 2\nmoe.shared.linear2.bias 3\n"
        "moe.recent_loads 40\nmoe.num_batches_tracked 1\nmoe.selection_bias 4\n");
  CHECK(seqrec_test::shown_parameters(
            Probe(2, {.width = 3, .hidden = 6}, {.experts = 2, .balance = MoeBalanceKind::auxiliary})) ==
        "x 2 3\nmoe.router.weight 2 3\n"
        "moe.experts.linear1.weight 6 3\nmoe.experts.linear1.bias 2 3\n"
        "moe.experts.linear2.weight 6 3\nmoe.experts.linear2.bias 2 3\n"
        "moe.recent_loads 20\nmoe.num_batches_tracked 1\n");
}

TEST_CASE("a mixture's router is never rounded, its experts may be", "[layers]") {
  const Probe probe(2, {.width = 3, .hidden = 6}, {.experts = 4, .shared_experts = 1});
  CHECK(probe.layer.router.exact);
  CHECK_FALSE(probe.layer.shared1->exact);
}

TEST_CASE("an expert begins as a dense network of its size does", "[layers]") {
  const Probe probe(1, {.width = 30, .hidden = 40}, {.experts = 50, .top_k = 2});
  const auto spread = [](const auto& parameter) {
    double squares = 0;
    for (index_t i = 0; i < parameter.size(); ++i) squares += parameter.view().data[i] * parameter.view().data[i];
    return std::sqrt(squares / static_cast<double>(parameter.size()));
  };
  CHECK(spread(probe.layer.weight1) == Approx(std::sqrt(2.0 / 50)).epsilon(0.02));
  CHECK(spread(probe.layer.weight2) == Approx(std::sqrt(2.0 / 50)).epsilon(0.02));
}

TEST_CASE("a mixture of experts agrees with PyTorch", "[layers]") {
  const std::string name = GENERATE(as<std::string>{}, "sigmoid", "softmax", "switch", "plain_sigmoid");
  CAPTURE(name);
  Golden golden("moe_" + name);
  MoeOptions moe;
  const auto read = [&](const char* option, auto& value) { parse_option(option, golden.text(option), value); };
  read("experts", moe.experts);
  read("top_k", moe.top_k);
  read("shared_experts", moe.shared_experts);
  read("expert_width", moe.expert_width);
  read("gate", moe.gate);
  read("normalise", moe.normalise);
  read("auxiliary_weight", moe.auxiliary_weight);
  moe.balance = moe.auxiliary_weight > 0 ? MoeBalanceKind::auxiliary : MoeBalanceKind::loss_free;
  const Matrix x = golden.matrix("x"), dy = golden.matrix("dy");
  Probe probe(x.rows, {.width = x.columns, .hidden = 64}, moe);
  auto& parameters = probe.parameters();
  seqrec_test::fill(probe.x, x);
  if (probe.layer.selection_bias) seqrec_test::fill(probe.layer.selection_bias, golden.matrix("selection_bias"));
  for (const ParameterEntry& entry : parameters.entries()) {
    if (entry.role == ParameterRole::statistic || entry.name == "x") continue;
    const Matrix values = golden.matrix("parameter." + entry.name.substr(4));
    REQUIRE(values.size() == entry.size());
    std::copy(values.values.begin(), values.values.end(), parameters.values(entry).data);
  }
  DoubleContext context;
  context.reserve_gradients(parameters.size());
  context.begin_step(1, 1);
  context.begin_shard();
  T tape(context, Mode::training, 1.0 / static_cast<double>(x.rows));
  const auto y = probe.forward(tape);
  CHECK(deviation(y.value(), golden.matrix("y")) < golden_tolerance);
  CHECK(context.loss() == Approx(moe.auxiliary_weight * golden.matrix("balance")(0)).epsilon(golden_tolerance));
  seqrec_test::weigh(tape, y, view_of(dy));
  tape.backward();
  for (const ParameterEntry& entry : parameters.entries()) {
    CAPTURE(entry.name);
    const auto found = context.gradients().row_range(entry.offset, entry.size());
    if (entry.name == "moe.recent_loads")
      CHECK(deviation(found.row_range(0, moe.experts), golden.matrix("loads")) == 0);
    else if (entry.role != ParameterRole::statistic)
      CHECK(deviation(found, entry.name == "x" ? golden.matrix("dx")
                                               : golden.matrix("gradient." + entry.name.substr(4))) < golden_tolerance);
  }
}

TEST_CASE("a mixture's gradients are its derivatives", "[layers]") {
  MoeOptions moe{.experts = 5, .top_k = 2, .shared_experts = GENERATE(0, 2), .expert_width = 3};
  moe.gate = GENERATE(MoeGate::sigmoid, MoeGate::softmax);
  moe.normalise = GENERATE(true, false);
  Probe probe(GENERATE(0, 1, 11), {.width = 4, .hidden = 6, .dropout = GENERATE(0.0, 0.4)}, moe);
  seqrec_test::randomise(probe, 6, 0.6);
  const GradientCheck check = seqrec_test::check_probe(probe);
  INFO(check.text());
  CHECK(check.worst < 1e-6);
}

TEST_CASE("a mixture is that of masks, with the masks of dropout that belong to row and expert", "[layers]") {
  Probe probe(9, {.width = 4, .hidden = 6, .dropout = 0.4}, {.experts = 5, .top_k = 2});
  seqrec_test::randomise(probe, 3, 0.8);
  seqrec_test::MoeProblem p{.chosen = 2, .logits = Matrix(9, 5)};
  const auto copied = [](const auto& view, index_t rows, index_t columns) {
    Matrix matrix(rows, columns);
    std::copy_n(view.data, matrix.size(), matrix.values.data());
    return matrix;
  };
  p.x = copied(probe.x.view(), 9, 4);
  for (index_t n = 0; n < 9; ++n)
    for (index_t e = 0; e < 5; ++e)
      for (index_t d = 0; d < 4; ++d) p.logits(n, e) += probe.layer.router.weight.view()(e, d) * p.x(n, d);
  p.selection_bias = copied(probe.layer.selection_bias.view(), 1, 5);
  p.weight1 = copied(probe.layer.weight1.view(), 15, 4);
  p.bias1 = copied(probe.layer.bias1.view(), 5, 3);
  p.weight2 = copied(probe.layer.weight2.view(), 20, 3);
  p.bias2 = copied(probe.layer.bias2.view(), 5, 4);
  DoubleContext context;
  context.begin_step(11, 3);
  T tape(context, Mode::training);
  const auto y = probe.forward(tape, 70);
  p.dropout = {philox_key(11, Purpose::dropout), 3, 0, 70, Dropout::threshold_of(0.4)};
  CHECK(deviation(y.value(), seqrec_test::masked_mixture(p, seqrec_test::masked_weights(p, seqrec_test::moe_mask(p)))) <
        1e-13);
}

TEST_CASE("selection bias and loads move by the loads of a whole step", "[layers]") {
  MoeOptions moe{.experts = 4, .top_k = 1, .expert_width = 2};
  moe.bias_step = 1e-3;
  moe.first_bias_step = 1e-2;
  moe.first_steps = 1;
  moe.balance = GENERATE(MoeBalanceKind::loss_free, MoeBalanceKind::none);
  Probe probe(8, {.width = 4}, moe);
  seqrec_test::randomise(probe, 3);
  for (auto* statistic : {&probe.layer.recent_loads, &probe.layer.num_batches_tracked})
    std::fill_n(statistic->view().data, statistic->size(), 0.0);
  if (moe.balance == MoeBalanceKind::loss_free) std::fill_n(probe.layer.selection_bias.view().data, 4, 0.0);
  // Row n has a large input n mod 4, and the router copies inputs: two rows an expert, but for one that goes astray.
  for (index_t e = 0; e < 4; ++e)
    for (index_t d = 0; d < 4; ++d) probe.layer.router.weight.view()(e, d) = e == d;
  for (index_t n = 0; n < 8; ++n)
    for (index_t d = 0; d < 4; ++d) probe.x.view()(n, d) = d == (n == 7 ? 0 : n % 4) ? 2 : 0;
  DoubleContext context;
  context.reserve_gradients(probe.parameters().size());
  const ParameterRanges ranges(probe.parameters());
  for (int step = 0; step < 2; ++step) {
    seqrec_test::record_and_run(context, probe);
    probe.parameters().update_statistics(context, context.gradients(), ranges);
  }
  const auto recent = probe.layer.recent_loads.view();
  for (index_t step = 0; step < 2; ++step) {
    CHECK(recent(4 * step) == 3);
    CHECK(recent(4 * step + 1) == 2);
    CHECK(recent(4 * step + 3) == 1);
  }
  if (moe.balance == MoeBalanceKind::loss_free) {
    const auto bias = probe.layer.selection_bias.view();
    CHECK(bias(0) == Approx(-0.011));  // 1e-2 in the first step, then 1e-3
    CHECK(bias(1) == 0);
    CHECK(bias(3) == Approx(0.011));
  }
  const auto figures = probe.parameters().figures();
  REQUIRE(figures.size() == 6);
  CHECK(figures[0].name == "moe.max_violation");
  CHECK(figures[0].value == Approx(0.5));
  CHECK(figures[1].name == "moe.load_entropy");
  CHECK(figures[2].name == "moe.load.0");
  CHECK(figures[2].value == Approx(3.0 / 8));
}

TEST_CASE("figures of a load: even, all on one expert, before the first step", "[layers]") {
  const auto shown = [](const std::vector<double>& recent) { return moe_figures(recent, 2); };
  const auto even = shown({5, 5, 2, 2});
  CHECK(even[0].value == Approx(0).margin(1e-15));
  CHECK(even[1].value == Approx(1));
  const auto one = shown({0, 7, 0, 0});
  CHECK(one[0].value == Approx(1));
  CHECK(one[1].value == Approx(0).margin(1e-15));
  CHECK(one[3].value == 1);
  CHECK(std::isnan(shown({0, 0, 0, 0})[0].value));
  // The mean over steps counts: loads that are uneven in turn are even.
  CHECK(shown({4, 0, 0, 4})[0].value == Approx(0).margin(1e-15));
  CHECK(shown({4, 0, 0, 12})[0].value == Approx(0.5));  // a step counts as it has rows
}

TEST_CASE("a mixture refuses options that do not fit, by name", "[layers][errors]") {
  CHECK_THAT(problem_of({.experts = 0}), ContainsSubstring("MoeFeedForward experts is 0, expected at least 1"));
  CHECK_THAT(problem_of({.experts = 4, .top_k = 5}),
             ContainsSubstring("MoeFeedForward top_k is 5, expected 1 .. 4, at most MoeFeedForward experts"));
  CHECK_THAT(problem_of({.experts = 4, .top_k = 0}), ContainsSubstring("MoeFeedForward top_k is 0"));
  CHECK_THAT(problem_of({.experts = 4, .shared_experts = 1}, 64),
             ContainsSubstring("MoeFeedForward expert_width is 0, which divides the 64 hidden units"));
  CHECK_THAT(problem_of({.experts = 4, .bias_step = -1}), ContainsSubstring("MoeFeedForward bias_step is -1"));
  CHECK_THAT(seqrec_test::message_of<ArgumentError>(
                 [] { Probe(1, {.width = 4, .hidden = 4, .units = HiddenUnits::swiglu}, {.experts = 4}); }),
             ContainsSubstring("MoeFeedForward units is swiglu, expected relu"));
}
