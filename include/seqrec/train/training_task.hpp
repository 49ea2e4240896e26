// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "seqrec/autograd/parameter.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/data/splits/split.hpp"
#include "seqrec/evaluate/evaluation.hpp"
#include "seqrec/train/options.hpp"
#include "seqrec/train/run_identity.hpp"

namespace seqrec::detail {

/// The first batch of a step to come.
struct NextBatch {
  index_t epoch, number;  ///< of the batch in the epoch
  index_t targets;        ///< of its step
};

/// Which step a task is to make.
struct TaskStep {
  index_t epoch = 0;         ///< counted from 0
  index_t first_batch = 0;   ///< of the epoch
  index_t batches = 1;       ///< that make the step together
  index_t targets = 0;       ///< of these batches, over which the loss is a mean
  std::uint64_t number = 0;  ///< of the step, counted from 0 over the whole run
  double learning_rate = 0;
  std::optional<NextBatch> next{};  ///< for a task that looks ahead
};

/// What a training run asks of a model, an objective and a backend, none of which it knows: so that the loop, its
/// bookkeeping and its files are compiled once and not for every pair of them. A call costs nothing beside a step.
template <class Master>
class TrainingTask {
 public:
  TrainingTask() = default;
  TrainingTask(const TrainingTask&) = delete;
  TrainingTask& operator=(const TrainingTask&) = delete;
  virtual ~TrainingTask() = default;

  virtual index_t batches_per_epoch() const = 0;
  virtual index_t num_targets(index_t epoch, index_t batch) = 0;
  /// Whether a step can make use of the time it takes, to get the next batch ready.
  virtual bool looks_ahead() const { return false; }
  /// Users whom training leaves out although they have something to predict, by original id.
  virtual std::vector<std::string> left_out() const { return {}; }

  /// Makes a step.
  /// @return its loss   @throws NonFiniteError, with the model as it was before
  virtual double step(const TaskStep& step) = 0;

  /// @param step that the message names   @throws NonFiniteError for weights that are not finite
  virtual void check_finite(std::uint64_t step) = 0;
  virtual Evaluation evaluate(const HeldOut& held_out, const EvaluateOptions& options) = 0;
  /// Numbers of the model that people want to see at a validation.
  virtual std::vector<Figure> figures() const { return {}; }
  virtual void save_model(const std::filesystem::path& path) const = 0;
  virtual RunIdentity identity(const TrainerOptions& options) const = 0;

  /// The model's parameters: how the elements of every state lie.
  virtual const std::vector<ParameterEntry>& entries() const = 0;
  /// All that the next step depends on, by name: "model", "moment.0", ..., and "average" where one is kept.
  virtual std::vector<std::string> states() const = 0;
  /// One of them, on the host.
  virtual std::vector<Master> state(const std::string& name) const = 0;
  virtual void put_state(const std::string& name, const std::vector<Master>& values) = 0;
  /// What else the next step depends on and has another shape: the states that sessions in lanes carry. As long always.
  virtual std::vector<Master> carried() const { return {}; }
  virtual void put_carried(const std::vector<Master>&) {}
  /// Goes on after so many steps; the states have been put back.
  virtual void resume(std::uint64_t steps) = 0;
};

}  // namespace seqrec::detail
