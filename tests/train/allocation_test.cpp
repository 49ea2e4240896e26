// SPDX-License-Identifier: Apache-2.0
// A training step of a size seen before must not allocate: this file counts every `new` of its executable.
#include <cstddef>
#include <cstdint>

#include "seqrec/cpu.hpp"
#include "seqrec/data/batches/batcher.hpp"
#include "seqrec/data/readers/synthetic.hpp"
#include "seqrec/data/splits/session_split.hpp"
#include "seqrec/models/din.hpp"
#include "seqrec/models/gru4rec.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/objectives/click.hpp"
#include "seqrec/objectives/next_item.hpp"
#include "seqrec/objectives/session_next_item.hpp"
#include "seqrec/optim/exponential_average.hpp"
#include "seqrec/optim/optimizer.hpp"
#include "seqrec/train/session_task.hpp"
#include "seqrec/train/step.hpp"
#include "support/catch.hpp"
#include "support/counting_new.hpp"

using namespace seqrec;
using seqrec_test::allocations;

TEST_CASE("training steps of sizes seen before allocate nothing", "[train]") {
  const NextItem objective = GENERATE(NextItem{.loss = BinaryCrossEntropy{}}, NextItem{.loss = FullSoftmax{}});
  const int threads = GENERATE(1, 2);
  const index_t accumulate = GENERATE(1, 2);
  CAPTURE(objective.name(), threads, accumulate);
  const Dataset data = synthetic_dataset({.users = 60, .items = 80, .genres = 6, .max_events = 30});
  const Split split = leave_one_out(data);
  SasRec<cpu::Context> model({.items = 80, .width = 16, .heads = 2, .max_length = 25});
  auto& parameters = model.parameters();
  const ParameterRanges ranges(parameters);
  cpu::Context::Team team(parameters.size(), {.threads = threads, .slots = 4});
  const Algorithm algorithm = GENERATE(Algorithm{Adam{}}, Algorithm{Sgd{.momentum = 0.9}}, Algorithm{Sgd{}});
  Optimizer<cpu::Context> optimizer(parameters.size(), algorithm, TableRows::lazy);
  ExponentialAverage<cpu::Context> average(parameters.size(), 0.9);
  Batcher batcher(split, {.batch_size = 16, .max_length = 25, .plan = objective.plan(), .token_budget = 64, .seed = 2});
  const std::size_t before_anything = allocations;
  const auto train = [&] {
    for (index_t epoch = 0; epoch < 3; ++epoch)
      for (index_t i = 0; i + accumulate <= batcher.steps_per_epoch(); i += accumulate) {
        accumulate_gradients(
            team, model, objective, accumulate,
            [&](index_t k) -> const HostTrainingBatch& { return batcher.make(epoch, i + k, 100); }, 5,
            static_cast<std::uint64_t>(i));
        apply_gradients(team, model, ranges, optimizer, 1e-3, 1.0, optimizer.steps());
        average.update(team, ranges, parameters.values(), optimizer.state());
        outcome_of_step(team, model, ranges, optimizer);
      }
  };
  train();
  REQUIRE(allocations > before_anything);  // or nothing is being counted
  const std::size_t before = allocations;
  train();
  CHECK(allocations - before == 0);
}

TEST_CASE("steps of sessions in lanes allocate nothing", "[train]") {
  using Model = Gru4Rec<cpu::Context>;
  const SessionNextItem objective = GENERATE(SessionNextItem{.loss = SampledSoftmax{}, .negatives = 9},
                                             SessionNextItem{.loss = BprMax{}, .negatives = 9, .shuffle = true});
  CAPTURE(objective.name());
  const Split split =
      session_split(synthetic_dataset({.users = 60, .items = 80, .genres = 6, .min_events = 2, .max_events = 9}));
  Model model({.items = split.data->num_items(), .width = 8, .layers = 2, .item_bias = true});
  detail::SessionTask<Model, SessionNextItem> task(
      model, split, objective,
      {.batch_size = 7, .optimizer = Adagrad{.momentum = 0.2}, .token_budget = 3, .team = {.threads = 2, .slots = 4}});
  std::uint64_t number = 0;
  const auto train = [&] {
    for (index_t epoch = 0; epoch < 2; ++epoch)
      for (index_t step = 0; step < task.batches_per_epoch(); ++step)
        task.step({.epoch = epoch,
                   .first_batch = step,
                   .targets = task.num_targets(epoch, step),
                   .number = number++,
                   .learning_rate = 0.01});
  };
  const std::size_t before_anything = allocations;
  train();
  REQUIRE(allocations > before_anything);  // or nothing is being counted
  const std::size_t before = allocations;
  train();
  CHECK(allocations - before == 0);
}

TEST_CASE("training steps of a model that looks at candidates allocate nothing", "[train]") {
  const Click objective = GENERATE(Click{}, Click{.sharing = NegativeSharing::in_batch, .correct_sampling = true});
  const auto activation = GENERATE(Activation::prelu, Activation::dice);
  const Dataset data = synthetic_dataset({.users = 60, .items = 80, .genres = 6, .max_events = 30});
  const Split split = leave_one_out(data);
  Din<cpu::Context> model({.items = 80,
                           .width = 8,
                           .max_length = 10,
                           .attention_hidden = {6},
                           .attention_activation = activation,
                           .hidden = {8},
                           .activation = activation});
  auto& parameters = model.parameters();
  const ParameterRanges ranges(parameters);
  cpu::Context::Team team(parameters.size(), {.threads = 2, .slots = 4});
  Optimizer<cpu::Context> optimizer(parameters.size(), Adam{}, TableRows::dense);
  Batcher batcher(
      split,
      {.batch_size = 16, .max_length = 25, .window = 10, .plan = objective.plan(), .token_budget = 64, .seed = 2});
  const auto train = [&] {
    for (index_t epoch = 0; epoch < 3; ++epoch)
      for (index_t i = 0; i < batcher.steps_per_epoch(); ++i) {
        compute_gradients(team, model, objective, batcher.make(epoch, i), 5, 7);
        apply_gradients(team, model, ranges, optimizer, 1e-3, 1.0, optimizer.steps());
      }
  };
  train();
  const std::size_t before = allocations;
  train();
  CHECK(allocations - before == 0);
}

TEST_CASE("training steps of a mixture of experts allocate nothing, however its loads move", "[train]") {
  const Dataset data = synthetic_dataset({.users = 60, .items = 80, .genres = 6, .max_events = 30});
  const Split split = leave_one_out(data);
  const NextItem objective{.loss = BinaryCrossEntropy{}};
  SasRec<cpu::Context> model({.items = 80,
                              .width = 16,
                              .max_length = 25,
                              .moe = {.experts = 12, .shared_experts = 1, .expert_width = 5, .first_bias_step = 0.1}});
  auto& parameters = model.parameters();
  const ParameterRanges ranges(parameters);
  cpu::Context::Team team(parameters.size(), {.threads = 2, .slots = 4});
  Optimizer<cpu::Context> optimizer(parameters.size(), Adam{}, TableRows::dense);
  Batcher batcher(split, {.batch_size = 16, .max_length = 25, .plan = objective.plan(), .token_budget = 64, .seed = 2});
  const auto train = [&](index_t epochs) {
    for (index_t epoch = 0; epoch < epochs; ++epoch)
      for (index_t i = 0; i < batcher.steps_per_epoch(); ++i) {
        compute_gradients(team, model, objective, batcher.make(epoch, i), 5, 7);
        apply_gradients(team, model, ranges, optimizer, 1e-2, 0, optimizer.steps());
      }
  };
  train(3);
  const std::size_t before = allocations;
  train(3);  // the same batches, routed otherwise
  CHECK(allocations - before == 0);
}
