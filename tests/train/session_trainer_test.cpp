// SPDX-License-Identifier: Apache-2.0
#include "seqrec/train/session_trainer.hpp"

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "data/small_datasets.hpp"
#include "seqrec/cpu.hpp"
#include "seqrec/data/splits/session_split.hpp"
#include "seqrec/models/gru4rec.hpp"
#include "support/catch.hpp"
#include "support/parameters.hpp"
#include "train/resumed_run.hpp"

using namespace seqrec;
using seqrec_test::message_of, seqrec_test::weights_of;
using Model = Gru4Rec<cpu::Context>;

namespace {

/// Sessions in which item i is mostly followed by i + 1, of `items`.
Split chain_split(int sessions, int items, std::uint64_t seed) {
  std::vector<std::vector<std::int64_t>> histories;
  for (int session = 0; session < sessions; ++session) {
    RandomStream random(seed, Purpose::synthetic_data, static_cast<std::uint64_t>(session));
    std::vector<std::int64_t>& history = histories.emplace_back();
    const auto any = [&] { return static_cast<std::int64_t>(random.below(static_cast<std::uint32_t>(items))); };
    history.push_back(any());
    for (const auto length = 2 + random.below(6); history.size() < length;)
      history.push_back(random.below(10) < 8 ? (history.back() + 1) % items : any());
  }
  return session_split(seqrec_test::dataset_of(histories));
}
const Split& toy_split() {
  static const Split split = chain_split(120, 30, 3);
  return split;
}

Model toy_model() {
  return Model({.items = toy_split().data->num_items(),
                .width = 8,
                .layers = 2,
                .dropout = 0.2,
                .state_dropout = 0.3,
                .reset = GruReset::before_product,
                .initial_deviation = 0,
                .seed = 3});
}

/// Steps of five lanes in three shards.
TrainerOptions toy_options() {
  TrainerOptions options = session_trainer_options();
  options.epochs = 3;
  options.batch_size = 5;
  options.seed = 4;
  options.token_budget = 2;
  options.team = {.threads = 2, .slots = 4};
  options.log = nullptr;
  return options;
}

const SessionNextItem bpr_max{.loss = BprMax{.score_regularisation = 0.5, .elu = 0.5}, .negatives = 7};

}  // namespace

TEST_CASE("what follows in sessions is learned, whichever the loss", "[train]") {
  const SessionNextItem objective = GENERATE(
      SessionNextItem{.loss = SampledSoftmax{}, .negatives = 10}, SessionNextItem{.loss = BprMax{}, .shuffle = true},
      SessionNextItem{.loss = Top1Max{.elu = 1}, .negatives = 10}, SessionNextItem{.loss = Top1{}, .negatives = 10});
  CAPTURE(objective.name());
  const Split split = chain_split(500, 30, 7);
  Model model({.items = split.data->num_items(),
               .width = 16,
               .dropout = 0,
               .state_dropout = 0,
               .reset = GruReset::before_product,
               .initial_deviation = 0,
               .seed = 1});
  TrainerOptions options = session_trainer_options();
  options.epochs = 6;
  options.batch_size = 10;
  options.log = nullptr;
  options.team.threads = 1;
  const TrainingResult result = SessionTrainer(options).fit(model, split, objective);
  const Evaluation test = evaluate(model, split.test, {.top_k = {1, 20}, .seen = SeenItems::ranked});
  CHECK(test["recall@1"] > 0.5);  // .81 is the best there is; by chance .03
  CHECK(result.history.size() >= 4);
  CHECK(model.vocabulary() == split.data->item_ids);
}

TEST_CASE("where nothing follows from anything, nothing is learned", "[train]") {
  const Split split = session_split(seqrec_test::random_dataset(1500, 60, 12, 5));
  Model model({.items = split.data->num_items(), .width = 16, .seed = 1});
  TrainerOptions options = session_trainer_options();
  options.epochs = 2;
  options.log = nullptr;
  SessionTrainer(options).fit(model, split, SessionNextItem{.loss = SampledSoftmax{}, .negatives = 20});
  CHECK(evaluate(model, split.test, {.seen = SeenItems::ranked})["auc"] == Approx(0.5).margin(0.02));
}

TEST_CASE("sessions in lanes are trained to the same bits on any number of threads", "[train]") {
  std::vector<std::vector<float>> weights;
  for (const int threads : {1, 2, 3}) {
    TrainerOptions options = toy_options();
    options.team.threads = threads;
    Model model = toy_model();
    SessionTrainer(options).fit(model, toy_split(), bpr_max);
    weights.push_back(weights_of(model));
  }
  CHECK(weights[0] == weights[1]);
  CHECK(weights[0] == weights[2]);
  CHECK(weights[0] != weights_of(toy_model()));
}

TEST_CASE("a run of sessions in lanes is resumed in the middle of them", "[train]") {
  TrainerOptions options = toy_options();
  SessionNextItem objective = bpr_max;
  objective.shuffle = GENERATE(false, true);
  options.ema_decay = objective.shuffle ? 0.8 : 0;
  const auto seed = static_cast<std::uint64_t>(objective.shuffle ? 2 : 1);
  const bool killed = objective.shuffle;
  // Runs of few steps would take too many interruptions.
  options.steps = 60;
  seqrec_test::check_resumed_run<SessionTrainer>(toy_model, toy_split(), objective, options, seed, killed);
}

TEST_CASE("what a saved run of sessions carries is checked before it goes on", "[train][errors]") {
  const seqrec_test::TemporaryDirectory directory;
  TrainerOptions options = toy_options();
  options.epochs = 1;
  options.state = directory / "state.safetensors";
  const auto train = [&] {
    Model model = toy_model();
    SessionTrainer(options).fit(model, toy_split(), bpr_max);
  };
  train();
  options.resume = true;
  options.epochs = 2;
  const std::string whole = seqrec_test::read_file(options.state);
  const SafetensorsFile file(options.state);
  const StoredTensor& carried = file.require("carried", DataType::f32);
  CHECK(carried.shape == std::vector<index_t>{5 * 16});
  const std::size_t data = whole.size() - static_cast<std::size_t>(file.tensors().back().end);
  std::string damaged = whole;
  damaged.replace(data + static_cast<std::size_t>(carried.begin) + 8, 4, "\xff\xff\xff\xff");  // not a number
  seqrec_test::write_file(options.state, damaged);
  CHECK_THAT(message_of<DataError>(train), ContainsSubstring("tensor 'carried': element [2] is") &&
                                               ContainsSubstring("nan, expected a finite number"));
  damaged = whole;
  damaged.replace(damaged.find("\"carried\""), 9, "\"harried\"");
  seqrec_test::write_file(options.state, damaged);
  CHECK_THAT(message_of<DataError>(train), ContainsSubstring("tensor 'carried' is missing"));
  seqrec_test::write_file(options.state, whole);
  CHECK_NOTHROW(train());
}

TEST_CASE("what a SessionTrainer cannot do is named", "[train][errors]") {
  TrainerOptions options = toy_options();
  options.accumulate = 2;
  CHECK_THAT(message_of<ArgumentError>([&] { SessionTrainer{options}; }),
             ContainsSubstring("SessionTrainer accumulate is 2, expected 1"));
  options = toy_options();
  Model model = toy_model();
  const auto message = [&](const auto& objective) {
    return message_of<ArgumentError>([&] { SessionTrainer(options).fit(model, toy_split(), objective); });
  };
  CHECK_THAT(message(SessionNextItem{.negatives = 30}),
             ContainsSubstring("session lanes negatives is 30, expected 0 .. 29"));
  CHECK_THAT(message(NextItem{}), ContainsSubstring("session lanes sharing is per_position, expected per_batch"));
  options.batch_size = 1;
  CHECK_THAT(message(SessionNextItem{}), ContainsSubstring("session lanes lanes is 1, expected at least 2"));
  options = toy_options();
  options.learning_rate = 1e30;
  CHECK_THROWS_AS(SessionTrainer(options).fit(model, toy_split(), bpr_max), NonFiniteError);
}
