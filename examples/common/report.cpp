// SPDX-License-Identifier: Apache-2.0
#include "common/report.hpp"

#include <Eigen/Core>
#include <iostream>
#include <nlohmann/json.hpp>

#include "seqrec/core/atomic_file.hpp"
#include "seqrec/version.hpp"

namespace examples {

namespace {

/// JSON whose members stay in the order in which they were set.
using Json = nlohmann::ordered_json;

/// {"hr@5": ..., "auc": ...}: means over users.
Json metrics_json(const seqrec::RankingResult& result) {
  Json json = Json::object();
  for (const seqrec::RankingMetric& metric : result.metrics) json[metric.name] = metric.value;
  return json;
}

Json dataset_json(const Experiment& experiment) {
  const seqrec::Dataset& data = experiment.data();
  return {{"name", data.name},         {"users", data.num_users()},
          {"items", data.num_items()}, {"interactions", data.num_interactions()},
          {"hash", data.hash()},       {"split_hash", experiment.split().hash()}};
}

/// How the numbers came about: everything that must agree before two of them may be compared.
Json protocol_json(const RunDescription& description) {
  const ModelRun& run = description.run;
  const seqrec::CandidateLists* const test = description.experiment.test_candidates();
  Json json = {{"split", "leave-one-out"},
               {"users_that_train_only", description.experiment.split().train_only_users},
               {"validation", run.training.validation.protocol},
               {"test", run.test.protocol},
               {"test_full", run.test_full.protocol},
               {"candidates", nullptr},
               {"ties", "average rank"},
               {"excluded_from_full_ranking", "every item of the user's whole history before the target"},
               {"selection", description.trainer.selection + " on validation"}};
  if (test != nullptr)
    json["candidates"] = {{"negatives", test->options.negatives},
                          {"seed", test->options.seed},
                          {"drawn", "uniformly, without replacement, from the catalogue without any item of the user"},
                          {"validation_hash", description.experiment.validation_candidates()->hash()},
                          {"test_hash", test->hash()}};
  return json;
}

Json values_json(const NamedValues& values) {
  Json json = Json::object();
  for (const auto& [name, value] : values) std::visit([&, &key = name](const auto& v) { json[key] = v; }, value);
  return json;
}

Json versions_json() {
#ifdef __clang__
  const char* const compiler = "clang " __clang_version__;
#else
  const char* const compiler = "g++ " __VERSION__;
#endif
  return {{"seqrec", seqrec::version},
          {"eigen", seqrec::concatenate(EIGEN_WORLD_VERSION, ".", EIGEN_MAJOR_VERSION, ".", EIGEN_MINOR_VERSION)},
          {"compiler", compiler},
          {"instruction_sets", Eigen::SimdInstructionSetsInUse()},
          {"float_lanes", static_cast<int>(Eigen::internal::packet_traits<float>::size)}};
}

Json run_json(const RunDescription& description) {
  const seqrec::TrainingResult& training = description.run.training;
  Json history = Json::array();
  for (const seqrec::EpochRecord& record : training.history)
    history.push_back({{"epoch", record.epoch},
                       {"steps", record.steps},
                       {"loss", record.loss},
                       {"seconds", record.seconds},
                       {description.trainer.selection, record.validation[description.trainer.selection]}});
  return {{"model", description.model},
          {"dataset", dataset_json(description.experiment)},
          {"protocol", protocol_json(description)},
          {"seed", description.trainer.seed},
          {"options",
           {{"model", values_json(description.model_options)},
            {"objective", description.objective},
            {"training", values_json(named_values(description.trainer))}}},
          {"versions", versions_json()},
          {"seconds", training.seconds},
          {"best_epoch", training.best_epoch},
          {"epochs", training.epochs},
          {"validation", metrics_json(training.validation.ranking)},
          {"test", metrics_json(description.run.test.ranking)},
          {"test_full", metrics_json(description.run.test_full.ranking)},
          {"history", history}};
}

void write(const std::filesystem::path& path, const Json& json) {
  seqrec::write_file_atomically(path, json.dump(2) + "\n");
  std::cout << "result written to " << path.string() << '\n';
}

}  // namespace

NamedValues named_values(const seqrec::TrainerOptions& options) {
  NamedValues values = {{"epochs", std::int64_t{options.epochs}},
                        {"batch_size", std::int64_t{options.batch_size}},
                        {"optimizer", "Adam"},
                        {"learning_rate", options.learning_rate}};
  for (auto& value : named_values(options.optimizer)) values.push_back(std::move(value));
  const NamedValues rest = {
      {"warm_up", std::int64_t{options.schedule.warm_up}},      {"clip_norm", options.clip_norm},
      {"evaluate_every", std::int64_t{options.evaluate_every}}, {"patience", std::int64_t{options.patience}},
      {"token_budget", std::int64_t{options.token_budget}},     {"slots", std::int64_t{options.team.slots}}};
  values.insert(values.end(), rest.begin(), rest.end());
  return values;
}

void print_options(std::ostream& out, const std::string& heading, const NamedValues& values) {
  out << heading;
  for (const auto& [name, value] : values)
    std::visit([&out, &key = name](const auto& v) { out << "  " << key << ' ' << seqrec::concatenate(v); }, value);
  out << '\n';
}

void write_report(const std::filesystem::path& path, const RunDescription& run) {
  if (!path.empty()) write(path, run_json(run));
}

void write_report(const std::filesystem::path& path, const std::vector<RunDescription>& runs) {
  if (path.empty()) return;
  Json list = Json::array();
  for (const RunDescription& run : runs) list.push_back(run_json(run));
  write(path, {{"runs", list}});
}

}  // namespace examples
