// SPDX-License-Identifier: Apache-2.0
// A run that is interrupted again and again against one that is not: the body of a test for any model.
#pragma once

#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

#include "seqrec/core/random.hpp"
#include "seqrec/cpu.hpp"
#include "seqrec/data/readers/synthetic.hpp"
#include "seqrec/train/trainer.hpp"
#include "support/catch.hpp"
#include "support/parameters.hpp"
#include "support/temporary_directory.hpp"

namespace seqrec_test {

/// An objective during whose batch `last_batch` something happens: the flag is raised, or, without one, the program
/// falls over.
template <class Objective>
struct Interrupting : Objective {
  std::atomic<int>* batches;  ///< begun
  int last_batch;
  std::atomic<bool>* stop;

  template <class Model, class Context>
  void operator()(const Model& model, seqrec::Tape<Context>& tape,
                  const seqrec::TrainingBatch<typename Context::Space>& shard) const {
    Objective::operator()(model, tape, shard);
    if (shard.histories.first_row != 0 || (*batches)++ != last_batch) return;
    if (stop == nullptr) throw std::runtime_error("killed");
    *stop = true;
  }
};

/// Everything of a result but its times.
inline std::vector<double> without_times(const seqrec::TrainingResult& result) {
  std::vector<double> numbers;
  const auto add = [&](auto... values) { (numbers.push_back(static_cast<double>(values)), ...); };
  add(result.best_epoch, result.best_steps, result.epochs, result.steps, result.interrupted);
  for (const auto& metric : result.validation.ranking.metrics) add(metric.value, metric.standard_error);
  for (const auto& record : result.history) {
    add(record.epoch, record.steps, record.loss, record.learning_rate, record.validation.users);
    for (const auto& metric : record.validation.metrics) add(metric.value, metric.standard_error);
    for (const auto& metric : record.clicks) add(metric.second);
    for (const auto& figure : record.figures) add(figure.value);
  }
  return numbers;
}

/// Trains `make_model()` in one go, and again with interruptions at random steps, and requires the same checkpoint
/// file, weights and history, to the bit.
/// @tparam ATrainer  Trainer, or SessionTrainer
/// @param options  how; checkpoint and state are set here   @param seed  of the interruptions
/// @return what the run did
/// @param killed   whether the runs fall over in the middle of a step, having saved their state at an earlier one
template <class ATrainer = seqrec::Trainer, class MakeModel, class Objective>
seqrec::TrainingResult check_resumed_run(const MakeModel& make_model, const seqrec::Split& split,
                                         const Objective& objective, seqrec::TrainerOptions options, std::uint64_t seed,
                                         bool killed = false) {
  const TemporaryDirectory directory;
  options.log = nullptr;
  options.checkpoint = directory / "unbroken.safetensors";
  auto unbroken = make_model();
  const seqrec::TrainingResult expected = ATrainer(options).fit(unbroken, split, objective);

  options.checkpoint = directory / "resumed.safetensors";
  options.state = directory / "state.safetensors";
  if (killed) options.save_every_steps = 1;
  seqrec::RandomStream random(seed, seqrec::Purpose::synthetic_data, 0);
  seqrec::TrainingResult result;
  int interruptions = 0;
  for (bool going = true; going; options.resume = true) {
    std::atomic<bool> stop = false;
    std::atomic<int> batches = 0;
    options.stop = &stop;
    options.team.threads = 1 + interruptions % 3;
    auto model = make_model();
    const int last_batch = 1 + static_cast<int>(random.below(9));
    try {
      result = ATrainer(options).fit(
          model, split, Interrupting<Objective>{objective, &batches, last_batch, killed ? nullptr : &stop});
      going = result.interrupted;
    } catch (const std::runtime_error& error) {
      REQUIRE(error.what() == std::string("killed"));
    }
    interruptions += going;
    if (!going) CHECK(weights_of(model) == weights_of(unbroken));
    REQUIRE(interruptions < 100);
  }
  CHECK(interruptions >= 2);
  CHECK(without_times(result) == without_times(expected));
  CHECK((read_file(options.checkpoint) == read_file(directory / "unbroken.safetensors")));
  CHECK(directory.entries() == 4);  // two checkpoints, the state and its history: no temporary file is left
  return result;
}

}  // namespace seqrec_test
