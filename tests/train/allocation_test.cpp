// SPDX-License-Identifier: Apache-2.0
// A training step of a size seen before must not allocate: this file counts every `new` of its executable.
#include <cstddef>

#include "seqrec/cpu.hpp"
#include "seqrec/data/batcher.hpp"
#include "seqrec/data/synthetic.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/optim/adam.hpp"
#include "seqrec/train/objectives.hpp"
#include "seqrec/train/step.hpp"
#include "support/catch.hpp"
#include "support/counting_new.hpp"

using namespace seqrec;
using seqrec_test::allocations;

TEST_CASE("training steps of sizes seen before allocate nothing", "[train]") {
  const NextItem objective = GENERATE(NextItem{.loss = BinaryCrossEntropy{}}, NextItem{.loss = FullSoftmax{}});
  const int threads = GENERATE(1, 2);
  CAPTURE(objective.name(), threads);
  const Dataset data = synthetic_dataset({.users = 60, .items = 80, .genres = 6, .max_events = 30});
  const Split split = leave_one_out(data);
  SasRec<cpu::Context> model({.items = 80, .width = 16, .heads = 2, .max_length = 25});
  const ParameterSet<cpu::Context> parameters(model);
  cpu::Context::Team team(parameters.size(), {.threads = threads, .slots = 4});
  Optimizer<cpu::Context, Adam> optimizer(parameters.size(), {});
  Batcher batcher(
      split, {.batch_size = 16, .max_length = 25, .negatives = objective.negatives, .token_budget = 64, .seed = 2});
  const std::size_t before_anything = allocations;
  const auto train = [&] {
    for (index_t epoch = 0; epoch < 3; ++epoch)
      for (index_t i = 0; i < batcher.steps_per_epoch(); ++i)
        training_step(team, model, parameters, objective, optimizer, batcher.make(epoch, i), 1e-3, 1.0, 5,
                      optimizer.steps());
  };
  train();
  REQUIRE(allocations > before_anything);  // or nothing is being counted
  const std::size_t before = allocations;
  train();
  CHECK(allocations - before == 0);
}
