// SPDX-License-Identifier: Apache-2.0
#include "seqrec/layers/feed_forward.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "support/catch.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::leaf;
using T = Tape<DoubleContext>;

namespace {

/// A feed-forward network on rows of its own, and the norm that takes its sum.
struct Probe : seqrec_test::LayerProbe<DoubleContext> {
  MatrixParameter<DoubleContext> x, residual;
  FeedForward<DoubleContext> layer;
  LayerNorm<DoubleContext> norm;
  bool onto_x = false;  ///< the residual is x itself, as in a post-norm block

  Probe(index_t rows, const FeedForwardOptions& options)
      : x(store.scope().matrix("x", rows, options.width, Initialiser::normal(1))),
        residual(store.scope().matrix("residual", rows, options.width, Initialiser::normal(1))),
        layer(store.scope(), options),
        norm(store.scope("norm"), options.width) {
    finish();
  }
  ResidualStream<DoubleContext> forward(T& tape, index_t first_row = 0) const {
    const auto rows = leaf(tape, x), rest = leaf(tape, residual);
    return layer.forward(tape, rows, onto_x ? rows : rest, first_row);
  }
  void operator()(T& tape) const { seqrec_test::weigh(tape, norm.forward(tape, forward(tape)).y); }
};

}  // namespace

TEST_CASE("a feed-forward network is named as in PyTorch's TransformerEncoderLayer", "[layers]") {
  ParameterStore<DoubleContext> parameters;
  const FeedForward<DoubleContext> layer(parameters.scope("blocks.1"), {.width = 6, .hidden = 5});
  CHECK(seqrec_test::shown_parameters(parameters) ==
        "blocks.1.linear1.weight 5 6\nblocks.1.linear1.bias 5\n"
        "blocks.1.linear2.weight 6 5\nblocks.1.linear2.bias 6\n");
}

TEST_CASE("a feed-forward network is what its definition says", "[layers]") {
  Probe probe(4, {.width = 3, .hidden = 5, .dropout = 0.5});
  seqrec_test::randomise(probe, 4, 1.0);
  DoubleContext context;
  T tape(context, Mode::inference);  // no dropout
  const auto [residual, result, dropout] = probe.forward(tape);
  CHECK_FALSE(dropout.active());
  const auto x = probe.x.view(), w1 = probe.layer.linear1.weight.view(), w2 = probe.layer.linear2.weight.view();
  const auto b1 = probe.layer.linear1.bias.view(), b2 = probe.layer.linear2.bias.view();
  for (index_t row = 0; row < 4; ++row) {
    std::vector<double> y{b2(0), b2(1), b2(2)};
    for (index_t h = 0; h < 5; ++h) {
      const double hidden = std::max(0.0, b1(h) + w1(h, 0) * x(row, 0) + w1(h, 1) * x(row, 1) + w1(h, 2) * x(row, 2));
      for (index_t d = 0; d < 3; ++d) y[static_cast<std::size_t>(d)] += w2(d, h) * hidden;
    }
    for (index_t d = 0; d < 3; ++d) {
      CHECK(result.value()(row, d) == Approx(y[static_cast<std::size_t>(d)]));
      CHECK(residual.value()(row, d) == probe.residual.view()(row, d));
    }
  }
}

TEST_CASE("with SwiGLU it is named as in LLaMA, without biases", "[layers]") {
  ParameterStore<DoubleContext> parameters;
  const FeedForward<DoubleContext> layer(parameters.scope("blocks.1"),
                                         {.width = 6, .hidden = 5, .units = HiddenUnits::swiglu});
  CHECK(seqrec_test::shown_parameters(parameters) ==
        "blocks.1.w1.weight 5 6\nblocks.1.w2.weight 6 5\nblocks.1.w3.weight 5 6\n");
}

TEST_CASE("with SwiGLU it is what its definition says", "[layers]") {
  Probe probe(4, {.width = 3, .hidden = 5, .dropout = 0.5, .units = HiddenUnits::swiglu});
  seqrec_test::randomise(probe, 4, 1.0);
  DoubleContext context;
  T tape(context, Mode::inference);  // no dropout
  const auto result = probe.forward(tape).branch;
  const auto x = probe.x.view(), w1 = probe.layer.linear1.weight.view(), w2 = probe.layer.linear2.weight.view(),
             w3 = probe.layer.linear3->weight.view();
  const auto product = [&](const auto& w, index_t row, index_t h) {
    return w(h, 0) * x(row, 0) + w(h, 1) * x(row, 1) + w(h, 2) * x(row, 2);
  };
  for (index_t row = 0; row < 4; ++row)
    for (index_t d = 0; d < 3; ++d) {
      double y = 0;
      for (index_t h = 0; h < 5; ++h) {
        const double gate = product(w1, row, h);
        y += w2(d, h) * gate / (1 + std::exp(-gate)) * product(w3, row, h);
      }
      CHECK(result.value()(row, d) == Approx(y));
    }
}

TEST_CASE("a feed-forward network's gradients are its derivatives", "[layers]") {
  const double dropout = GENERATE(0.0, 0.3);
  const HiddenUnits units = GENERATE(HiddenUnits::relu, HiddenUnits::swiglu);
  Probe probe(5, {.width = 6, .hidden = GENERATE(1, 7), .dropout = dropout, .units = units});
  probe.onto_x = GENERATE(false, true);
  seqrec_test::randomise(probe, 6, 0.6);
  const GradientCheck check = seqrec_test::check_probe(probe);
  INFO(check.text());
  CHECK(check.worst < 1e-6);
}

TEST_CASE("a feed-forward network draws two masks, of rows as they lie in the batch", "[layers]") {
  Probe probe(3, {.width = 4, .hidden = 8, .dropout = 0.5, .units = GENERATE(HiddenUnits::relu, HiddenUnits::swiglu)});
  DoubleContext context;
  context.begin_step(11, 3);
  T tape(context, Mode::training);
  const Dropout of_result = probe.forward(tape, 70).dropout;
  CHECK(of_result.active());
  CHECK(of_result.site == 1);  // after that of the hidden units
  CHECK(of_result.first_row == 70);
  CHECK(tape.dropout(0.5, 0).site == 2);
}
