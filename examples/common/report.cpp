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

/// Metrics of the frozen candidates as clicks, log loss calibrated; null for a full ranking.
Json clicks_json(const seqrec::Evaluation& evaluation) {
  if (!evaluation.clicks) return nullptr;
  const seqrec::ClickResult& clicks = *evaluation.clicks;
  Json json = {{"impressions", clicks.impressions}, {"positives", clicks.positives}};
  clicks.for_each_metric([&json](const char* name, double value) { json[name] = value; });
  return json;
}

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
Json protocol_json(const Experiment& experiment, const seqrec::Evaluation& validation, const seqrec::Evaluation& test,
                   const seqrec::Evaluation& test_full) {
  const seqrec::CandidateLists* const lists = experiment.test_candidates();
  Json json = {{"split", experiment.split().protocol},
               {"users_that_train_only", experiment.split().train_only_users},
               {"validation", validation.protocol},
               {"test", test.protocol},
               {"test_full", test_full.protocol},
               {"candidates", nullptr},
               {"ties", "average rank"},
               {"excluded_from_full_ranking", "every item of the user's whole history before the target"}};
  if (lists != nullptr)
    json["candidates"] = {{"negatives", lists->options.negatives},
                          {"seed", lists->options.seed},
                          {"drawn", "uniformly, without replacement, from the catalogue without any item of the user"},
                          {"validation_hash", experiment.validation_candidates()->hash()},
                          {"test_hash", lists->hash()}};
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

/// What every result has, trained or not, in its order.
Json begin_json(const std::string& model, const Experiment& experiment, const Json& protocol, const Json& options) {
  return {{"model", model},
          {"dataset", dataset_json(experiment)},
          {"protocol", protocol},
          {"options", options},
          {"versions", versions_json()}};
}

template <class Run>  // a ModelRun or a BaselineRun
void add_evaluations(Json& json, const seqrec::Evaluation& validation, const Run& run) {
  json["validation"] = metrics_json(validation.ranking);
  json["test"] = metrics_json(run.test.ranking);
  json["test_full"] = metrics_json(run.test_full.ranking);
  json["calibration"] = {{"scale", run.calibration.scale}, {"bias", run.calibration.bias}};
  json["test_clicks"] = clicks_json(run.test);
}

Json run_json(const RunDescription& description) {
  const ModelRun& run = description.run;
  const seqrec::TrainingResult& training = run.training;
  Json history = Json::array();
  for (const seqrec::EpochRecord& record : training.history)
    history.push_back({{"epoch", record.epoch},
                       {"steps", record.steps},
                       {"loss", record.loss},
                       {"seconds", record.seconds},
                       {description.trainer.selection, record.validation[description.trainer.selection]}});
  Json protocol = protocol_json(description.experiment, training.validation, run.test, run.test_full);
  protocol["selection"] = description.trainer.selection + " on validation";
  Json json = begin_json(description.model, description.experiment, protocol,
                         {{"model", values_json(description.model_options)},
                          {"objective", description.objective},
                          {"training", values_json(named_values(description.trainer))}});
  json["seed"] = description.trainer.seed;
  json["seconds"] = training.seconds;
  json["best_epoch"] = training.best_epoch;
  json["epochs"] = training.epochs;
  json["steps"] = training.steps;
  add_evaluations(json, training.validation, run);
  json["history"] = history;
  return json;
}

Json baseline_json(const BaselineDescription& description) {
  const BaselineRun& run = description.run;
  Json json = begin_json(description.model, description.experiment,
                         protocol_json(description.experiment, run.validation, run.test, run.test_full),
                         {{"model", values_json(description.model_options)}});
  json["seconds"] = run.seconds;
  add_evaluations(json, run.validation, run);
  return json;
}

void write(const std::filesystem::path& path, const Json& json) {
  seqrec::write_file_atomically(path, json.dump(2) + "\n");
  std::cout << "result written to " << path.string() << '\n';
}

}  // namespace

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

void write_baseline_report(const std::filesystem::path& path, const std::vector<BaselineDescription>& baselines) {
  if (path.empty()) return;
  Json list = Json::array();
  for (const BaselineDescription& baseline : baselines) list.push_back(baseline_json(baseline));
  write(path, {{"runs", list}});
}

}  // namespace examples
