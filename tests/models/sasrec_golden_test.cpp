// SPDX-License-Identifier: Apache-2.0
// The whole SasRec against PyTorch: what it computes, its losses, and the gradient of every parameter.
#include <string>
#include <vector>

#include "seqrec/core/option_text.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/objectives/next_item.hpp"
#include "seqrec/ops/score_items.hpp"
#include "seqrec/train/step.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::Golden, seqrec_test::golden_tolerance, seqrec_test::deviation,
    seqrec_test::ToyBatch;
using Model = SasRec<DoubleContext>;

namespace {

SasRecOptions options_of(const Golden& golden) {
  SasRecOptions options{.dropout = 0};
  const auto read = [&](const char* name, auto& value) { parse_option(name, golden.text(name), value); };
  read("items", options.items);
  read("width", options.width);
  read("blocks", options.blocks);
  read("heads", options.heads);
  read("max_length", options.max_length);
  read("norm", options.norm);
  read("position_origin", options.position_origin);
  options.norm_epsilon = golden.number("epsilon");
  return options;
}

/// The users of a golden file, with shards cut before some of them.
ToyBatch batch_of(Golden& golden, const SasRecOptions& options, const std::vector<std::size_t>& cuts) {
  const auto items = golden.integers("items"), offsets = golden.integers("offsets"), next = golden.integers("next");
  const auto columns = static_cast<int>(next.size() / items.size());
  std::vector<seqrec_test::ToyUser> users;
  for (std::size_t user = 0; user + 1 < offsets.size(); ++user) {
    const int begin = offsets[user], end = offsets[user + 1];
    users.push_back(
        {{items.begin() + begin, items.begin() + end}, {next.begin() + begin * columns, next.begin() + end * columns}});
  }
  return {users, static_cast<int>(options.items), columns - 1, cuts};
}

}  // namespace

TEST_CASE("SasRec agrees with PyTorch", "[models]") {
  const std::string norm = GENERATE(as<std::string>{}, "original", "pre", "post");
  const std::string loss = GENERATE(as<std::string>{}, "bce", "softmax");
  const bool cut = GENERATE(false, true);
  CAPTURE(norm, loss, cut);
  Golden golden("sasrec_" + norm + "_" + loss);
  const SasRecOptions options = options_of(golden);
  Model model(options, InitialValues::zero);
  auto& parameters = model.parameters();
  for (const auto& entry : parameters.entries()) {
    const auto values = golden.matrix("parameter." + entry.name);
    REQUIRE(entry.shape == (entry.shape.size() == 1 ? std::vector<index_t>{values.columns}
                                                    : std::vector<index_t>{values.rows, values.columns}));
    std::copy(values.values.begin(), values.values.end(), model.parameters().values(entry).data);
  }
  const ToyBatch batch =
      batch_of(golden, options, cut ? std::vector<std::size_t>{1, 2, 3} : std::vector<std::size_t>{});

  NextItem objective{.loss = BinaryCrossEntropy{}};
  if (loss == "softmax") objective = {.loss = FullSoftmax{}};
  CHECK(option_text(objective.negatives) == golden.text("negatives"));
  DoubleContext::Team team(parameters.size(), {.threads = 2, .slots = 3});
  const double computed = compute_gradients(team, model, objective, batch, 1, 1);
  CHECK(computed == Approx(golden.matrix("loss")(0)).epsilon(golden_tolerance));
  for (const auto& entry : parameters.entries()) {
    CAPTURE(entry.name);
    CHECK(deviation(team.gradients().row_range(entry.offset, entry.size()), golden.matrix("gradient." + entry.name)) <
          golden_tolerance);
  }
}

TEST_CASE("SasRec's states and scores agree with PyTorch", "[models]") {
  Golden golden(GENERATE(as<std::string>{}, "sasrec_original_bce", "sasrec_pre_bce", "sasrec_post_softmax"));
  const SasRecOptions options = options_of(golden);
  Model model(options, InitialValues::zero);
  for (const auto& entry : model.parameters().entries()) {
    const auto values = golden.matrix("parameter." + entry.name);
    std::copy(values.values.begin(), values.values.end(), model.parameters().values(entry).data);
  }
  const ToyBatch batch = batch_of(golden, options, {});

  DoubleContext context;
  Tape<DoubleContext> tape(context, Mode::inference);
  const auto states = model.encode(tape, batch.histories());
  CHECK(deviation(states.value(), golden.matrix("encoded")) < golden_tolerance);

  const index_t users = batch.histories().users();
  const auto queries = context.matrix(users, options.width);
  const auto rows = context.vector<offset_t>(batch.histories().users());
  ops::last_row_numbers(context, LastRowNumbers<DoubleContext>{batch.histories().offsets(), rows});
  ops::gather_rows_forward(context, GatherRowsForward<DoubleContext>{states.value(), rows, queries});
  std::vector<item_t> all;
  std::vector<offset_t> offsets{0};
  for (index_t user = 0; user < users; ++user) {
    for (item_t item = 0; item < options.items; ++item) all.push_back(item);
    offsets.push_back(static_cast<offset_t>(all.size()));
  }
  const auto scores = context.vector(std::ssize(all));
  ops::score_items(context,
                   ScoreItems<DoubleContext>{queries,
                                             model.item_head().view(tape),
                                             {{all.data(), std::ssize(all)}, {offsets.data(), std::ssize(offsets)}},
                                             scores});
  CHECK(deviation(scores, golden.matrix("scores")) < golden_tolerance);
}
