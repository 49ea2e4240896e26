// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iomanip>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/train/options.hpp"
#include "seqrec/train/progress.hpp"
#include "seqrec/train/training_log.hpp"
#include "seqrec/train/training_state.hpp"
#include "seqrec/train/training_task.hpp"

namespace seqrec::detail {

/// One run of a Trainer: the loop over steps, and everything that lives as long as it. All that the next step depends
/// on is in the position and in the states of its task, which is why saving these resumes a run to the bit.
///
/// The task holds the model as it is trained; the run decides which of its weights are the best.
template <class Master>
class TrainingRun {
 public:
  /// @param task, validation  must outlive the run
  TrainingRun(TrainingTask<Master>& task, const HeldOut& validation, const TrainerOptions& options);

  TrainingResult run();

 private:
  using Clock = std::chrono::steady_clock;

  void train() {
    while (true) {
      if (options_.stop != nullptr && options_.stop->load(std::memory_order_relaxed)) {
        result_.interrupted = true;
        return save_state();
      }
      if (validation_due()) validate();
      if (finished()) return;
      step();
      if (options_.save_every_steps != 0 && position_.steps % options_.save_every_steps == 0) save_state();
    }
  }

  /// The epoch of the last step, counted from 1; 0 before the first.
  index_t epoch() const { return (position_.steps + steps_per_epoch_ - 1) / steps_per_epoch_; }

  bool stopped_early() const { return options_.patience != 0 && position_.waited >= options_.patience; }
  bool finished() const { return position_.steps >= total_steps_ || stopped_early(); }

  bool validation_due() const {
    if (position_.steps == 0 || stopped_early()) return false;
    if (!result_.history.empty() && result_.history.back().steps == position_.steps) return false;
    const index_t period =
        options_.evaluate_every_steps != 0 ? options_.evaluate_every_steps : options_.evaluate_every * steps_per_epoch_;
    return position_.steps % period == 0 || position_.steps >= total_steps_;
  }

  /// A step of the run, as far as it is known beforehand.
  TaskStep step_of(index_t number) {
    const index_t epoch = number / steps_per_epoch_;
    const index_t first = number % steps_per_epoch_ * options_.accumulate;
    const index_t batches = std::min(options_.accumulate, task_.batches_per_epoch() - first);
    index_t targets = 0;
    for (index_t i = 0; i < batches; ++i) targets += task_.num_targets(epoch, first + i);
    return {.epoch = epoch,
            .first_batch = first,
            .batches = batches,
            .targets = targets,
            .number = static_cast<std::uint64_t>(number)};
  }

  void step() {
    const Clock::time_point begin = Clock::now();
    TaskStep step = step_of(position_.steps);
    position_.last_learning_rate = position_.plateau.rate * options_.schedule.factor(position_.steps);
    step.learning_rate = position_.last_learning_rate;
    if (task_.looks_ahead() && position_.steps + 1 < total_steps_) {
      const TaskStep next = step_of(position_.steps + 1);
      step.next = NextBatch{next.epoch, next.first_batch, next.targets};
    }
    const double loss = task_.step(step);
    ++position_.steps;
    position_.targets += step.targets;
    position_.loss_sum += loss * static_cast<double>(step.targets);
    position_.targets_in_sum += step.targets;
    position_.seconds_in_steps += std::chrono::duration<double>(Clock::now() - begin).count();
    progress_.step(position_.steps, step.epoch + 1, loss, position_.targets);
  }

  void validate() {
    task_.check_finite(static_cast<std::uint64_t>(position_.steps));
    Evaluation validation;
    bool better = false;
    with_averaged_weights([&] {
      validation = task_.evaluate(validation_, options_.validation);
      better = validation[options_.selection] > position_.best_score;
      if (!better) return;
      best_ = task_.state("model");
      if (!options_.checkpoint.empty()) task_.save_model(options_.checkpoint);
    });
    const double score = validation[options_.selection];
    record(validation);
    position_.plateau.offer(score, options_.plateau);
    position_.waited = better ? 0 : position_.waited + 1;
    if (better) {
      position_.best_score = score;
      position_.best_steps = position_.steps;
      result_.validation = std::move(validation);
    }
    save_state();
    progress_.line(position_.steps, epoch(), result_.history.back().loss, position_.targets,
                   concatenate("  validation ", options_.selection, " ", std::fixed, std::setprecision(4), score,
                               brief_figures(), better ? "  best" : ""));
    if (stopped_early()) progress_.note(concatenate("no improvement in ", position_.waited, " validations, stopping"));
  }

  /// Calls work() while the model holds what is judged and kept: the averaged weights, if there are any. It has its own
  /// again afterwards, whatever happens.
  template <class Work>
  void with_averaged_weights(Work&& work) {
    if (options_.ema_decay == 0) return work();
    const std::vector<Master> own = task_.state("model");
    task_.put_state("model", task_.state("average"));
    try {
      work();
    } catch (...) {
      task_.put_state("model", own);
      throw;
    }
    task_.put_state("model", own);
  }

  /// "  blocks.0.moe.max_violation 0.0813", of the last validation.
  std::string brief_figures() const {
    std::string text;
    for (const Figure& figure : result_.history.back().figures)
      if (figure.brief) text += concatenate("  ", figure.name, ' ', std::fixed, std::setprecision(4), figure.value);
    return text;
  }

  void record(const Evaluation& validation) {
    const double seconds = position_.seconds_in_steps, targets = static_cast<double>(position_.targets_in_sum);
    result_.history.push_back({.epoch = epoch(),
                               .steps = position_.steps,
                               .loss = position_.loss_sum / targets,
                               .seconds = progress_.seconds(),
                               .learning_rate = position_.last_learning_rate,
                               .targets_per_second = seconds > 0 ? targets / seconds : 0,
                               .validation = validation.ranking});
    if (validation.clicks)
      validation.clicks->for_each_metric(
          [&](const char* name, double value) { result_.history.back().clicks.emplace_back(name, value); });
    result_.history.back().figures = task_.figures();
    position_.loss_sum = position_.seconds_in_steps = 0;
    position_.targets_in_sum = 0;
    if (log_file_) log_file_->add(result_.history.back());
  }

  void save_state() {
    if (!history_) return;
    task_.check_finite(static_cast<std::uint64_t>(position_.steps));  // nothing goes on from what is not
    position_.seconds = progress_.seconds();
    TrainingState<Master> state{position_, {}, task_.carried()};
    for (const std::string& name : task_.states()) state.tensors[name] = task_.state(name);
    state.tensors["best"] = best_;
    save_training_state<Master>(*identity_, task_.entries(), state, result_.history, *history_);
  }

  void resume() {
    std::vector<std::string> names = task_.states();
    names.emplace_back("best");
    auto [state, records, history] = load_training_state<Master>(options_.state, *identity_, task_.entries(),
                                                                 std::ssize(best_), names, std::ssize(task_.carried()));
    position_ = state.position;
    result_.history = std::move(records);
    history_ = std::move(history);
    best_ = std::move(state.tensors["best"]);
    if (position_.best_steps != 0) {
      // What the best weights reached follows from them, and the checkpoint may be meant for another place.
      task_.put_state("model", best_);
      result_.validation = task_.evaluate(validation_, options_.validation);
      if (!options_.checkpoint.empty()) task_.save_model(options_.checkpoint);
    }
    for (const std::string& name : task_.states()) task_.put_state(name, state.tensors[name]);
    task_.put_carried(state.carried);
    task_.resume(static_cast<std::uint64_t>(position_.steps));
  }

  TrainingResult finished_result() {
    result_.steps = position_.steps;
    result_.epochs = epoch();
    result_.best_steps = position_.best_steps;
    result_.best_epoch = (position_.best_steps + steps_per_epoch_ - 1) / steps_per_epoch_;
    result_.seconds = progress_.seconds();
    progress_.note(concatenate(result_.interrupted ? "interrupted, " : "", "best epoch ", result_.best_epoch, ", ",
                               Progress::duration_text(result_.seconds)));
    return std::move(result_);
  }

  TrainingTask<Master>& task_;
  const HeldOut& validation_;
  TrainerOptions options_;
  Progress progress_;
  std::optional<RunIdentity> identity_;
  std::optional<TrainingHistory> history_;  ///< of a run that saves its state, as identity_
  std::optional<TrainingLog> log_file_;
  index_t steps_per_epoch_ = 0;
  index_t total_steps_ = 0;
  TrainingPosition position_;
  std::vector<Master> best_;  ///< weights of the best validation; before the first, those at the start
  TrainingResult result_;
};

template <class Master>
TrainingRun<Master>::TrainingRun(TrainingTask<Master>& task, const HeldOut& validation, const TrainerOptions& options)
    : task_(task), validation_(validation), options_(options), progress_(options.log) {
  steps_per_epoch_ = (task.batches_per_epoch() + options.accumulate - 1) / options.accumulate;
  total_steps_ = options.by_steps() ? options.steps : options.epochs * steps_per_epoch_;
  options_.schedule = options.schedule.of_run(total_steps_);
  if (!options.state.empty()) {
    identity_.emplace(task.identity(options_));
    history_.emplace(options.state);
  }
  position_.plateau.rate = options.learning_rate;
  best_ = task.state("model");
}

template <class Master>
TrainingResult TrainingRun<Master>::run() {
  result_.left_out = task_.left_out();
  if (!result_.left_out.empty())
    progress_.note("training: " + describe(LeftOut{{}, result_.left_out, "no negative left to draw"}));
  if (options_.resume) resume();
  if (!options_.log_file.empty()) log_file_.emplace(options_.log_file, result_.history);
  progress_.start(total_steps_, position_.seconds);
  try {
    train();
  } catch (const NonFiniteError&) {
    task_.put_state("model", best_);
    throw;
  }
  task_.put_state("model", best_);
  return finished_result();
}

#ifdef SEQREC_COMPILED
SEQREC_TEMPLATE class TrainingRun<float>;
SEQREC_TEMPLATE class TrainingRun<double>;
#endif

}  // namespace seqrec::detail
