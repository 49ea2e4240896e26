// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "seqrec/data/batches/batch_feed.hpp"
#include "seqrec/data/batches/batcher.hpp"
#include "seqrec/data/known_features.hpp"
#include "seqrec/objectives/objective.hpp"
#include "seqrec/train/optimized_task.hpp"
#include "seqrec/train/options.hpp"
#include "seqrec/train/step.hpp"
#include "seqrec/train/training_task.hpp"

namespace seqrec::detail {

/// Training one model by one objective on whole histories: the batches, the team that works on them, and the optimiser.
template <TrainableModel Model, Objective AnObjective>
class ModelTask final : public OptimizedTask<Model> {
  using Base = OptimizedTask<Model>;
  using Base::model_, Base::team_;

 public:
  using Space = typename Model::Context::Space;

  /// All of them must outlive the task.
  ModelTask(Model& model, const Split& split, const AnObjective& objective, const TrainerOptions& options)
      : Base(model, options),
        split_(split),
        objective_(objective),
        batcher_(split, {.batch_size = options.batch_size,
                         .max_length = training_length(model),
                         .window = model.max_length(),
                         .plan = plan_of(model, split, objective),
                         .token_budget = rows_of_shard<typename Model::Context::Team>(options.token_budget),
                         .fewest_users = users_together(model),
                         .seed = options.seed,
                         .random_windows = options.random_windows}),
        feed_(batcher_) {
    Base::decay_items(options.item_decay, split);
    Base::tell_features(known_features(*split.data).of_items);
  }

  index_t batches_per_epoch() const override { return batcher_.steps_per_epoch(); }
  index_t num_targets(index_t epoch, index_t batch) override { return batcher_.num_targets(epoch, batch); }

  std::vector<std::string> left_out() const override {
    std::vector<std::string> ids;
    for (const index_t user : batcher_.without_negatives()) ids.emplace_back(split_.data->user_ids[user]);
    return ids;
  }

  bool looks_ahead() const override { return Feed::runs_ahead; }

  double step(const TaskStep& step) override {
    const auto stream = team_.context().stream();
    return team_.context().gather([&] {
      accumulate_gradients(
          team_, model_, objective_, step.batches,
          [&](index_t i) -> decltype(auto) {
            return feed_.batch(stream, step.epoch, step.first_batch + i, step.targets);
          },
          batcher_.options().seed,
          static_cast<std::uint64_t>(step.epoch * batcher_.steps_per_epoch() + step.first_batch));
      return Base::move(step, [&] {
        if constexpr (Feed::runs_ahead)
          if (step.next) feed_.send(stream, step.next->epoch, step.next->number, step.next->targets);
      });
    });
  }

  RunIdentity identity(const TrainerOptions& options) const override {
    return RunIdentity(model_, split_, objective_, options);
  }

 private:
  using Feed = BatchFeed<Space, Batcher>;

  /// What batches hold: what the objective wants, and the times of events where the model reads them.
  static BatchPlan plan_of(const Model& model, const Split& split, const AnObjective& objective) {
    BatchPlan plan = objective.plan();
    if (const char* const option = times_option(model)) {
      check_times(option, *split.data);
      plan.times = true;
    }
    return plan;
  }

  const Split& split_;
  const AnObjective& objective_;
  Batcher batcher_;
  Feed feed_;
};

}  // namespace seqrec::detail
