// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Eigen/Core>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <type_traits>

#include "common/experiment.hpp"
#include "common/model_run.hpp"
#include "seqrec/core/atomic_file.hpp"
#include "seqrec/core/option_text.hpp"
#include "seqrec/version.hpp"

namespace examples {

/// JSON whose members stay in the order in which they were set.
using Json = nlohmann::ordered_json;

/// {"hr@5": ..., "auc": ...}: means over users.
inline Json metrics_json(const seqrec::RankingResult& result) {
  Json json = Json::object();
  for (const seqrec::RankingMetric& metric : result.metrics) json[metric.name] = metric.value;
  return json;
}

inline Json dataset_json(const Experiment& experiment) {
  const seqrec::Dataset& data = experiment.data();
  return {{"name", data.name},         {"users", data.num_users()},
          {"items", data.num_items()}, {"interactions", data.num_interactions()},
          {"hash", data.hash()},       {"split_hash", experiment.split().hash()}};
}

/// How the numbers came about: everything that must agree before two of them may be compared.
inline Json protocol_json(const Experiment& experiment, const ModelRun& run, const std::string& selection) {
  const seqrec::CandidateLists* const test = experiment.test_candidates();
  Json json = {{"split", "leave-one-out"},
               {"users_that_train_only", experiment.split().train_only_users},
               {"validation", run.training.validation.protocol},
               {"test", run.test.protocol},
               {"test_full", run.test_full.protocol},
               {"candidates", nullptr},
               {"ties", "average rank"},
               {"excluded_from_full_ranking", "every item of the user's whole history before the target"},
               {"selection", selection + " on validation"}};
  if (test != nullptr)
    json["candidates"] = {{"negatives", test->options.negatives},
                          {"seed", test->options.seed},
                          {"drawn", "uniformly, without replacement, from the catalogue without any item of the user"},
                          {"validation_hash", experiment.validation_candidates()->hash()},
                          {"test_hash", test->hash()}};
  return json;
}

/// Whatever shows its options by name (see for_each_option in the library's option structs).
template <class Options>
Json options_json(Options options) {
  Json json = Json::object();
  options.for_each_option([&json](const char* name, const auto& value) {
    if constexpr (std::is_arithmetic_v<std::decay_t<decltype(value)>>)
      json[name] = value;
    else
      json[name] = seqrec::option_text(value);
  });
  return json;
}

inline Json training_options_json(const seqrec::TrainerOptions& options) {
  Json adam = options_json(options.optimizer);
  return {{"epochs", options.epochs},
          {"batch_size", options.batch_size},
          {"learning_rate", options.learning_rate},
          {"optimizer", "Adam"},
          {"adam", adam},
          {"warm_up", options.schedule.warm_up},
          {"clip_norm", options.clip_norm},
          {"evaluate_every", options.evaluate_every},
          {"patience", options.patience},
          {"token_budget", options.token_budget},
          {"slots", options.team.slots}};
}

inline Json versions_json() {
  return {{"seqrec", seqrec::version},
          {"eigen", seqrec::concatenate(EIGEN_WORLD_VERSION, ".", EIGEN_MAJOR_VERSION, ".", EIGEN_MINOR_VERSION)},
          {"compiler",
#ifdef __clang__
           "clang " __VERSION__
#else
           "gcc " __VERSION__
#endif
          },
          {"instruction_sets", Eigen::SimdInstructionSetsInUse()},
          {"float_lanes", static_cast<int>(Eigen::internal::packet_traits<float>::size)}};
}

/// Everything about one trained model: what it was trained on and how, and what came out. Thread count, host and paths
/// are left out, because results do not depend on them.
template <class Model, class Objective>
Json run_json(const Model& model, const Objective& objective, const Experiment& experiment,
              const seqrec::TrainerOptions& options, const ModelRun& run) {
  Json history = Json::array();
  for (const seqrec::EpochRecord& record : run.training.history)
    history.push_back({{"epoch", record.epoch},
                       {"steps", record.steps},
                       {"loss", record.loss},
                       {"seconds", record.seconds},
                       {options.selection, record.validation[options.selection]}});
  return {{"model", Model::name},
          {"dataset", dataset_json(experiment)},
          {"protocol", protocol_json(experiment, run, options.selection)},
          {"seed", options.seed},
          {"options",
           {{"model", options_json(model.options())},
            {"objective", objective.name()},
            {"training", training_options_json(options)}}},
          {"versions", versions_json()},
          {"seconds", run.training.seconds},
          {"best_epoch", run.training.best_epoch},
          {"epochs", run.training.epochs},
          {"validation", metrics_json(run.training.validation.ranking)},
          {"test", metrics_json(run.test.ranking)},
          {"test_full", metrics_json(run.test_full.ranking)},
          {"history", history}};
}

/// Writes the result where --json says, whole or not at all; nothing without --json.
/// @throws seqrec::DataError naming the file and the system's reason
inline void write_report(const std::filesystem::path& path, const Json& json) {
  if (path.empty()) return;
  seqrec::write_file_atomically(path, json.dump(2) + "\n");
  std::cout << "result written to " << path.string() << '\n';
}

}  // namespace examples
