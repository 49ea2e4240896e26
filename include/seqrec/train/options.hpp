// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <string>
#include <variant>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/team_options.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/evaluate/evaluation.hpp"
#include "seqrec/metrics/ranking.hpp"
#include "seqrec/optim/algorithm.hpp"
#include "seqrec/optim/plateau.hpp"
#include "seqrec/optim/schedule.hpp"
#include "seqrec/train/training_log.hpp"

namespace seqrec {

/// How a model is trained.
struct TrainerOptions {
  index_t epochs = 100;         ///< at most, at least 1; does not count where `steps` is given
  index_t steps = 0;            ///< at most; 0 trains by epochs
  index_t batch_size = 128;     ///< users of a batch
  index_t accumulate = 1;       ///< batches of a step, which equals one of batch_size times as many users
  double learning_rate = 1e-3;  ///< per step, > 0
  Algorithm optimizer = Adam{};
  TableRows rows = TableRows::dense;  ///< which rows of embedding tables a step moves
  Schedule schedule{};                ///< in steps; constant by default
  ReduceOnPlateau plateau{};          ///< of the selection metric; never reduces by default
  double clip_norm = 0;               ///< limit of the gradient's norm; 0 for none
  std::vector<std::string> frozen{};  ///< parameters that keep their bits, by name or beginning of names up to a dot
  double ema_decay = 0;        ///< in [0, 1): validates and keeps averaged weights (ExponentialAverage); 0 for none
  std::uint64_t seed = 0;      ///< of order, negatives and dropout (the model has its own)
  index_t evaluate_every = 1;  ///< epochs between two validations
  index_t evaluate_every_steps = 0;         ///< steps between two validations, instead of epochs; 0 goes by epochs
  index_t patience = 10;                    ///< validations without improvement before stopping; 0 never stops early
  std::string selection = "ndcg@10";        ///< the metric of validation that chooses the checkpoint
  EvaluateOptions validation{};             ///< how validation ranks (its team is not used)
  std::filesystem::path checkpoint{};       ///< where the best model is written; empty for nowhere
  std::filesystem::path state{};            ///< where all that resuming takes is written, at each validation; or empty
  index_t save_every_steps = 0;             ///< writes the state also every so many steps; 0 does not
  bool resume = false;                      ///< goes on from `state`
  std::filesystem::path log_file{};         ///< a line for each validation, .csv or .jsonl (see TrainingLog); or empty
  const std::atomic<bool>* stop = nullptr;  ///< once true, training ends after the present step (see InterruptGuard)
  index_t token_budget = 256;               ///< rows of a shard
  TeamOptions team{};
  std::ostream* log = &std::clog;  ///< null for silence

  /// Whether training is counted in steps and not in epochs.
  bool by_steps() const { return steps > 0; }

  /// @throws ArgumentError when an option is out of range
  void check() const {
    check_argument(epochs >= 1, "Trainer epochs", epochs, "at least 1");
    check_argument(steps >= 0, "Trainer steps", steps, "at least 0");
    check_argument(accumulate >= 1, "Trainer accumulate", accumulate, "at least 1");
    check_argument(learning_rate > 0, "Trainer learning_rate", learning_rate, "a positive number");
    check_argument(clip_norm >= 0, "Trainer clip_norm", clip_norm, "at least 0");
    check_argument(ema_decay >= 0 && ema_decay < 1, "Trainer ema_decay", ema_decay, "a value in [0, 1)");
    check_argument(evaluate_every >= 1, "Trainer evaluate_every", evaluate_every, "at least 1");
    check_argument(evaluate_every_steps >= 0, "Trainer evaluate_every_steps", evaluate_every_steps, "at least 0");
    check_argument(patience >= 0, "Trainer patience", patience, "at least 0");
    check_argument(save_every_steps >= 0, "Trainer save_every_steps", save_every_steps, "at least 0");
    check_argument(!resume || !state.empty(), "Trainer state", state, "the file to resume from");
    if (!log_file.empty()) TrainingLog::check(log_file);
    schedule.check();
    plateau.check();
    visit_algorithm(optimizer, [](const auto& chosen) { chosen.check(); });
    RankingMetrics known({validation.top_k});
    known.add(1, 2);
    known.result().metric(selection);  // throws naming the metrics that there are
  }

  /// Calls visit(name, value) for everything that decides what comes out: numbers, enumerations and strings. Threads,
  /// files and logs do not.
  template <class Visitor>
  void for_each_option(Visitor&& visit) const {
    visit("epochs", epochs);
    visit("steps", steps);
    visit("batch_size", batch_size);
    visit("accumulate", accumulate);
    visit_algorithm(optimizer, [&](auto chosen) {
      visit("optimizer", std::string(chosen.name));
      visit("learning_rate", learning_rate);
      chosen.for_each_option(visit);
    });
    visit("rows", rows);
    visit("warm_up", schedule.warm_up);
    visit("schedule_total", schedule.total);
    visit("schedule_floor", schedule.floor);
    visit("plateau_factor", plateau.factor);
    visit("plateau_patience", plateau.patience);
    visit("plateau_threshold", plateau.threshold);
    visit("plateau_min_rate", plateau.min_rate);
    visit("clip_norm", clip_norm);
    std::string names;
    for (const std::string& name : frozen) names += (names.empty() ? "" : " ") + name;
    visit("frozen", names);
    visit("ema_decay", ema_decay);
    visit("seed", seed);
    visit("evaluate_every", evaluate_every);
    visit("evaluate_every_steps", evaluate_every_steps);
    visit("patience", patience);
    visit("selection", selection);
    visit("token_budget", token_budget);
    visit("slots", team.slots);
  }
};

}  // namespace seqrec
