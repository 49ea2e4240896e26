// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <string>
#include <variant>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/options.hpp"
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
  index_t epochs = 100;
  index_t steps = 0;
  index_t batch_size = 128;
  index_t accumulate = 1;
  double learning_rate = 1e-3;
  Algorithm optimizer = Adam{};
  TableRows rows = TableRows::dense;
  Schedule schedule{};        ///< in steps; constant by default
  ReduceOnPlateau plateau{};  ///< of the selection metric; never reduces by default
  double clip_norm = 0;
  double item_decay = 0;
  std::vector<std::string> frozen{};
  double ema_decay = 0;
  std::uint64_t seed = 0;
  index_t evaluate_every = 1;
  index_t evaluate_every_steps = 0;
  index_t patience = 10;
  std::string selection = "ndcg@10";
  EvaluateOptions validation{};  ///< how validation ranks (its team is not used)
  std::filesystem::path checkpoint{};
  std::filesystem::path state{};
  index_t save_every_steps = 0;
  bool resume = false;
  std::filesystem::path log_file{};
  const std::atomic<bool>* stop = nullptr;  ///< once true, training ends after the present step (see InterruptGuard)
  bool random_windows = false;
  index_t token_budget = 256;
  TeamOptions team{};
  std::ostream* log = &std::clog;  ///< null for silence

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("epochs", epochs, at_least(1), "epochs at most");
    visit("steps", steps, at_least(0), "steps at most, instead of epochs; 0 goes by epochs");
    visit("batch_size", batch_size, at_least(1), "users of a batch");
    visit("accumulate", accumulate, at_least(1), "batches of a step, which equals one of so many times the users");
    visit("optimizer", optimizer, "what moves the weights along their gradients");
    visit("learning_rate", learning_rate, positive(), "per step");
    visit("rows", rows, any(), "which rows of embedding tables a step moves: all, or those with a gradient");
    visit("schedule_", schedule);
    visit("plateau_", plateau);
    visit("clip_norm", clip_norm, at_least(0), "limit of the gradient's norm; 0 for none");
    visit("item_decay", item_decay, at_least(0),
          "lambda of mini-batch aware regularisation: the vectors of a step's items decay by lambda / their events");
    visit("frozen", frozen, any(), "parameters that keep their bits, by name or beginning of names up to a dot");
    visit("ema_decay", ema_decay, below_one(), "of the averaged weights that are validated and kept; 0 for none");
    visit("seed", seed, any(), "of order, negatives and dropout; the model has its own");
    visit("evaluate_every", evaluate_every, at_least(1), "epochs between two validations");
    visit("evaluate_every_steps", evaluate_every_steps, at_least(0),
          "steps between two validations, instead of epochs; 0 goes by epochs");
    visit("patience", patience, at_least(0), "validations without improvement before stopping; 0 never stops early");
    visit("selection", selection, any(), "the metric of validation that chooses the checkpoint");
    visit("checkpoint", checkpoint, file_to_write(), "where the best model is written (safetensors)");
    visit("state", state, file_to_write(), "where all that resuming takes is written, at each validation");
    visit("save_every_steps", save_every_steps, at_least(0), "writes the state also every so many steps; 0 does not",
          OptionEffect::none);
    visit("resume", resume, any(), "goes on with the run that wrote the state; all other options as they were",
          OptionEffect::none);
    visit("log_file", log_file, file_to_write(), "a line for each validation: .csv or .jsonl");
    visit("random_windows", random_windows, any(),
          "of a history that is longer than what is trained of it, a random part each epoch, not always the last");
    visit("token_budget", token_budget, at_least(1), "rows of a shard");
    visit("", team);
  }

  /// Whether training is counted in steps and not in epochs.
  bool by_steps() const { return steps > 0; }

  /// @throws ArgumentError when an option is out of range
  void check() const;
};

#if SEQREC_BODIES

SEQREC_FUNCTION void TrainerOptions::check() const {
  visit_algorithm(optimizer, [](const auto& chosen) { chosen.check(); });  // by their own names first
  schedule.check();
  plateau.check();
  check_options("Trainer", *this);
  check_argument(!resume || !state.empty(), "Trainer state", state, "the file to resume from");
  if (!log_file.empty()) TrainingLog::check(log_file);
  RankingMetrics known({validation.top_k});
  known.add(1, 2);
  known.result().metric(selection);  // throws naming the metrics that there are
}

#endif  // SEQREC_BODIES

#ifdef SEQREC_COMPILED
SEQREC_TEMPLATE void OptionList::operator()(const char*, TrainerOptions&);
#endif

}  // namespace seqrec
