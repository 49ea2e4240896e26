// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "seqrec/core/session_batch.hpp"
#include "seqrec/core/tensor.hpp"
#include "seqrec/data/batches/batch_feed.hpp"
#include "seqrec/data/batches/session_batcher.hpp"
#include "seqrec/data/known_features.hpp"
#include "seqrec/evaluate/evaluate_sessions.hpp"
#include "seqrec/models/recurrent_encoder.hpp"
#include "seqrec/objectives/objective.hpp"
#include "seqrec/train/carried_states.hpp"
#include "seqrec/train/optimized_task.hpp"
#include "seqrec/train/options.hpp"
#include "seqrec/train/step.hpp"
#include "seqrec/train/training_task.hpp"

namespace seqrec::detail {

/// Training a recurrent model on sessions in parallel lanes: each step an event of every lane, whose states go from
/// step to step.
template <TrainableModel Model, Objective AnObjective>
class SessionTask final : public OptimizedTask<Model> {
  using Base = OptimizedTask<Model>;
  using Base::model_, Base::team_;

 public:
  using Context = typename Model::Context;
  using Space = typename Context::Space;
  using Scalar = typename Context::Scalar;
  using Master = typename Context::Master;

  /// All of them must outlive the task.
  SessionTask(Model& model, const Split& split, const AnObjective& objective, const TrainerOptions& options)
      : Base(model, options),
        split_(split),
        objective_(objective),
        batcher_(split, {.lanes = options.batch_size,
                         .plan = objective.plan(),
                         .shuffle = shuffles(objective),
                         .token_budget = rows_of_shard<typename Model::Context::Team>(options.token_budget),
                         .seed = options.seed}),
        feed_(batcher_),
        before_(options.batch_size, model.state_columns()),
        after_(options.batch_size, model.state_columns()) {
    Base::decay_items(options.item_decay, split);
    Base::tell_features(known_features(*split.data).of_items);
  }

  index_t batches_per_epoch() const override { return batcher_.steps_per_epoch(); }
  index_t num_targets(index_t epoch, index_t batch) override { return batcher_.num_targets(epoch, batch); }

  bool looks_ahead() const override { return Feed::runs_ahead; }

  double step(const TaskStep& step) override {
    std::swap(before_, after_);
    const auto stream = team_.context().stream();
    return team_.context().gather([&] {
      team_.run_step(batcher_.options().seed, step.number, feed_.batch(stream, step.epoch, step.first_batch),
                     [&](Context& context, const SessionBatch<Space>& shard) {
                       Tape<Context> tape(context, Mode::training);
                       objective_(CarriedStates<Model>{model_, shard.carried, before_.view(), after_.view()}, tape,
                                  shard.training);
                       tape.backward();
                     });
      conclude_gradients(team_, model_);
      return Base::move(step, [&] {
        if constexpr (Feed::runs_ahead)
          if (step.next) feed_.send(stream, step.next->epoch, step.next->number);
      });
    });
  }

  Evaluation evaluate(const HeldOut& held_out, const EvaluateOptions& options) override {
    return evaluate_sessions(team_, model_, held_out, options);
  }

  std::vector<Master> carried() const override {
    const std::vector<Scalar> states = after_.to_host();
    return {states.begin(), states.end()};
  }
  void put_carried(const std::vector<Master>& states) override {
    const std::vector<Scalar> values(states.begin(), states.end());
    after_.copy_from_host(values.data());
  }

  RunIdentity identity(const TrainerOptions& options) const override {
    return RunIdentity(model_, split_, objective_, options);
  }

 private:
  using Feed = BatchFeed<Space, SessionBatcher>;

  static bool shuffles(const AnObjective& objective) {
    if constexpr (requires { objective.shuffle; })
      return objective.shuffle;
    else
      return false;
  }

  const Split& split_;
  const AnObjective& objective_;
  SessionBatcher batcher_;
  Feed feed_;
  Tensor<Scalar, 2, Space> before_, after_;  ///< (lanes, columns) states of the last step's rows, and of the present's
};

}  // namespace seqrec::detail
