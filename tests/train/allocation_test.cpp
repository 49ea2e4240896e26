// SPDX-License-Identifier: Apache-2.0
// A training step of a size seen before must not allocate, and what it costs must follow the rows that it touches, not
// the catalogue: this file counts every `new` of its executable.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "seqrec/core/random.hpp"
#include "seqrec/cpu.hpp"
#include "seqrec/data/batches/batcher.hpp"
#include "seqrec/data/batches/training_batch.hpp"
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

namespace {

/// Draws any item; positions have negatives of their own.
struct AnyItem {
  RandomStream& random;
  std::uint32_t items;

  void draw(index_t, MatrixView<item_t, HostSpace> negatives) {
    for (index_t row = 0; row < negatives.rows(); ++row) negatives(row, 0) = static_cast<item_t>(random.below(items));
  }
  void draw_in_batch(std::span<const index_t>, std::span<const offset_t>, MatrixView<item_t, HostSpace>) {}
  void draw_shared(VectorView<item_t, HostSpace>) {}
  void choose(std::span<const item_t>, VectorView<item_t, HostSpace>) {}
};

/// The fastest step of some, in seconds, batches made as well; each touches rows all over the catalogue.
double fastest_step(index_t items) {
  RandomStream random(3, Purpose::synthetic_data, 0);
  std::vector<item_t> events(40 * 12);
  for (item_t& item : events) item = static_cast<item_t>(random.below(static_cast<std::uint32_t>(items)));
  std::vector<TrainingUser> users;
  for (index_t user = 0; user < 40; ++user) {
    const auto of_user = std::span<const item_t>(events).subspan(static_cast<std::size_t>(user) * 12, 12);
    users.push_back({user, of_user.first(11), of_user.last(11)});
  }
  const NextItem objective{.loss = BinaryCrossEntropy{}};
  HostTrainingBatch batch({.num_items = items, .max_length = 11}, objective.plan(), 11);
  SasRec<cpu::Context> model({.items = items, .width = 8, .max_length = 11});
  const ParameterRanges ranges(model.parameters());
  cpu::Team team(model.parameters().size(), {.threads = 1});
  Optimizer<cpu::Context> optimizer(model.parameters().size(), Adam{}, TableRows::lazy);
  double fastest = std::numeric_limits<double>::infinity();
  for (int step = 0; step < 12; ++step) {
    const auto begin = std::chrono::steady_clock::now();
    batch.pack(users, AnyItem{random, static_cast<std::uint32_t>(items)});
    training_step(team, model, ranges, objective, optimizer, batch, 1e-3, 1.0, 1, optimizer.steps());
    fastest = std::min(fastest, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  return fastest;
}

}  // namespace

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

TEST_CASE(
    "a step over a large catalogue costs what its rows cost: little more memory than weights and moments, and time",
    "[train]") {
  const std::size_t before = seqrec_test::allocated;
  seqrec_test::most_allocated = before;
  constexpr index_t items = 1'000'000;
  const double large = fastest_step(items);
  const auto held = static_cast<double>(seqrec_test::most_allocated - before);
  const double weights_and_moments = 3.0 * sizeof(float) * 8 * static_cast<double>(items);
  CHECK(held > weights_and_moments);  // or nothing is being counted
  CHECK(held < 1.1 * weights_and_moments);
  // 1.1 on a quiet machine; with gradients of the whole table it was 30.
  CHECK(large < 5 * fastest_step(10'000));
}
