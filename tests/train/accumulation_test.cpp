// SPDX-License-Identifier: Apache-2.0
// Gradient accumulation: k batches make one step, and it is that of one batch of k times the users.
#include <cmath>
#include <cstdint>
#include <vector>

#include "seqrec/cpu.hpp"
#include "seqrec/data/readers/synthetic.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/train/trainer.hpp"
#include "support/catch.hpp"
#include "support/parameters.hpp"

using namespace seqrec;
using seqrec_test::weights_of;
using Model = SasRec<cpu::BasicContext<double>>;

namespace {

const Split& toy_split() {
  static const Dataset data = synthetic_dataset({.users = 70, .items = 60, .genres = 6, .max_events = 25});
  static const Split split = leave_one_out(data);
  return split;
}

Model toy_model(double dropout) {
  return Model({.items = 60, .width = 6, .blocks = 1, .max_length = 12, .dropout = dropout, .seed = 3});
}

TrainingResult train(Model& model, index_t batch_size, index_t accumulate, const NextItem& objective, int threads = 2) {
  return Trainer({.epochs = 3,
                  .batch_size = batch_size,
                  .accumulate = accumulate,
                  .learning_rate = 0.05,
                  .optimizer = Sgd{.momentum = 0.5},  // Adam would divide tiny gradients by their size
                  .clip_norm = 0.5,
                  .seed = 5,
                  .team = {.threads = threads},
                  .log = nullptr})
      .fit(model, toy_split(), objective);
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

}  // namespace

TEST_CASE("accumulated batches equal one batch of all their users", "[train]") {
  const NextItem objective = GENERATE(NextItem{.loss = BinaryCrossEntropy{}}, NextItem{.loss = FullSoftmax{}});
  const index_t accumulate = GENERATE(2, 3, 100);  // 70 users in batches of 8: the last batch, and step, is smaller
  CAPTURE(objective.name(), accumulate);
  Model whole = toy_model(0), parts = toy_model(0);
  const TrainingResult expected = train(whole, 8 * accumulate, 1, objective);
  const TrainingResult result = train(parts, 8, accumulate, objective);
  CHECK(result.steps == expected.steps);
  CHECK(result.steps == 3 * ((70 + 8 * accumulate - 1) / (8 * accumulate)));
  REQUIRE(result.history.size() == expected.history.size());
  for (std::size_t i = 0; i < result.history.size(); ++i)
    CHECK(std::abs(result.history[i].loss - expected.history[i].loss) < 1e-12);
  CHECK(largest_difference(weights_of(parts), weights_of(whole)) < 1e-12);
  Model untrained = toy_model(0);
  CHECK(largest_difference(weights_of(whole), weights_of(untrained)) > 1e-3);
}

TEST_CASE("accumulation gives the same bits on any number of threads, with dropout", "[train]") {
  const NextItem objective{.loss = BinaryCrossEntropy{}};
  Model one = toy_model(0.4), two = toy_model(0.4), three = toy_model(0.4);
  train(one, 8, 3, objective, 1);
  train(two, 8, 3, objective, 2);
  train(three, 8, 3, objective, 3);
  CHECK(weights_of(one) == weights_of(two));
  CHECK(weights_of(one) == weights_of(three));
}

namespace {

/// Remembers the number that chooses each batch's masks.
struct MaskNumbers {
  std::vector<std::uint32_t>* numbers;
  NextItem inner{.loss = BinaryCrossEntropy{}};

  BatchPlan plan() const { return inner.plan(); }
  std::string name() const { return inner.name(); }
  void check() const {}
  void operator()(const Model& model, Tape<Model::Context>& tape, const TrainingBatch<HostSpace>& shard) const {
    inner(model, tape, shard);
    if (shard.histories.first_row == 0) numbers->push_back(tape.context().next_dropout(0.5, 0).step);
  }
};

}  // namespace

TEST_CASE("no two batches of a run have the same dropout masks", "[train]") {
  std::vector<std::uint32_t> numbers;
  Model model = toy_model(0.4);
  TrainerOptions options{
      .epochs = 3, .batch_size = 8, .accumulate = 2, .seed = 5, .team = {.threads = 1}, .log = nullptr};
  Trainer(options).fit(model, toy_split(), MaskNumbers{&numbers});
  std::vector<std::uint32_t> expected(3 * 9);  // nine batches of eight users, five steps an epoch
  for (std::size_t i = 0; i < expected.size(); ++i) expected[i] = static_cast<std::uint32_t>(i);
  CHECK(numbers == expected);
}
