// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend.hpp"
#include "contender.hpp"
#include "seqrec/autograd/parameter_ranges.hpp"
#include "seqrec/core/options.hpp"
#include "seqrec/core/team_options.hpp"
#include "seqrec/optim/adam.hpp"
#include "seqrec/optim/optimizer.hpp"
#include "seqrec/optim/sgd.hpp"
#include "seqrec/serve/recommender.hpp"
#include "seqrec/train/step.hpp"

namespace peer {

/// A struct of options from "name=value name=value".
/// @throws seqrec::ArgumentError for a name that is none of them   @throws seqrec::DataError for a value
template <class Options>
Options parse_options(std::string_view text) {
  Options options;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(pair.size() + 1, text.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size() - 1);
    const std::string name(pair.substr(0, equals));
    const seqrec::OptionList list = seqrec::list_options(options);
    const auto option = std::find_if(list.begin(), list.end(), [&](const auto& one) { return one.name == name; });
    if (option == list.end()) throw seqrec::ArgumentError("option " + name + " is none of those there are");
    option->parse(name, pair.substr(equals + 1), option->value);
  }
  return options;
}

/// @tparam Batch  made from (model, objective, histories, labels, columns), and cut into shards
template <class Model, class Options, class Objective, class Batch>
class ModelContender final : public Contender {
 public:
  ModelContender(const Settings& settings, const Objective& objective)
      : settings_(settings),
        options_(parse_options<Options>(settings.options)),
        objective_(objective),
        model_(options_),
        ranges_(model_.parameters()),
        team_(model_.parameters().size(), parse_options<seqrec::TeamOptions>(settings.team)),
        adam_(model_.parameters().size(), seqrec::Adam{}, rows()),
        descent_(model_.parameters().size(), seqrec::Sgd{}, rows()) {}

  index_t parameter_count() const override { return std::ssize(model_.parameters().entries()); }

  void set_parameter(const std::string& name, std::span<const float> values) override {
    const auto parameter = found(name, std::ssize(values));
    seqrec::Memory<Space>::copy_from_host(parameter.data, values.data(), values.size_bytes());
  }
  void get_parameter(const std::string& name, std::span<float> values) override {
    const auto parameter = found(name, std::ssize(values));
    seqrec::Memory<Space>::copy_to_host(values.data(), parameter.data, values.size_bytes());
  }

  index_t add_batch(const Histories& histories, const std::int32_t* labels, index_t columns) override {
    batches_.push_back(std::make_unique<Batch>(model_, objective_, histories, labels, columns));
    return std::ssize(batches_) - 1;
  }

  double step(index_t batch, double learning_rate) override { return train(adam_, batch, learning_rate); }
  double descend(index_t batch, double learning_rate) override { return train(descent_, batch, learning_rate); }

  void recommend(const Histories& histories, index_t count, item_t* items, float* scores) override {
    requests_.clear();
    for (index_t user = 0; user < histories.users(); ++user)
      requests_.push_back({.history = histories.of_user(user), .count = count});
    for (const auto& answer : server().recommend(requests_)) {
      for (const auto& [item, score] : answer.items) *items++ = item, *scores++ = score;
    }
  }
  void score(std::span<const item_t> history, std::span<const item_t> candidates, float* scores) override {
    const auto found = server().score(seqrec::ScoreRequest{.history = history, .candidates = candidates});
    std::copy(found.begin(), found.end(), scores);
  }

 private:
  auto found(const std::string& name, index_t size) {
    auto& parameters = model_.parameters();
    for (const auto& entry : parameters.entries()) {
      if (entry.name != name) continue;
      seqrec::check_extent("a parameter", name.c_str(), size, entry.size());
      return parameters.values(entry);
    }
    throw seqrec::ArgumentError(seqrec::concatenate("seqrec's ", Model::name, " has no parameter ", name));
  }

  seqrec::TableRows rows() const { return settings_.lazy_rows ? seqrec::TableRows::lazy : seqrec::TableRows::dense; }

  template <class Optimizer>
  double train(Optimizer& optimizer, index_t batch, double learning_rate) {
    seqrec::check_argument(batch >= 0 && batch < std::ssize(batches_), "batch", batch, "one that was added");
    server_.reset();  // its weights are about to change
    return seqrec::training_step(team_, model_, ranges_, objective_, optimizer,
                                 *batches_[static_cast<std::size_t>(batch)], learning_rate, /*clip_norm=*/0,
                                 settings_.seed, optimizer.steps())
        .loss;
  }

  seqrec::Recommender<Model>& server() {
    if (!server_)
      server_.emplace(model_, seqrec::RecommenderOptions{.team = parse_options<seqrec::TeamOptions>(settings_.team),
                                                         .warm_up = false});
    return *server_;
  }

  Settings settings_;
  Options options_;
  Objective objective_;
  Model model_;
  seqrec::ParameterRanges ranges_;
  Context::Team team_;
  seqrec::Optimizer<Context, seqrec::Adam> adam_;
  seqrec::Optimizer<Context, seqrec::Sgd> descent_;
  std::vector<std::unique_ptr<const Batch>> batches_;
  std::optional<seqrec::Recommender<Model>> server_;
  std::vector<seqrec::RecommendRequest> requests_;
};

}  // namespace peer
