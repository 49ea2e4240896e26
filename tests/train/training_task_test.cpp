// SPDX-License-Identifier: Apache-2.0
// A run of a task that is made up: no model, no data, validations that were decided beforehand.
#include "seqrec/train/training_task.hpp"

#include <string>
#include <vector>

#include "data/small_datasets.hpp"
#include "seqrec/models/avg_pool.hpp"
#include "seqrec/objectives/next_item.hpp"
#include "seqrec/train/training_run.hpp"
#include "support/catch.hpp"

using namespace seqrec;

namespace {

/// Each step adds one to the only weight; validations say what was scripted, one after another.
class Scripted final : public detail::TrainingTask<double> {
 public:
  explicit Scripted(std::vector<double> scores) : scores_(std::move(scores)) {}

  index_t batches_per_epoch() const override { return 3; }
  bool looks_ahead() const override { return ahead; }
  index_t num_targets(index_t, index_t) override { return 10; }
  double step(const detail::TaskStep& step) override {
    steps.push_back(step);
    ++weight_;
    return 0.5;
  }
  void check_finite(std::uint64_t) override {}
  Evaluation evaluate(const HeldOut&, const EvaluateOptions&) override {
    Evaluation found;
    found.ranking.metrics = {{"ndcg@10", scores_.at(validations++), 0}};
    return found;
  }
  void save_model(const std::filesystem::path&) const override {}
  RunIdentity identity(const TrainerOptions&) const override { throw Error("not asked for without a state file"); }
  const std::vector<ParameterEntry>& entries() const override { return entries_; }
  std::vector<std::string> states() const override { return {"model"}; }
  std::vector<double> state(const std::string&) const override { return {weight_}; }
  void put_state(const std::string&, const std::vector<double>& values) override { weight_ = values.front(); }
  void resume(std::uint64_t) override {}

  double weight() const { return weight_; }
  std::vector<detail::TaskStep> steps;
  std::size_t validations = 0;
  bool ahead = false;

 private:
  std::vector<double> scores_;
  std::vector<ParameterEntry> entries_;
  double weight_ = 0;
};

}  // namespace

TEST_CASE("a run keeps the weights of the best validation and stops when none is better", "[train]") {
  Scripted task({0.1, 0.3, 0.2, 0.25, 0.9});
  const HeldOut validation;
  const TrainingResult result =
      detail::TrainingRun<double>(task, validation, {.epochs = 9, .patience = 2, .log = nullptr}).run();
  CHECK(result.epochs == 4);
  CHECK(result.best_epoch == 2);
  CHECK(task.validations == 4);
  CHECK(task.weight() == 6);  // after two epochs of three steps
}

TEST_CASE("a run tells each step its batches, targets, number and learning rate", "[train]") {
  Scripted task({0.1, 0.2});
  const HeldOut validation;
  detail::TrainingRun<double>(task, validation,
                              {.epochs = 2, .accumulate = 2, .learning_rate = 0.25, .patience = 0, .log = nullptr})
      .run();
  REQUIRE(task.steps.size() == 4);
  const auto& last = task.steps.back();
  CHECK(last.epoch == 1);
  CHECK(last.first_batch == 2);
  CHECK(last.batches == 1);
  CHECK(last.targets == 10);
  CHECK(last.number == 3);
  CHECK(last.learning_rate == 0.25);
  CHECK(task.steps.front().batches == 2);
  CHECK(task.steps.front().targets == 20);
}

TEST_CASE("a run tells a task that looks ahead what comes next", "[train]") {
  Scripted task({0.1, 0.2});
  task.ahead = GENERATE(true, false);
  const HeldOut validation;
  detail::TrainingRun<double>(task, validation, {.epochs = 2, .accumulate = 2, .patience = 0, .log = nullptr}).run();
  REQUIRE(task.steps.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    const auto& next = task.steps[i].next;
    REQUIRE(next.has_value() == (task.ahead && i < 3));
    if (!next) continue;
    CHECK(next->epoch == task.steps[i + 1].epoch);
    CHECK(next->number == task.steps[i + 1].first_batch);
    CHECK(next->targets == task.steps[i + 1].targets);
  }
}
