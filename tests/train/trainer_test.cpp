// SPDX-License-Identifier: Apache-2.0
#include "seqrec/train/trainer.hpp"

#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "seqrec/cpu.hpp"
#include "seqrec/data/readers/synthetic.hpp"
#include "seqrec/models/sasrec.hpp"
#include "support/catch.hpp"
#include "support/parameters.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using seqrec_test::TemporaryDirectory, seqrec_test::weights_of;
using Model = SasRec<cpu::Context>;

namespace {

const Split& toy_split() {
  static const Dataset data = synthetic_dataset({.users = 120, .items = 60, .genres = 6, .max_events = 25});
  static const Split split = leave_one_out(data);
  return split;
}

Model toy_model() { return Model({.items = 60, .width = 12, .blocks = 1, .heads = 2, .max_length = 20, .seed = 3}); }

TrainerOptions toy_options() {
  return {.epochs = 3, .batch_size = 32, .learning_rate = 5e-3, .seed = 5, .team = {.threads = 2}, .log = nullptr};
}

const NextItem bce{.loss = BinaryCrossEntropy{}};

}  // namespace

TEST_CASE("training learns what comes next, with either loss", "[train]") {
  const NextItem objective = GENERATE(NextItem{.loss = BinaryCrossEntropy{}}, NextItem{.loss = FullSoftmax{}});
  CAPTURE(objective.name());
  Model model = toy_model();
  const double before = evaluate(model, toy_split().test)["auc"];
  TrainerOptions options = toy_options();
  options.epochs = 30;
  const TrainingResult result = Trainer(options).fit(model, toy_split(), objective);
  const double after = evaluate(model, toy_split().test)["auc"];
  CHECK(before < 0.6);
  CHECK(after > 0.7);
  CHECK(result.history.back().loss < 0.8 * result.history.front().loss);
}

TEST_CASE("the same seed gives the same bits on any number of threads, down to the checkpoint file", "[train]") {
  const TemporaryDirectory directory;
  const NextItem objective = GENERATE(NextItem{.loss = BinaryCrossEntropy{}}, NextItem{.loss = FullSoftmax{}});
  const auto train = [&](int threads, std::uint64_t seed) {
    TrainerOptions options = toy_options();
    options.team.threads = threads;
    options.seed = seed;
    options.clip_norm = 0.5;
    options.checkpoint = directory / concatenate(threads, "-", seed, ".safetensors");
    Model model = toy_model();
    Trainer(options).fit(model, toy_split(), objective);
    return seqrec_test::read_file(options.checkpoint);
  };
  const std::string expected = train(1, 5);
  CHECK((train(2, 5) == expected));
  CHECK((train(3, 5) == expected));
  CHECK((train(1, 6) != expected));
}

TEST_CASE("the model and the checkpoint hold the best weights, not the last", "[train]") {
  const TemporaryDirectory directory;
  TrainerOptions options = toy_options();
  options.epochs = 12;
  options.learning_rate = 0.3;  // far too much: validation gets worse again
  options.patience = 0;
  options.checkpoint = directory / "best.safetensors";
  Model model = toy_model();
  const TrainingResult result = Trainer(options).fit(model, toy_split(), bce);
  REQUIRE(result.best_epoch < 12);
  CHECK(result.epochs == 12);
  REQUIRE(result.history.size() == 12);
  double best = -1;
  index_t best_epoch = 0;
  for (const EpochRecord& record : result.history)
    if (record.validation["ndcg@10"] > best) {
      best = record.validation["ndcg@10"];
      best_epoch = record.epoch;
    }
  CHECK(result.best_epoch == best_epoch);
  CHECK(result.validation["ndcg@10"] == best);
  CHECK(evaluate(model, toy_split().validation)["ndcg@10"] == best);
  Model saved = load<Model>(options.checkpoint);
  CHECK(weights_of(saved) == weights_of(model));
}

TEST_CASE("training stops after so many validations without improvement", "[train]") {
  TrainerOptions options = toy_options();
  options.epochs = 50;
  options.learning_rate = 1e-30;  // weights never change, so no validation is better than the first
  options.patience = 3;
  std::ostringstream log;
  options.log = &log;
  Model model = toy_model();
  const TrainingResult result = Trainer(options).fit(model, toy_split(), bce);
  CHECK(result.best_epoch == 1);
  CHECK(result.epochs == 4);
  CHECK(result.history.size() == 4);
  CHECK(result.steps == 4 * 4);
  CHECK_THAT(log.str(), ContainsSubstring("no improvement in 3 validations, stopping"));
}

TEST_CASE("validations come every so many epochs, and after the last", "[train]") {
  TrainerOptions options = toy_options();
  options.epochs = 5;
  options.evaluate_every = 2;
  Model model = toy_model();
  const TrainingResult result = Trainer(options).fit(model, toy_split(), bce);
  std::vector<index_t> epochs, steps;
  for (const EpochRecord& record : result.history) {
    epochs.push_back(record.epoch);
    steps.push_back(record.steps);
  }
  CHECK(epochs == std::vector<index_t>{2, 4, 5});
  CHECK(steps == std::vector<index_t>{8, 16, 20});
  CHECK(result.steps == 20);
}

TEST_CASE("the log is plain lines where nobody watches", "[train]") {
  std::ostringstream log;
  TrainerOptions options = toy_options();
  options.log = &log;
  Model model = toy_model();
  Trainer(options).fit(model, toy_split(), bce);
  const std::string text = log.str();
  CHECK(std::count(text.begin(), text.end(), '\n') == 3 + 1);  // one line an epoch and a last one
  CHECK_THAT(text, ContainsSubstring("epoch 1  step 4/12  loss 1.") && ContainsSubstring("  validation ndcg@10 0.") &&
                       ContainsSubstring("  best\n") && ContainsSubstring("best epoch "));
  CHECK(text.find('\r') == std::string::npos);
}

TEST_CASE("the log shows what a model's layers have to show, in brief", "[train]") {
  std::ostringstream log;
  TrainerOptions options = toy_options();
  options.log = &log;
  Model model({.items = 60, .width = 8, .blocks = 1, .max_length = 20, .moe = {.experts = 4}});
  const TrainingResult result = Trainer(options).fit(model, toy_split(), bce);
  CHECK_THAT(log.str(), ContainsSubstring("  blocks.0.moe.max_violation ") && !ContainsSubstring("load"));
  CHECK(result.history.back().figures.size() == 6);
  Model dense = toy_model();
  CHECK(Trainer(toy_options()).fit(dense, toy_split(), bce).history.back().figures.empty());
}

TEST_CASE("the schedule sets each step's rate", "[train]") {
  TrainerOptions one_step = toy_options(), decayed = toy_options();
  one_step.batch_size = decayed.batch_size = 120;
  one_step.epochs = 1;
  decayed.schedule = {.warm_up = 0, .total = 1, .floor = 0};  // nothing is left after the first step
  Model a = toy_model(), b = toy_model(), c = toy_model();
  Trainer(one_step).fit(a, toy_split(), bce);
  Trainer(decayed).fit(b, toy_split(), bce);
  CHECK(weights_of(a) == weights_of(b));
  CHECK(weights_of(a) != weights_of(c));
}

TEST_CASE("training is counted in steps where they are given, and so are validations", "[train]") {
  TrainerOptions options = toy_options();
  options.epochs = 1;  // does not count
  options.steps = 11;
  options.evaluate_every_steps = 3;
  Model model = toy_model();
  const TrainingResult result = Trainer(options).fit(model, toy_split(), bce);
  CHECK(result.steps == 11);
  CHECK(result.epochs == 3);
  std::vector<index_t> steps, epochs;
  for (const EpochRecord& record : result.history) {
    steps.push_back(record.steps);
    epochs.push_back(record.epoch);
  }
  CHECK(steps == std::vector<index_t>{3, 6, 9, 11});
  CHECK(epochs == std::vector<index_t>{1, 2, 3, 3});

  TrainerOptions by_epochs = toy_options();  // the same steps: how they are counted changes nothing
  by_epochs.epochs = 2;
  options.steps = 8;
  options.evaluate_every_steps = 4;
  Model a = toy_model(), b = toy_model();
  const TrainingResult by_steps = Trainer(options).fit(a, toy_split(), bce);
  CHECK(by_steps.history.size() == Trainer(by_epochs).fit(b, toy_split(), bce).history.size());
  CHECK(weights_of(a) == weights_of(b));
}

TEST_CASE("a loss is the mean over the targets since the validation before", "[train]") {
  TrainerOptions often = toy_options(), seldom = toy_options();
  often.steps = seldom.steps = 4;  // one epoch
  often.evaluate_every_steps = 1;
  Model a = toy_model(), b = toy_model();
  const TrainingResult each = Trainer(often).fit(a, toy_split(), bce), whole = Trainer(seldom).fit(b, toy_split(), bce);
  REQUIRE(each.history.size() == 4);
  REQUIRE(whole.history.size() == 1);
  double mean = 0, weight = 0;
  Batcher batcher(toy_split(), {.batch_size = 32, .max_length = 20, .seed = 5});
  for (index_t i = 0; i < 4; ++i) {
    const auto targets = static_cast<double>(batcher.num_targets(0, i));
    mean += targets * each.history[static_cast<std::size_t>(i)].loss;
    weight += targets;
  }
  CHECK(whole.history[0].loss == Approx(mean / weight));
}

TEST_CASE("averaged weights are what is validated, kept and saved", "[train]") {
  const TemporaryDirectory directory;
  TrainerOptions options = toy_options();
  options.ema_decay = 0.9;
  options.checkpoint = directory / "model.safetensors";
  Model model = toy_model();
  const TrainingResult result = Trainer(options).fit(model, toy_split(), bce);
  CHECK(evaluate(model, toy_split().validation)["ndcg@10"] == result.validation["ndcg@10"]);
  Model saved = load<Model>(options.checkpoint);
  CHECK(weights_of(saved) == weights_of(model));

  // By hand: the raw run, and the average over it.
  Model raw = toy_model();
  auto& parameters = raw.parameters();
  const ParameterRanges ranges(parameters);
  cpu::Context::Team team(parameters.size(), {.threads = 1});
  Optimizer<cpu::Context> optimizer(parameters.size(), Adam{});
  ExponentialAverage<cpu::Context> average(parameters.size(), 0.9);
  Batcher batcher(toy_split(), {.batch_size = 32, .max_length = 20, .seed = 5});
  for (index_t step = 0; step < 4 * result.best_epoch; ++step) {
    training_step(team, raw, ranges, bce, optimizer, batcher.make(step / 4, step % 4), 5e-3, 0, 5,
                  static_cast<std::uint64_t>(step));
    average.update(team, ranges, parameters.values(), optimizer.state());
  }
  const std::vector<float> kept = model.parameters().to_host();
  CHECK(kept == average.values().to_host());
  CHECK(weights_of(raw) != weights_of(model));
}

TEST_CASE("a plateau lowers the rate of the steps after it", "[train]") {
  TrainerOptions options = toy_options();
  options.epochs = 6;
  options.patience = 0;
  options.learning_rate = 1e-7;  // weights hardly change, so no validation is clearly better than the first
  options.plateau = {.factor = 0.1, .patience = 1, .threshold = 0.5, .min_rate = 0};
  Model model = toy_model();
  const TrainingResult result = Trainer(options).fit(model, toy_split(), bce);
  std::vector<double> rates;
  for (const EpochRecord& record : result.history) rates.push_back(record.learning_rate);
  REQUIRE(rates.size() == 6);
  for (const std::size_t i : {0u, 1u, 2u}) CHECK(rates[i] == 1e-7);
  for (const std::size_t i : {3u, 4u}) CHECK(rates[i] == Approx(1e-8));
}

TEST_CASE("each optimiser learns", "[train]") {
  TrainerOptions options = toy_options();
  options.epochs = 15;
  SECTION("SGD with momentum") {
    options.optimizer = Sgd{.momentum = 0.9};
    options.learning_rate = 0.5;
  }
  SECTION("Adagrad") {
    options.optimizer = Adagrad{};
    options.learning_rate = 0.05;
  }
  SECTION("Adam on the rows that were touched") { options.rows = TableRows::lazy; }
  Model model = toy_model();
  const double before = evaluate(model, toy_split().test)["auc"];
  const TrainingResult result = Trainer(options).fit(model, toy_split(), bce);
  CHECK(result.history.back().loss < 0.9 * result.history.front().loss);
  CHECK(evaluate(model, toy_split().test)["auc"] > before + 0.1);
}

TEST_CASE("Ctrl-C ends training after the step, with the state saved", "[train]") {
  const TemporaryDirectory directory;
  const InterruptGuard interrupt;
  TrainerOptions options = toy_options();
  options.state = directory / "state.safetensors";
  options.stop = &interrupt.requested();
  struct RaiseInStep {
    NextItem inner{};
    int* steps;

    BatchPlan plan() const { return inner.plan(); }
    std::string name() const { return inner.name(); }
    void check() const {}
    void operator()(const Model& model, Tape<cpu::Context>& tape, const TrainingBatch<HostSpace>& shard) const {
      inner(model, tape, shard);
      if (shard.histories.first_row == 0 && ++*steps == 3) ::raise(SIGINT);
    }
  };
  int steps = 0;
  Model model = toy_model();
  const TrainingResult result = Trainer(options).fit(model, toy_split(), RaiseInStep{.steps = &steps});
  CHECK(result.interrupted);
  CHECK(result.steps == 3);
  CHECK(std::filesystem::exists(options.state));
}

TEST_CASE("validation on candidates selects by them", "[train]") {
  const CandidateLists candidates = draw_candidates(toy_split().validation, {.negatives = 20});
  TrainerOptions options = toy_options();
  options.validation.candidates = &candidates;
  options.selection = "hr@5";
  Model model = toy_model();
  const TrainingResult result = Trainer(options).fit(model, toy_split(), bce);
  CHECK(result.validation.protocol == "validation, 1 + 20 sampled candidates");
  CHECK(evaluate(model, toy_split().validation, {.candidates = &candidates})["hr@5"] == result.validation["hr@5"]);
}

TEST_CASE("users with few events are trained on as far as they go", "[train]") {
  Interactions rows;
  const auto add = [&](std::int64_t user, const std::vector<std::int64_t>& items) {
    for (const std::int64_t item : items) {
      rows.users.push_back(user);
      rows.items.push_back(item);
    }
  };
  add(1, {0});           // nothing to learn
  add(2, {1, 2});        // one target
  add(3, {3, 0, 1});     // held out twice, one training event, nothing to learn
  add(4, {2, 3, 1, 0});  // one target, held out twice
  add(5, {4});           // so that there is always an item that user 4 has not seen
  const Dataset data = build_dataset("few", rows);
  const Split split = leave_one_out(data);
  CHECK(split.train_only_users == 3);
  TrainerOptions options = toy_options();
  Model model({.items = 5, .width = 4, .max_length = 3});
  const TrainingResult result = Trainer(options).fit(model, split, bce);
  CHECK(result.steps == 3);
  CHECK(evaluate(model, split.test).ranking.users == 2);

  Interactions too_few;
  too_few.users = {1, 1, 1};
  too_few.items = {1, 2, 3};
  const Dataset nothing = build_dataset("too few", too_few);
  const Split none = leave_one_out(nothing);
  Model other({.items = 5, .width = 4, .max_length = 3});
  CHECK_THAT(seqrec_test::message_of<DataError>([&] { Trainer(options).fit(other, none, bce); }),
             ContainsSubstring("too few: no user has two training events"));
}

TEST_CASE("a trainer's options out of range are named before anything is trained", "[train]") {
  const auto message = [](auto change) {
    TrainerOptions options = toy_options();
    change(options);
    return seqrec_test::message_of<ArgumentError>([&] { Trainer trainer(options); });
  };
  using O = TrainerOptions;
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THAT(message([](O& o) { o.epochs = 0; }), ContainsSubstring("Trainer epochs is 0, expected at least 1"));
  for (const double rate : {0.0, -1e-3, nan})
    CHECK_THAT(message([&](O& o) { o.learning_rate = rate; }), ContainsSubstring("Trainer learning_rate is"));
  for (const double norm : {-1.0, nan})
    CHECK_THAT(message([&](O& o) { o.clip_norm = norm; }), ContainsSubstring("Trainer clip_norm is"));
  CHECK_THAT(message([](O& o) { o.evaluate_every = 0; }), ContainsSubstring("Trainer evaluate_every is 0"));
  CHECK_THAT(message([](O& o) { o.patience = -1; }), ContainsSubstring("Trainer patience is -1"));
  CHECK_THAT(message([](O& o) { o.optimizer = Adam{.beta1 = 1}; }), ContainsSubstring("Adam beta1 is 1"));
  CHECK_THAT(message([](O& o) { o.schedule.floor = 2; }), ContainsSubstring("schedule floor is 2"));
  CHECK_THAT(message([](O& o) { o.optimizer = Sgd{.momentum = -1}; }), ContainsSubstring("SGD momentum is -1"));
  CHECK_THAT(message([](O& o) { o.steps = -1; }), ContainsSubstring("Trainer steps is -1"));
  CHECK_THAT(message([](O& o) { o.accumulate = 0; }), ContainsSubstring("Trainer accumulate is 0"));
  for (const double decay : {-0.1, 1.0, nan})
    CHECK_THAT(message([&](O& o) { o.ema_decay = decay; }), ContainsSubstring("Trainer ema_decay is"));
  CHECK_THAT(message([](O& o) { o.evaluate_every_steps = -1; }), ContainsSubstring("Trainer evaluate_every_steps is"));
  CHECK_THAT(message([](O& o) { o.save_every_steps = -1; }), ContainsSubstring("Trainer save_every_steps is -1"));
  CHECK_THAT(message([](O& o) { o.plateau.factor = 2; }), ContainsSubstring("plateau factor is 2"));
  CHECK_THAT(message([](O& o) { o.resume = true; }),
             ContainsSubstring("Trainer state is") && ContainsSubstring("file"));
  CHECK_THAT(message([](O& o) { o.log_file = "log.txt"; }), ContainsSubstring("log.txt"));
  CHECK_THAT(message([](O& o) { o.selection = "ndcg@11"; }),
             ContainsSubstring("metric is ndcg@11, expected one of hr@5, hr@10") && ContainsSubstring("auc"));
  CHECK_THAT(message([](O& o) { o.validation.top_k = {5}; }), ContainsSubstring("metric is ndcg@10"));
}

TEST_CASE("what does not fit together is refused before the first step", "[train]") {
  std::ostringstream log;
  TrainerOptions options = toy_options();
  options.log = &log;
  Model model = toy_model();
  const auto before = weights_of(model);
  const CandidateLists of_test = draw_candidates(toy_split().test, {.negatives = 5});

  TrainerOptions wrong = options;
  wrong.validation.candidates = &of_test;
  CHECK_THROWS_AS(Trainer(wrong).fit(model, toy_split(), bce), DataError);
  wrong = options;
  wrong.batch_size = 0;
  CHECK_THROWS_AS(Trainer(wrong).fit(model, toy_split(), bce), ArgumentError);
  wrong = options;
  wrong.token_budget = 0;
  CHECK_THROWS_AS(Trainer(wrong).fit(model, toy_split(), bce), ArgumentError);
  wrong = options;
  wrong.team.slots = 0;
  CHECK_THROWS_AS(Trainer(wrong).fit(model, toy_split(), bce), ArgumentError);
  CHECK_THROWS_AS(Trainer(options).fit(model, toy_split(), NextItem{.negatives = 0}), ArgumentError);
  Model small({.items = 59});
  CHECK_THAT(seqrec_test::message_of<DataError>([&] { Trainer(options).fit(small, toy_split(), bce); }),
             ContainsSubstring("has 60 items, the model's table 59"));
  CHECK(weights_of(model) == before);
  CHECK(log.str().empty());
}

TEST_CASE("a model takes over the ids of what it was trained on, and into its checkpoint", "[train]") {
  const TemporaryDirectory directory;
  TrainerOptions options = toy_options();
  options.epochs = 1;
  options.checkpoint = directory / "model.safetensors";
  Model model = toy_model();
  Trainer(options).fit(model, toy_split(), bce);
  CHECK(model.vocabulary() == toy_split().data->item_ids);
  CHECK(load<Model>(options.checkpoint).vocabulary() == model.vocabulary());
}

TEST_CASE("a model is not trained on data whose items are numbered otherwise", "[train]") {
  TrainerOptions options = toy_options();
  options.epochs = 1;
  Model model = toy_model();
  std::vector<std::string> ids;
  for (index_t item = 0; item < 60; ++item) ids.emplace_back(toy_split().data->item_ids[item]);
  std::swap(ids[7], ids[8]);
  model.set_vocabulary(Vocabulary(ids));
  const std::vector<float> before = weights_of(model);
  CHECK_THROWS_WITH(Trainer(options).fit(model, toy_split(), bce),
                    ContainsSubstring(concatenate("item 7 is '", toy_split().data->item_ids[7])));
  CHECK(weights_of(model) == before);
}
