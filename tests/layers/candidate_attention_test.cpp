// SPDX-License-Identifier: Apache-2.0
#include "seqrec/layers/candidate_attention.hpp"

#include <cmath>
#include <string>
#include <vector>

#include "seqrec/core/option_text.hpp"
#include "support/catch.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::leaf, seqrec_test::ToyBatch;
using T = Tape<DoubleContext>;

namespace {

constexpr int items = 7, negatives = 1;

ToyBatch batch_of(index_t window) {
  return {
      seqrec_test::with_times(seqrec_test::toy_users({5, 0, 1, 3}, items, negatives, 4)), items, negatives, {}, window};
}

struct Probe : seqrec_test::LayerProbe<DoubleContext> {
  const ToyBatch& batch;
  MatrixParameter<DoubleContext> keys, queries;
  CandidateAttention<DoubleContext> layer;
  bool keys_read_twice = false;

  Probe(const ToyBatch& toy, const CandidateAttentionOptions& options)
      : batch(toy),
        keys(store.scope().matrix("keys", toy.rows(), options.width, Initialiser::normal(1))),
        queries(store.scope().matrix("queries", toy.shard(0).clicks.candidates.size(), options.width,
                                     Initialiser::normal(1))),
        layer(store.scope(), options) {
    finish();
  }
  auto forward(T& tape) const {
    const auto shard = batch.shard(0);
    const auto k = leaf(tape, keys), q = leaf(tape, queries);
    if (keys_read_twice) seqrec_test::weigh(tape, k);  // so that the gradient is added to another's
    return layer.forward(tape, shard.histories, shard.clicks.candidates, k, q);
  }
  void operator()(T& tape) const { seqrec_test::weigh(tape, forward(tape).y); }
};

}  // namespace

TEST_CASE("candidate attention has the names and shapes of its PyTorch modules", "[layers]") {
  ParameterStore<DoubleContext> parameters;
  const CandidateAttention<DoubleContext> layer(
      parameters.scope(), {.width = 6, .hidden = {5, 3}, .heads = 2, .recency = 7, .time_decay = true});
  std::vector<std::string> found;
  for (const auto& entry : parameters.entries()) found.push_back(entry.name + " " + option_text(entry.shape));
  CHECK(found == std::vector<std::string>{"linears.0.weight 5-24", "linears.0.bias 5", "activations.0.weight 5",
                                          "linears.1.weight 3-5", "linears.1.bias 3", "activations.1.weight 3",
                                          "output.weight 2-3", "output.bias 2", "recency_bias 2-7",
                                          "time_decay 2-128"});
}

TEST_CASE("candidate attention's presets are the paper and its code", "[layers]") {
  const auto paper = CandidateAttentionOptions::paper(64), code = CandidateAttentionOptions::official_code(64);
  CHECK(paper.width == 64);
  CHECK(paper.hidden == std::vector<index_t>{36});
  CHECK(paper.activation == Activation::dice);
  CHECK_FALSE(paper.softmax);
  CHECK(code.width == 64);
  CHECK(code.hidden == std::vector<index_t>{80, 40});
  CHECK(code.activation == Activation::sigmoid);
  CHECK(code.softmax);
}

TEST_CASE("candidate attention's gradients are its derivatives", "[layers]") {
  const bool narrow = GENERATE(true, false);  // a window of 2 and one layer, or all of a history and two
  const ToyBatch batch = batch_of(narrow ? 2 : 1000);
  CandidateAttentionOptions options{.width = 3, .hidden = {4, 2}};
  options.activation = GENERATE(Activation::relu, Activation::sigmoid, Activation::prelu, Activation::dice);
  options.softmax = GENERATE(true, false);
  if (narrow) options.hidden = {5};
  if (options.softmax) options.recency = 3;
  options.time_decay = options.softmax && !narrow;
  if (options.activation == Activation::sigmoid) options.heads = 3;
  CAPTURE(option_text(options.activation), options.softmax, option_text(options.hidden));
  Probe probe(batch, options);
  probe.keys_read_twice = narrow;
  seqrec_test::randomise(probe, 6);
  const GradientCheck check = seqrec_test::check_probe(probe);
  INFO(check.text());
  CHECK(check.worst < 1e-6);
}

TEST_CASE("candidate attention agrees with PyTorch", "[layers]") {
  const std::string name = GENERATE(as<std::string>{}, "paper", "official_code", "recency", "heads", "decay");
  seqrec_test::Golden golden("candidate_attention_" + name);
  const auto keys = golden.matrix("keys"), queries = golden.matrix("queries");
  CandidateAttentionOptions options = name == "paper" ? CandidateAttentionOptions::paper(keys.columns)
                                                      : CandidateAttentionOptions::official_code(keys.columns);
  if (name == "heads") options.heads = 2;
  options.time_decay = name == "decay";
  if (name == "recency" || name == "heads" || name == "decay")
    options.recency = golden.matrix("parameter.recency_bias").columns;
  options.hidden = name == "paper" ? std::vector<index_t>{5} : std::vector<index_t>{6, 3};
  ParameterStore<DoubleContext> parameters;
  const CandidateAttention<DoubleContext> layer(parameters.scope(), options);
  parameters.initialise(InitialValues::zero, 1);
  for (const auto& entry : parameters.entries()) {
    const auto values = golden.matrix("parameter." + entry.name);
    REQUIRE(values.size() == entry.size());
    std::copy(values.values.begin(), values.values.end(), parameters.values(entry).data);
  }
  const auto offsets = golden.integers("offsets"), candidate_offsets = golden.integers("candidate_offsets"),
             visible = golden.integers("visible");
  const std::vector<item_t> any(visible.size(), 0);
  std::vector<std::int64_t> times;
  if (options.time_decay)
    for (const std::int32_t time : golden.integers("times")) times.push_back(time);
  Batch<HostSpace> batch;
  if (options.time_decay) batch.times = {times.data(), std::ssize(times)};
  batch.items.offsets = {offsets.data(), std::ssize(offsets)};
  Candidates<HostSpace> candidates;
  candidates.items = {{any.data(), std::ssize(any)}, {candidate_offsets.data(), std::ssize(candidate_offsets)}};
  candidates.visible = {visible.data(), std::ssize(visible)};
  candidates.window = static_cast<index_t>(golden.number("window"));
  candidates.pairs = golden.matrix("weights").columns / options.heads;

  DoubleContext context;
  context.reserve_gradients(parameters.size());
  seqrec_test::record_and_run(context, [&](T& tape) {
    const auto k = tape.variable(keys.rows, keys.columns), q = tape.variable(queries.rows, queries.columns);
    std::copy(keys.values.begin(), keys.values.end(), k.value().data);
    std::copy(queries.values.begin(), queries.values.end(), q.value().data);
    const auto [y, weights] = layer.forward(tape, batch, candidates, k, q);
    CHECK(seqrec_test::deviation(y.value(), golden.matrix("y")) < seqrec_test::golden_tolerance);
    CHECK(seqrec_test::deviation(weights, golden.matrix("weights")) < seqrec_test::golden_tolerance);
    seqrec_test::weigh(tape, y, seqrec_test::view_of(golden.matrix("dy")));
  });
  for (const auto& entry : parameters.entries()) {
    CAPTURE(entry.name);
    if (options.softmax && entry.name == "output.bias") {  // which softmax ignores: nothing but rounding
      CHECK(std::abs(context.gradients()(entry.offset)) < 1e-15);
      continue;
    }
    CHECK(seqrec_test::deviation(context.gradients().row_range(entry.offset, entry.size()),
                                 golden.gradient(entry.name)) < seqrec_test::golden_tolerance);
  }
}

TEST_CASE("candidate attention gives the same bits in inference, and keeps less", "[layers]") {
  const ToyBatch batch = batch_of(3);
  Probe probe(batch, CandidateAttentionOptions::paper(6));
  seqrec_test::randomise(probe, 6);
  DoubleContext context;
  const auto& parameters = probe.parameters();
  context.reserve_gradients(parameters.size());
  const auto run = [&](Mode mode) {
    context.begin_step(1, 1);
    context.begin_shard();
    T tape(context, mode);
    const auto [y, weights] = probe.forward(tape);
    std::vector<double> all(y.value().data, y.value().data + y.value().size());
    all.insert(all.end(), weights.data, weights.data + weights.size());
    return all;
  };
  const auto trained = run(Mode::training);
  CHECK(trained == run(Mode::inference));
}

TEST_CASE("a recency bias starts as a slope and needs a softmax", "[layers][errors]") {
  ParameterStore<DoubleContext> parameters;
  const CandidateAttention<DoubleContext> layer(parameters.scope(), {.width = 4, .hidden = {2}, .recency = 3});
  parameters.initialise(InitialValues::drawn, 1);
  const auto values = parameters.values(parameters.entries().back());
  CHECK(std::vector<double>(values.data, values.data + values.size()) == std::vector<double>{0, -0.2, -0.4});
  ParameterStore<DoubleContext> others;
  const auto message = [&](bool softmax, index_t recency) {
    return seqrec_test::message_of<ArgumentError>([&] {
      CandidateAttention<DoubleContext>(others.scope(),
                                        {.width = 4, .hidden = {2}, .softmax = softmax, .recency = recency});
    });
  };
  CHECK(message(false, 3) == "CandidateAttention recency is 3, expected 0 without a softmax");
  const auto heads_message = [&](index_t heads) {
    return seqrec_test::message_of<ArgumentError>(
        [&] { CandidateAttention<DoubleContext>(others.scope(), {.width = 4, .hidden = {2}, .heads = heads}); });
  };
  CHECK(heads_message(3) == "CandidateAttention heads is 3, expected a divisor of the width");
  CHECK(heads_message(0) == "CandidateAttention heads is 0, expected a divisor of the width");
  CHECK(seqrec_test::message_of<ArgumentError>([&] {
          CandidateAttention<DoubleContext>(others.scope(), {.width = 4, .softmax = false, .time_decay = true});
        }) == "CandidateAttention time_decay is true, expected false without a softmax");
  CHECK(message(true, -1) == "CandidateAttention recency is -1, expected at least 0");
}

TEST_CASE("candidate attention takes one to three hidden layers", "[layers][errors]") {
  ParameterStore<DoubleContext> parameters;
  const auto message = [&](const std::vector<index_t>& hidden) {
    return seqrec_test::message_of<ArgumentError>(
        [&] { CandidateAttention<DoubleContext>(parameters.scope(), {.width = 4, .hidden = hidden}); });
  };
  CHECK_THAT(message({}), ContainsSubstring("hidden layers") && ContainsSubstring("0") && ContainsSubstring("1 .. 3"));
  CHECK_THAT(message({1, 2, 3, 4}), ContainsSubstring("4") && ContainsSubstring("1 .. 3"));
  CHECK(parameters.entries().empty());  // of a layer that was refused nothing is left
  CHECK_NOTHROW(CandidateAttention<DoubleContext>(parameters.scope(), {.width = 4, .hidden = {1, 2, 3}}));
}
