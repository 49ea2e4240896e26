// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "seqrec/data/batcher.hpp"
#include "seqrec/io/checkpoint.hpp"
#include "seqrec/optim/adam.hpp"
#include "seqrec/optim/schedule.hpp"
#include "seqrec/train/evaluate.hpp"
#include "seqrec/train/objectives.hpp"
#include "seqrec/train/progress.hpp"
#include "seqrec/train/step.hpp"

namespace seqrec {

/// How a model is trained.
struct TrainerOptions {
  index_t epochs = 100;         ///< at most, at least 1
  index_t batch_size = 128;     ///< users of a step
  double learning_rate = 1e-3;  ///< per step, > 0
  Adam optimizer{};
  Schedule schedule{};                 ///< in steps; constant by default
  double clip_norm = 0;                ///< limit of the gradient's norm; 0 for none
  std::uint64_t seed = 0;              ///< of order, negatives and dropout (the model has its own)
  index_t evaluate_every = 1;          ///< epochs between two validations
  index_t patience = 10;               ///< validations without improvement before stopping; 0 never stops early
  std::string selection = "ndcg@10";   ///< the metric of validation that chooses the checkpoint
  EvaluateOptions validation{};        ///< how validation ranks (its team is not used)
  std::filesystem::path checkpoint{};  ///< where the best model is written; empty for nowhere
  index_t token_budget = 256;          ///< rows of a shard
  TeamOptions team{};
  std::ostream* log = &std::clog;  ///< null for silence
};

/// One validation.
struct EpochRecord {
  index_t epoch = 0;   ///< counted from 1
  index_t steps = 0;   ///< taken so far
  double loss = 0;     ///< mean over the epoch's targets
  double seconds = 0;  ///< since the start
  RankingResult validation;
};

/// What a training run did.
struct TrainingResult {
  index_t best_epoch = 0;
  index_t epochs = 0;
  index_t steps = 0;
  double seconds = 0;
  Evaluation validation;             ///< of the best epoch
  std::vector<EpochRecord> history;  ///< one for each validation
};

/// Trains models: batches, steps, validation, early stopping, and the best weights in the end.
class Trainer {
 public:
  /// @throws ArgumentError when an option is out of range
  explicit Trainer(TrainerOptions options) : options_(std::move(options)) {
    check_argument(options_.epochs >= 1, "Trainer epochs", options_.epochs, "at least 1");
    check_argument(options_.learning_rate > 0, "Trainer learning_rate", options_.learning_rate, "a positive number");
    check_argument(options_.clip_norm >= 0, "Trainer clip_norm", options_.clip_norm, "at least 0");
    check_argument(options_.evaluate_every >= 1, "Trainer evaluate_every", options_.evaluate_every, "at least 1");
    check_argument(options_.patience >= 0, "Trainer patience", options_.patience, "at least 0");
    options_.schedule.check();
    options_.optimizer.check();
    RankingMetrics known({options_.validation.top_k});
    known.add(1, 2);
    known.result().metric(options_.selection);  // throws naming the metrics that there are
  }

  const TrainerOptions& options() const { return options_; }

  /// Trains a model on a split's training events. One checkpoint is chosen, by the selection metric on validation; the
  /// model holds it afterwards. Test data are never looked at.
  /// @throws NonFiniteError naming the step and the first parameter concerned when a loss or gradient is not finite;
  ///         the best checkpoint so far stays, in the file and in the model
  /// @throws DataError, ArgumentError when data or options do not fit the model
  template <class Model, class Objective>
  TrainingResult fit(Model& model, const Split& split, const Objective& objective) const {
    using Context = typename Model::Context;
    objective.check();
    check_evaluation(model, split.validation, options_.validation);
    Batcher batcher(split, {.batch_size = options_.batch_size,
                            .max_length = model.max_length(),
                            .negatives = objective.negatives,
                            .token_budget = options_.token_budget,
                            .seed = options_.seed});
    const ParameterSet<Context> parameters(model);
    typename Context::Team team(parameters.size(), options_.team);
    Optimizer<Context, Adam> optimizer(parameters.size(), options_.optimizer);
    Best<Context> best(parameters);
    TrainingResult result;
    Progress progress(options_.log);
    const index_t steps_per_epoch = batcher.steps_per_epoch();
    progress.start(options_.epochs * steps_per_epoch);
    index_t targets = 0, waited = 0;
    try {
      for (index_t epoch = 0; epoch < options_.epochs; ++epoch) {
        double loss = 0;
        index_t epoch_targets = 0;
        for (index_t i = 0; i < steps_per_epoch; ++i) {
          const HostTrainingBatch& batch = batcher.make(epoch, i);
          const double rate = options_.learning_rate * options_.schedule.factor(result.steps);
          const StepResult step =
              training_step(team, model, parameters, objective, optimizer, batch, rate, options_.clip_norm,
                            options_.seed, static_cast<std::uint64_t>(result.steps));
          loss += step.loss * static_cast<double>(batch.num_targets());
          epoch_targets += batch.num_targets();
          progress.step(++result.steps, epoch + 1, step.loss, targets + epoch_targets);
        }
        targets += epoch_targets;
        result.epochs = epoch + 1;
        if ((epoch + 1) % options_.evaluate_every != 0 && epoch + 1 != options_.epochs) continue;
        check_finite(team.context(), parameters, static_cast<std::uint64_t>(result.steps));
        const Evaluation validation = evaluate(team, model, split.validation, options_.validation);
        const double score = validation[options_.selection];
        result.history.push_back({epoch + 1, result.steps, loss / static_cast<double>(epoch_targets),
                                  progress.seconds(), validation.ranking});
        const bool better = best.offer(score);
        if (better) {
          waited = 0;
          result.best_epoch = epoch + 1;
          result.validation = validation;
          if (!options_.checkpoint.empty()) save(options_.checkpoint, model);
        }
        progress.line(result.steps, epoch + 1, result.history.back().loss, targets,
                      concatenate("  validation ", options_.selection, " ", std::fixed, std::setprecision(4), score,
                                  better ? "  best" : ""));
        if (!better && options_.patience != 0 && ++waited >= options_.patience) {
          progress.note(concatenate("no improvement in ", waited, " validations, stopping"));
          break;
        }
      }
    } catch (const NonFiniteError&) {
      best.restore();
      throw;
    }
    best.restore();
    result.seconds = progress.seconds();
    progress.note(concatenate("best epoch ", result.best_epoch, ", ", Progress::duration_text(result.seconds)));
    return result;
  }

 private:
  /// Remembers the weights with the highest score.
  template <class Context>
  class Best {
   public:
    explicit Best(const ParameterSet<Context>& parameters)
        : parameters_(parameters), weights_(static_cast<std::size_t>(parameters.size())) {
      copy_weights();
    }
    /// Whether the score is above all earlier ones; then the present weights are the best.
    bool offer(double score) {
      if (score_ && !(score > *score_)) return false;
      score_ = score;
      copy_weights();
      return true;
    }
    void restore() const {
      for (const auto& entry : parameters_)
        Memory<typename Context::Space>::copy_from_host(entry.values.data, weights_.data() + entry.offset,
                                                        static_cast<std::size_t>(entry.size()) * sizeof(weights_[0]));
    }

   private:
    void copy_weights() {
      for (const auto& entry : parameters_)
        Memory<typename Context::Space>::copy_to_host(weights_.data() + entry.offset, entry.values.data,
                                                      static_cast<std::size_t>(entry.size()) * sizeof(weights_[0]));
    }
    const ParameterSet<Context>& parameters_;
    std::vector<typename Context::Master> weights_;
    std::optional<double> score_;
  };

  TrainerOptions options_;
};

}  // namespace seqrec
