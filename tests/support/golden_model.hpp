// SPDX-License-Identifier: Apache-2.0
// A static encoder of a golden file, and what the file says of it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "seqrec/core/option_text.hpp"
#include "seqrec/objectives/next_item.hpp"
#include "seqrec/ops/score_items.hpp"
#include "seqrec/serve/last_states.hpp"
#include "seqrec/train/step.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/toy.hpp"

namespace seqrec_test {

/// The model of a golden file: those of its options that the file names, and its parameters.
template <class Model>
Model model_of(Golden& golden, typename Model::Options options = {}) {
  for (const seqrec::Option& option : seqrec::list_options(options))
    if (golden.has(option.name)) option.parse(option.name, golden.text(option.name), option.value);
  Model model(options, seqrec::InitialValues::zero);
  for (const auto& entry : model.parameters().entries()) {
    const auto values = golden.matrix("parameter." + entry.name);
    REQUIRE(entry.shape == (entry.shape.size() == 1 ? std::vector<index_t>{values.columns}
                                                    : std::vector<index_t>{values.rows, values.columns}));
    std::copy(values.values.begin(), values.values.end(), model.parameters().values(entry).data);
  }
  return model;
}

/// Its users, with shards cut before some of them, and the window of its candidates where the file has one.
inline ToyBatch batch_of(Golden& golden, const std::vector<std::size_t>& cuts) {
  const auto items = golden.integers("items"), offsets = golden.integers("offsets"), next = golden.integers("next");
  const auto columns = static_cast<int>(next.size() / items.size());
  std::vector<std::int32_t> times;
  if (golden.has("time_bias") && golden.text("time_bias") == "true") times = golden.integers("times");
  std::vector<ToyUser> users;
  for (std::size_t user = 0; user + 1 < offsets.size(); ++user) {
    const int begin = offsets[user], end = offsets[user + 1];
    users.push_back(
        {{items.begin() + begin, items.begin() + end}, {next.begin() + begin * columns, next.begin() + end * columns}});
    if (!times.empty()) users.back().times = {times.begin() + begin, times.begin() + end};
  }
  const index_t window = golden.has("window") ? static_cast<index_t>(golden.number("window")) : 1000;
  return {users, static_cast<int>(golden.number("items")), columns - 1, cuts, window};
}

/// Checks the loss and the gradient of every parameter, on the whole batch and on one that is cut.
template <class Model>
void check_gradients_of(Golden& golden, Model& model) {
  const bool cut = GENERATE(false, true);
  CAPTURE(cut);
  const ToyBatch batch = batch_of(golden, cut ? std::vector<std::size_t>{1, 2, 3} : std::vector<std::size_t>{});
  seqrec::NextItem objective{.loss = seqrec::BinaryCrossEntropy{}};
  if (golden.text("objective") == "softmax") objective = {.loss = seqrec::FullSoftmax{}};
  CHECK(seqrec::option_text(objective.negatives) == golden.text("negatives"));
  auto& parameters = model.parameters();
  DoubleContext::Team team(parameters.size(), {.threads = 2, .slots = 3});
  const double computed = seqrec::compute_gradients(team, model, objective, batch, 1, 1);
  CHECK(computed == Approx(golden.matrix("loss")(0)).epsilon(golden_tolerance));
  for (const auto& entry : parameters.entries()) {
    CAPTURE(entry.name);
    CHECK(deviation(team.gradients().row_range(entry.offset, entry.size()), golden.matrix("gradient." + entry.name)) <
          golden_tolerance);
  }
}

/// Checks the state of every row, and every item's score after the last one.
template <class Model>
void check_states_and_scores_of(Golden& golden, const Model& model) {
  const ToyBatch batch = batch_of(golden, {});
  DoubleContext context;
  context.begin_step(1, 1);
  seqrec::Tape<DoubleContext> tape(context, seqrec::Mode::inference);
  CHECK(deviation(model.encode(tape, batch.histories()).value(), golden.matrix("encoded")) < golden_tolerance);

  std::vector<item_t> all;
  std::vector<seqrec::offset_t> offsets{0};
  for (index_t user = 0; user < batch.histories().users(); ++user) {
    for (item_t item = 0; item < model.num_items(); ++item) all.push_back(item);
    offsets.push_back(static_cast<seqrec::offset_t>(all.size()));
  }
  const auto scores = context.vector(std::ssize(all));
  seqrec::ops::score_items(
      context, seqrec::ScoreItems<DoubleContext>{seqrec::last_states(tape, model, batch.histories()),
                                                 model.item_head().view(tape),
                                                 {{all.data(), std::ssize(all)}, {offsets.data(), std::ssize(offsets)}},
                                                 scores});
  CHECK(deviation(scores, golden.matrix("scores")) < golden_tolerance);
}

}  // namespace seqrec_test
