// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "seqrec/data/batches/batcher.hpp"
#include "seqrec/data/batches/to_space.hpp"
#include "seqrec/data/known_features.hpp"
#include "seqrec/evaluate/evaluate.hpp"
#include "seqrec/io/checkpoint.hpp"
#include "seqrec/objectives/objective.hpp"
#include "seqrec/optim/exponential_average.hpp"
#include "seqrec/optim/optimizer.hpp"
#include "seqrec/train/options.hpp"
#include "seqrec/train/step.hpp"
#include "seqrec/train/trainable_model.hpp"
#include "seqrec/train/training_task.hpp"

namespace seqrec::detail {

/// Training one model by one objective: the batches, the team that works on them, and the optimiser.
template <TrainableModel Model, Objective AnObjective>
class ModelTask final : public TrainingTask<typename Model::Context::Master> {
 public:
  using Context = typename Model::Context;
  using Master = typename Context::Master;
  using Space = typename Context::Space;

  /// All of them must outlive the task.
  ModelTask(Model& model, const Split& split, const AnObjective& objective, const TrainerOptions& options)
      : model_(model),
        split_(split),
        objective_(objective),
        clip_norm_(options.clip_norm),
        batcher_(split, {.batch_size = options.batch_size,
                         .max_length = training_length(model),
                         .window = model.max_length(),
                         .plan = objective.plan(),
                         .token_budget = options.token_budget,
                         .seed = options.seed,
                         .random_windows = options.random_windows}),
        target_(batcher_.constants()),
        ranges_(model.parameters(), options.frozen),
        team_(model.parameters().size(), options.team),
        optimizer_(model.parameters().size(), options.optimizer, options.rows) {
    if constexpr (requires { model.set_item_features(team_.context(), known_features(*split.data).of_items); })
      if (model.options().item_categories != 0)
        model.set_item_features(team_.context(), known_features(*split.data).of_items);
    if (options.ema_decay > 0) average_.emplace(model.parameters().size(), options.ema_decay);
  }

  index_t batches_per_epoch() const override { return batcher_.steps_per_epoch(); }
  index_t num_targets(index_t epoch, index_t batch) override { return batcher_.num_targets(epoch, batch); }

  std::vector<std::string> left_out() const override {
    std::vector<std::string> ids;
    for (const index_t user : batcher_.without_negatives()) ids.emplace_back(split_.data->user_ids[user]);
    return ids;
  }

  double step(const TaskStep& step) override {
    accumulate_gradients(
        team_, model_, objective_, step.batches,
        [&](index_t i) -> decltype(auto) {
          return to<Space>(batcher_.make(step.epoch, step.first_batch + i, step.targets), target_,
                           team_.context().stream());
        },
        batcher_.options().seed,
        static_cast<std::uint64_t>(step.epoch * batcher_.steps_per_epoch() + step.first_batch));
    apply_gradients(team_, model_, ranges_, optimizer_, step.learning_rate, clip_norm_, step.number);
    if (average_) average_->update(team_, ranges_, model_.parameters().values(), optimizer_.state());
    return outcome_of_step(team_, model_, ranges_, optimizer_).loss;
  }

  void check_finite(std::uint64_t step) override { seqrec::check_finite(team_.context(), model_.parameters(), step); }
  Evaluation evaluate(const HeldOut& held_out, const EvaluateOptions& options) override {
    return seqrec::evaluate(team_, model_, held_out, options);
  }
  std::vector<Figure> figures() const override { return model_.parameters().figures(); }
  void save_model(const std::filesystem::path& path) const override { save(path, model_); }
  RunIdentity identity(const TrainerOptions& options) const override {
    return RunIdentity(model_, split_, objective_, options);
  }

  const std::vector<ParameterEntry>& entries() const override { return model_.parameters().entries(); }
  std::vector<std::string> states() const override {
    std::vector<std::string> names = {"model"};
    for (std::size_t i = 0; i < optimizer_.states().size(); ++i) names.push_back(moment + std::to_string(i));
    if (average_) names.emplace_back("average");
    return names;
  }
  std::vector<Master> state(const std::string& name) const override {
    return name == "model" ? model_.parameters().to_host() : tensor(*this, name).to_host();
  }
  void put_state(const std::string& name, const std::vector<Master>& values) override {
    if (name == "model")
      model_.parameters().copy_from_host(values);
    else
      tensor(*this, name).copy_from_host(values.data());
  }
  void resume(std::uint64_t steps) override { optimizer_.resume(steps); }

 private:
  static constexpr const char* moment = "moment.";

  /// The tensor that a name of `states`, other than the model's, stands for.
  template <class Task>
  static auto& tensor(Task& task, const std::string& name) {
    if (name == "average") return task.average_->values();
    std::size_t number = 0;
    std::from_chars(name.data() + std::char_traits<char>::length(moment), name.data() + name.size(), number);
    return task.optimizer_.states().at(number);
  }

  Model& model_;
  const Split& split_;
  const AnObjective& objective_;
  double clip_norm_;
  Batcher batcher_;
  BatchTarget<Space> target_;
  ParameterRanges ranges_;
  typename Context::Team team_;
  Optimizer<Context> optimizer_;
  std::optional<ExponentialAverage<Context>> average_;
};

}  // namespace seqrec::detail
