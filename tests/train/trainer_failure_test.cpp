// SPDX-License-Identifier: Apache-2.0
// Training that goes wrong: what is named, and what is left.
#include <limits>
#include <string>
#include <vector>

#include "seqrec/cpu.hpp"
#include "seqrec/data/readers/synthetic.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/train/trainer.hpp"
#include "support/catch.hpp"
#include "support/parameters.hpp"
#include "support/temporary_directory.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::TemporaryDirectory, seqrec_test::weights_of;
using Model = SasRec<cpu::Context>;

namespace {

const Split& toy_split() {
  static const Dataset data = synthetic_dataset({.users = 40, .items = 60, .genres = 6, .max_events = 25});
  static const Split split = leave_one_out(data);
  return split;
}

/// Next item until a number of steps were done; from then on one gradient is not a number.
struct PoisonedFrom {
  int* steps;  ///< counted by the first shard of each step
  int limit;
  index_t element;
  NextItem inner{};

  BatchPlan plan() const { return inner.plan(); }
  std::string name() const { return inner.name(); }
  void check() const {}
  void operator()(const Model& model, Tape<cpu::Context>& tape, const TrainingBatch<HostSpace>& shard) const {
    inner(model, tape, shard);
    if (shard.histories.first_row != 0 || (*steps)++ < limit) return;
    float* const poisoned = &seqrec_test::gradient_element(tape.context(), model.parameters(), element);
    tape.record([poisoned](Tape<cpu::Context>&) { *poisoned = std::numeric_limits<float>::quiet_NaN(); });
  }
};

Model toy_model() { return Model({.items = 60, .width = 8, .blocks = 1, .max_length = 20, .seed = 3}); }

TrainerOptions toy_options() {
  return {
      .epochs = 6, .batch_size = 10, .learning_rate = 5e-3, .team = {.threads = 2}, .log = nullptr};  // 4 steps each
}

}  // namespace

TEST_CASE("a gradient that is not a number leaves the last good checkpoint and its weights", "[train]") {
  const TemporaryDirectory directory;
  TrainerOptions options = toy_options();
  options.checkpoint = directory / "model.safetensors";
  Model model = toy_model();
  auto& parameters = model.parameters();
  const auto& entry = parameters.entries()[7];
  int steps = 0;
  const PoisonedFrom objective{&steps, 14, entry.offset + 2};
  CHECK_THAT(seqrec_test::message_of<NonFiniteError>([&] { Trainer(options).fit(model, toy_split(), objective); }),
             ContainsSubstring("step 14: the gradient of " + entry.name + " is not finite"));

  Model good = toy_model();
  TrainerOptions until = toy_options();
  until.epochs = 3;  // the whole epochs before the poison
  until.checkpoint = directory / "good.safetensors";
  Trainer(until).fit(good, toy_split(), NextItem{});
  CHECK(weights_of(model) == weights_of(good));
  CHECK((seqrec_test::read_file(options.checkpoint) == seqrec_test::read_file(until.checkpoint)));
  CHECK(directory.entries() == 2);  // no temporary file is left
}

TEST_CASE("without any validation yet the model is as it began", "[train]") {
  const TemporaryDirectory directory;
  TrainerOptions options = toy_options();
  options.checkpoint = directory / "model.safetensors";
  Model model = toy_model();
  const auto before = weights_of(model);
  int steps = 0;
  CHECK_THROWS_AS(Trainer(options).fit(model, toy_split(), PoisonedFrom{&steps, 2, 0}), NonFiniteError);
  CHECK(weights_of(model) == before);
  CHECK(directory.entries() == 0);
}

TEST_CASE("a rate that throws the weights out of range is found before they are saved", "[train]") {
  const TemporaryDirectory directory;
  TrainerOptions options = toy_options();
  options.batch_size = 40;  // one step an epoch: no later gradient would tell
  options.learning_rate = 1e38;
  options.checkpoint = directory / "model.safetensors";
  Model model = toy_model();
  const auto before = weights_of(model);
  CHECK_THAT(
      seqrec_test::message_of<NonFiniteError>([&] { Trainer(options).fit(model, toy_split(), NextItem{}); }),
      ContainsSubstring("step 1: item_embedding.weight is not finite") && ContainsSubstring("lower the learning rate"));
  CHECK(weights_of(model) == before);
  CHECK(directory.entries() == 0);
}

TEST_CASE("a poisoned weight stops training in its first step", "[train]") {
  Model model = toy_model();
  auto& parameters = model.parameters();
  parameters.values(parameters.entries()[6])(0) = std::numeric_limits<float>::quiet_NaN();
  CHECK_THAT(
      seqrec_test::message_of<NonFiniteError>([&] { Trainer(toy_options()).fit(model, toy_split(), NextItem{}); }),
      ContainsSubstring("step 0: the gradient of item_embedding.weight is not finite"));
}

TEST_CASE("a checkpoint that cannot be written ends the training with its path", "[train]") {
  const TemporaryDirectory directory;
  TrainerOptions options = toy_options();
  options.checkpoint = directory / "missing" / "model.safetensors";
  Model model = toy_model();
  CHECK_THAT(seqrec_test::message_of<DataError>([&] { Trainer(options).fit(model, toy_split(), NextItem{}); }),
             ContainsSubstring(options.checkpoint.string()));
}
