// SPDX-License-Identifier: Apache-2.0
// The whole Din against PyTorch: its scores, its loss, the gradient of every parameter, and Dice's sums.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "seqrec/core/option_text.hpp"
#include "seqrec/models/din.hpp"
#include "seqrec/objectives/click.hpp"
#include "seqrec/train/step.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/golden_model.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::Golden, seqrec_test::golden_tolerance, seqrec_test::deviation,
    seqrec_test::ToyBatch;
using Model = Din<DoubleContext>;

namespace {

/// The model of a golden file.
Model model_of(Golden& golden) {
  DinOptions options{.dropout = 0};
  const auto read = [&](const char* name, auto& value) { parse_option(name, golden.text(name), value); };
  read("items", options.items);
  read("width", options.width);
  read("attention_hidden", options.attention_hidden);
  read("hidden", options.hidden);
  read("activation", options.activation);
  options.attention_activation = options.activation;
  read("softmax", options.attention_softmax);
  if (golden.has("recency_bias")) read("recency_bias", options.recency_bias);
  if (options.recency_bias) options.max_length = static_cast<index_t>(golden.number("window"));
  Model model(options, InitialValues::zero);
  for (const auto& entry : model.parameters().entries()) {
    CAPTURE(entry.name);
    const auto values = golden.matrix("parameter." + entry.name);
    REQUIRE(entry.shape == (entry.shape.size() == 1 ? std::vector<index_t>{values.columns}
                                                    : std::vector<index_t>{values.rows, values.columns}));
    std::copy(values.values.begin(), values.values.end(), model.parameters().values(entry).data);
  }
  return model;
}

}  // namespace

TEST_CASE("Din agrees with PyTorch", "[models]") {
  const std::string name = GENERATE(as<std::string>{}, "prelu", "dice", "recency");
  const bool cut = GENERATE(false, true);
  CAPTURE(name, cut);
  Golden golden("din_" + name);
  Model model = model_of(golden);
  auto& parameters = model.parameters();
  const ToyBatch batch = batch_of(golden, cut ? std::vector<std::size_t>{1, 2} : std::vector<std::size_t>{});
  const Click objective{.negatives = static_cast<index_t>(golden.number("negatives"))};
  DoubleContext::Team team(parameters.size(), {.threads = 2, .slots = 3});
  const double computed = compute_gradients(team, model, objective, batch, 1, 1);
  CHECK(computed == Approx(golden.matrix("loss")(0)).epsilon(golden_tolerance));
  for (const auto& entry : parameters.entries()) {
    CAPTURE(entry.name);
    if (model.options().attention_softmax && entry.name == "attention.output.bias") {  // softmax ignores it
      CHECK(std::abs(team.gradients()(entry.offset)) < 1e-15);
      continue;
    }
    CHECK(deviation(team.gradients().row_range(entry.offset, entry.size()), golden.gradient(entry.name)) <
          golden_tolerance);
  }
}

TEST_CASE("Din's scores agree with PyTorch", "[models]") {
  Golden golden(GENERATE(as<std::string>{}, "din_prelu", "din_dice", "din_recency"));
  const Model model = model_of(golden);
  const ToyBatch batch = batch_of(golden, {});
  DoubleContext context;
  Tape<DoubleContext> tape(context, Mode::inference);
  const auto scores = model.score(tape, batch.histories(), batch.shard(0).clicks.candidates);
  CHECK(deviation(scores.value(), golden.matrix("scores")) < golden_tolerance);
}
