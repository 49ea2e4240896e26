// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "seqrec/data/splits/item_counts.hpp"
#include "seqrec/evaluate/evaluate.hpp"
#include "seqrec/io/checkpoint.hpp"
#include "seqrec/optim/exponential_average.hpp"
#include "seqrec/optim/item_decay.hpp"
#include "seqrec/optim/optimizer.hpp"
#include "seqrec/train/options.hpp"
#include "seqrec/train/step.hpp"
#include "seqrec/train/trainable_model.hpp"
#include "seqrec/train/training_task.hpp"

namespace seqrec::detail {

/// A model that is trained, with the team that works on it and the optimiser: what tasks have in common, whatever their
/// batches are.
template <TrainableModel Model>
class OptimizedTask : public TrainingTask<typename Model::Context::Master> {
 public:
  using Context = typename Model::Context;
  using Master = typename Context::Master;

  void check_finite(std::uint64_t step) override { seqrec::check_finite(team_.context(), model_.parameters(), step); }
  Evaluation evaluate(const HeldOut& held_out, const EvaluateOptions& options) override {
    return seqrec::evaluate(team_, model_, held_out, options);
  }
  std::vector<Figure> figures() const override { return model_.parameters().figures(); }
  void save_model(const std::filesystem::path& path) const override { save(path, model_); }

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

 protected:
  /// The model must outlive the task.
  OptimizedTask(Model& model, const TrainerOptions& options)
      : model_(model),
        team_(model.parameters().size(), options.team),
        clip_norm_(options.clip_norm),
        ranges_(model.parameters(), options.frozen),
        optimizer_(model.parameters().size(), options.optimizer, options.rows) {
    if (options.ema_decay > 0) average_.emplace(model.parameters().size(), options.ema_decay);
  }

  /// Says what is known of the items to a model that reads it.
  void tell_features(const Jagged<const category_t, HostSpace>& of_items) {
    if constexpr (requires { model_.set_item_features(team_.context(), of_items); })
      if (model_.options().item_categories != 0) model_.set_item_features(team_.context(), of_items);
  }

  /// Lets vectors of items decay by how often they are trained, if the options say so.
  void decay_items(double lambda, const Split& split) {
    if (lambda > 0) decay_.emplace(lambda, count_train_events(split));
  }

  /// The end of a step whose gradients the team holds.
  /// @param meanwhile  called when all of the step's work has been given to the team, which may still be at it
  /// @return its loss   @throws NonFiniteError
  template <class Meanwhile>
  double move(const TaskStep& step, Meanwhile&& meanwhile) {
    if (decay_) decay_->add(team_, ranges_, model_.parameters().values(), team_.step_gradients());
    apply_gradients(team_, model_, ranges_, optimizer_, step.learning_rate, clip_norm_, step.number);
    if (average_) average_->update(team_, ranges_, model_.parameters().values(), optimizer_.state());
    meanwhile();
    return outcome_of_step(team_, model_, ranges_, optimizer_).loss;
  }

  Model& model_;
  typename Context::Team team_;

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

  double clip_norm_;
  ParameterRanges ranges_;
  Optimizer<Context> optimizer_;
  std::optional<ExponentialAverage<Context>> average_;
  std::optional<ItemDecay<Context>> decay_;
};

}  // namespace seqrec::detail
