// SPDX-License-Identifier: Apache-2.0
// A full disk, and processes that are killed at random moments: the state of a run and its history are whole, together.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "data/small_datasets.hpp"
#include "seqrec/objectives/next_item.hpp"
#include "seqrec/train/training_run.hpp"
#include "support/catch.hpp"
#include "support/disasters.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using seqrec_test::Ending;

namespace {

/// What a run is known by.
struct NoModel {
  static constexpr const char* name = "none";
  struct Options {};
  Options options() const { return {}; }
};

constexpr index_t elements = 3000;

/// The weights after so many steps, and what validating them says.
std::vector<double> weights_after(index_t steps) {
  std::vector<double> weights;
  for (index_t i = 1; i <= elements; ++i) weights.push_back(static_cast<double>(steps * i));
  return weights;
}
double score_after(index_t steps) { return std::fmod(0.618 * static_cast<double>(steps), 1.0); }

/// A task without a model whose weights tell how many steps they took.
class Counting final : public detail::TrainingTask<double> {
 public:
  index_t batches_per_epoch() const override { return 4; }
  index_t num_targets(index_t, index_t) override { return 1; }
  double step(const detail::TaskStep&) override {
    for (std::size_t i = 0; i < weights_.size(); ++i) weights_[i] += static_cast<double>(i + 1);
    return 1;
  }
  void check_finite(std::uint64_t) override {}
  Evaluation evaluate(const HeldOut&, const EvaluateOptions&) override {
    Evaluation found;
    found.ranking.metrics = {{"ndcg@10", score_after(static_cast<index_t>(weights_.front())), 0}};
    return found;
  }
  void save_model(const std::filesystem::path&) const override {}
  RunIdentity identity(const TrainerOptions& options) const override {
    static const Split split = leave_one_out(seqrec_test::random_dataset(5, 6, 4, 1));
    return RunIdentity(NoModel(), split, NextItem(), options);
  }
  const std::vector<ParameterEntry>& entries() const override { return entries_; }
  std::vector<std::string> states() const override { return {"model"}; }
  std::vector<double> state(const std::string&) const override { return weights_; }
  void put_state(const std::string&, const std::vector<double>& values) override { weights_ = values; }
  void resume(std::uint64_t) override {}

 private:
  std::vector<ParameterEntry> entries_{{"w", {elements}, Initialiser::constant(0), ParameterRole::weight, 0}};
  std::vector<double> weights_ = weights_after(0);
};

/// Validates, and saves twice, at each step.
struct Run {
  seqrec_test::TemporaryDirectory directory;
  TrainerOptions options{.steps = 1 << 30,
                         .evaluate_every_steps = 1,
                         .patience = 0,
                         .state = directory / "state.safetensors",
                         .save_every_steps = 1,
                         .log = nullptr};

  TrainingResult go(bool resume, index_t steps = 1 << 30) const {
    TrainerOptions how = options;
    how.resume = resume;
    how.steps = steps;
    Counting task;
    const HeldOut validation;
    return detail::TrainingRun<double>(task, validation, how).run();
  }
  /// Requires that the pair on disk belongs together.
  /// @return the steps of the run that it is of
  index_t checked_steps() const {
    const Counting task;
    const auto [state, records, history] =
        load_training_state<double>(options.state, task.identity(options), task.entries(), elements, {"model", "best"});
    const index_t steps = state.position.steps;
    REQUIRE((state.tensors.at("model") == weights_after(steps)));
    REQUIRE((state.tensors.at("best") == weights_after(state.position.best_steps)));
    REQUIRE((std::ssize(records) == steps || std::ssize(records) + 1 == steps));  // the last one may be to come
    check_history(records);
    return steps;
  }
  static void check_history(const std::vector<EpochRecord>& records) {
    for (std::size_t i = 0; i < records.size(); ++i) {
      const auto steps = static_cast<index_t>(i + 1);
      REQUIRE((records[i].steps == steps && records[i].validation["ndcg@10"] == score_after(steps)));
    }
  }
};

}  // namespace

TEST_CASE("a run that is killed again and again can be resumed every time, with its whole history", "[train]") {
  const Run run;
  run.go(false, 1);
  std::minstd_rand random(3);
  int leftovers = 0, begun_anew = 0, most_microseconds = 4000;
  index_t most_steps = 0;
  for (int kill = 0; kill < 150; ++kill) {
    const index_t before = run.checked_steps();
    const bool resume = kill % 25 != 24;
    const std::chrono::microseconds after(random() % static_cast<unsigned>(most_microseconds));
    REQUIRE(seqrec_test::run_and_kill(after, [&] { run.go(resume); }) == Ending::killed);
    const index_t steps = run.checked_steps();
    if (resume) REQUIRE(steps >= before);
    begun_anew += steps < before;
    most_steps = std::max(most_steps, steps);
    const int companions = seqrec_test::companions_of(run.options.state);
    // Two histories while one run takes another's place, and a temporary; none before a first row.
    REQUIRE(companions <= 3);
    leftovers += companions > 1;
    if (leftovers == 0 || begun_anew == 0 || most_steps < 10) most_microseconds += 500;  // on a slow machine
  }
  CHECK(most_steps >= 10);
  CHECK(begun_anew > 0);
  CHECK(leftovers > 0);

  const index_t steps = run.checked_steps() + 3;
  const TrainingResult result = run.go(true, steps);
  CHECK(std::ssize(result.history) == steps);
  Run::check_history(result.history);
  CHECK(seqrec_test::companions_of(run.options.state) == 1);
}

TEST_CASE("a disk that is full at any byte of a state leaves the pair that was there", "[train][errors]") {
  const Run run;
  run.go(false, 5);
  const std::uint64_t size = std::filesystem::file_size(run.options.state);
  for (std::uint64_t limit = 0; limit < size; limit += size / 29) {
    CAPTURE(limit);
    {
      const seqrec_test::FileSizeLimit full(limit);
      CHECK_THAT(seqrec_test::message_of<DataError>([&] { run.go(true, 9); }),
                 ContainsSubstring("cannot be written: ") && ContainsSubstring("File too large"));
    }
    CHECK(run.checked_steps() == 5);
    CHECK(seqrec_test::companions_of(run.options.state) == 1);
  }
  CHECK(run.go(true, 9).history.size() == 9);
}

TEST_CASE("a state's size does not depend on how often the run was validated", "[train]") {
  Run run;
  run.options.save_every_steps = 0;
  run.go(false, 9);
  const std::uint64_t size = std::filesystem::file_size(run.options.state);
  run.go(true, 60);
  CHECK(std::filesystem::file_size(run.options.state) < size + 100);  // numbers have more digits
  CHECK(run.checked_steps() == 60);
}
