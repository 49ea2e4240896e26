// SPDX-License-Identifier: Apache-2.0
// Interrupted and resumed runs end with the bits of unbroken ones, whatever a run keeps from step to step.
#include <string>
#include <vector>

#include "seqrec/models/avg_pool.hpp"
#include "seqrec/models/din.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/objectives/click.hpp"
#include "support/catch.hpp"
#include "train/resumed_run.hpp"

using namespace seqrec;
using seqrec_test::check_resumed_run;

namespace {

using Model = SasRec<cpu::Context>;

const Split& toy_split() {
  static const Dataset data = synthetic_dataset({.users = 60, .items = 60, .genres = 6, .max_events = 25});
  static const Split split = leave_one_out(data);
  return split;
}

/// With dropout.
Model toy_model() {
  return Model({.items = 60, .width = 8, .blocks = 1, .heads = 2, .max_length = 20, .dropout = 0.3, .seed = 3});
}

const NextItem bce{.loss = BinaryCrossEntropy{}};

/// Six steps an epoch.
TrainerOptions toy_options() {
  return {.epochs = 6, .batch_size = 10, .learning_rate = 1e-2, .seed = 5, .team = {.threads = 2}, .log = nullptr};
}

}  // namespace

TEST_CASE("a resumed run has the bits of an unbroken one", "[train]") {
  const std::uint64_t seed = GENERATE(as<std::uint64_t>{}, 1, 2, 3);
  CAPTURE(seed);
  SECTION("with one negative") { check_resumed_run(toy_model, toy_split(), bce, toy_options(), seed); }
  SECTION("with random windows of histories and a decay of items") {
    TrainerOptions options = toy_options();
    options.random_windows = true;
    options.item_decay = 0.1;
    const auto make = [] { return Model({.items = 60, .width = 8, .blocks = 1, .max_length = 6, .seed = 3}); };
    check_resumed_run(make, toy_split(), bce, options, seed);
  }
  SECTION("with the full softmax") {
    check_resumed_run(toy_model, toy_split(), NextItem{.loss = FullSoftmax{}}, toy_options(), seed);
  }
}

TEST_CASE("so have other models, their statistics too", "[train]") {
  TrainerOptions options = toy_options();
  options.epochs = 4;
  options.accumulate = 2;
  options.evaluate_every_steps = 2;
  options.ema_decay = 0.7;
  SECTION("Din with Dice") {
    const auto make = [] {
      return Din<cpu::Context>({.items = 60,
                                .width = 8,
                                .max_length = 6,
                                .training_length = 12,
                                .attention_hidden = {6},
                                .attention_activation = Activation::dice,
                                .hidden = {7, 5},
                                .activation = Activation::dice,
                                .seed = 3});
    };
    check_resumed_run(make, toy_split(), Click{}, options, 5);
  }
  SECTION("AvgPool") {
    const auto make = [] {
      return AvgPool<cpu::Context>({.items = 60, .width = 8, .max_length = 20, .dropout = 0.2, .seed = 3});
    };
    const Click objective{.sharing = NegativeSharing::in_batch, .correct_sampling = true};
    check_resumed_run(make, toy_split(), objective, options, 6);
  }
  SECTION("SasRec with mixtures of experts") {
    const auto make = [] {
      return Model({.items = 60,
                    .width = 8,
                    .blocks = 1,
                    .max_length = 20,
                    .dropout = 0.3,
                    .seed = 3,
                    .moe = {.experts = 4, .first_steps = 3}});
    };
    const TrainingResult result = check_resumed_run(make, toy_split(), bce, options, 8);
    // What was seen of the experts' loads.
    const std::vector<Figure>& figures = result.history.back().figures;
    REQUIRE(figures.size() == 6);
    CHECK(figures[0].name == "blocks.0.moe.max_violation");
    double loads = 0;
    for (std::size_t e = 2; e < 6; ++e) loads += figures[e].value;
    CHECK(loads == Approx(1).epsilon(1e-6));
  }
}

TEST_CASE("whatever decides the next step is resumed", "[train]") {
  TrainerOptions options = toy_options();
  SECTION("averaged weights") { options.ema_decay = 0.8; }
  SECTION("several batches a step, the last of an epoch with fewer") {
    options.accumulate = 4;
    options.epochs = 9;
  }
  SECTION("a rate that is reduced on plateaus") {
    options.plateau = {.factor = 0.7, .patience = 0, .threshold = 0.3, .min_rate = 1e-5};
    options.learning_rate = 0.05;
  }
  SECTION("warm-up and cosine over the whole run") { options.schedule = {.warm_up = 7, .total = Schedule::whole_run}; }
  SECTION("momentum") { options.optimizer = Sgd{.momentum = 0.9, .nesterov = true}; }
  SECTION("plain gradient descent, which has no moments") { options.optimizer = Sgd{}; }
  SECTION("Adagrad, from an accumulator that is not zero") { options.optimizer = Adagrad{.initial_accumulator = 0.1}; }
  SECTION("lazy table rows") { options.rows = TableRows::lazy; }
  SECTION("parameters that are frozen") { options.frozen = {"item_embedding", "blocks.0.linear1.bias"}; }
  SECTION("validations between epochs, an end in the middle of one") {
    options.steps = 32;
    options.evaluate_every_steps = 5;
  }
  SECTION("an early stop") {
    options.learning_rate = 0.3;
    options.patience = 2;
    options.epochs = 30;
  }
  SECTION("all together") {
    options.ema_decay = 0.7;
    options.accumulate = 2;
    options.epochs = 9;
    options.plateau = {.factor = 0.7, .patience = 0, .threshold = 0.3};
    options.clip_norm = 0.5;
    options.evaluate_every_steps = 4;
    options.rows = TableRows::lazy;
  }
  const TrainingResult result = check_resumed_run(toy_model, toy_split(), bce, options, 7);
  // What was to be shown did happen.
  if (options.plateau.factor < 1) CHECK(result.history.back().learning_rate < options.learning_rate);
  if (options.patience == 2) CHECK(result.epochs < options.epochs);
  if (options.steps != 0) CHECK(result.steps == 32);
}

TEST_CASE("validations on candidates are resumed with their click metrics", "[train]") {
  const CandidateLists candidates = draw_candidates(toy_split().validation, {.negatives = 9});
  TrainerOptions options = toy_options();
  options.validation.candidates = &candidates;
  const TrainingResult result = check_resumed_run(toy_model, toy_split(), bce, options, 4);
  CHECK(result.history.front().clicks.size() >= 5);
}

TEST_CASE("a run that was killed goes on where it saved its state", "[train]") {
  TrainerOptions options = toy_options();
  options.ema_decay = 0.8;
  check_resumed_run(toy_model, toy_split(), bce, options, 11, /*killed=*/true);
}

TEST_CASE("a finished run may be given more epochs", "[train]") {
  const seqrec_test::TemporaryDirectory directory;
  TrainerOptions options = toy_options();
  Model whole = toy_model(), longer = toy_model(), again = toy_model();
  const TrainingResult expected = Trainer(options).fit(whole, toy_split(), bce);
  options.state = directory / "state.safetensors";
  options.epochs = 2;
  CHECK(Trainer(options).fit(longer, toy_split(), bce).steps == 12);
  options.epochs = 6;
  options.resume = true;
  longer = toy_model();
  const TrainingResult result = Trainer(options).fit(longer, toy_split(), bce);
  CHECK(seqrec_test::without_times(result) == seqrec_test::without_times(expected));
  CHECK(seqrec_test::weights_of(longer) == seqrec_test::weights_of(whole));

  const TrainingResult nothing_left = Trainer(options).fit(again, toy_split(), bce);
  CHECK(seqrec_test::without_times(nothing_left) == seqrec_test::without_times(expected));
  CHECK(seqrec_test::weights_of(again) == seqrec_test::weights_of(whole));
  CHECK(nothing_left.seconds >= result.history.back().seconds);  // the time before counts too
}

TEST_CASE("a run that is stopped before its first step has done nothing, and can be resumed", "[train]") {
  const seqrec_test::TemporaryDirectory directory;
  TrainerOptions options = toy_options();
  Model whole = toy_model(), model = toy_model();
  const TrainingResult expected = Trainer(options).fit(whole, toy_split(), bce);
  const std::atomic<bool> stop = true;
  options.stop = &stop;
  options.state = directory / "state.safetensors";
  const auto before = seqrec_test::weights_of(model);
  const TrainingResult stopped = Trainer(options).fit(model, toy_split(), bce);
  CHECK(stopped.interrupted);
  CHECK(stopped.steps == 0);
  CHECK(stopped.best_epoch == 0);
  CHECK(stopped.history.empty());
  CHECK(seqrec_test::weights_of(model) == before);
  options.stop = nullptr;
  options.resume = true;
  CHECK(seqrec_test::without_times(Trainer(options).fit(model, toy_split(), bce)) ==
        seqrec_test::without_times(expected));
}

TEST_CASE("an interrupted run leaves the best weights in the model", "[train]") {
  const seqrec_test::TemporaryDirectory directory;
  TrainerOptions options = toy_options();
  options.evaluate_every_steps = 5;
  options.checkpoint = directory / "best.safetensors";
  std::atomic<bool> stop = false;
  std::atomic<int> batches = 0;
  options.stop = &stop;
  Model model = toy_model();
  const TrainingResult result =
      Trainer(options).fit(model, toy_split(), seqrec_test::Interrupting<NextItem>{bce, &batches, 7, &stop});
  CHECK(result.interrupted);
  CHECK(result.steps == 8);
  CHECK(result.best_steps == 5);
  Model best = load<Model>(options.checkpoint);
  CHECK(seqrec_test::weights_of(best) == seqrec_test::weights_of(model));
}
