// SPDX-License-Identifier: Apache-2.0
#include "common/report.hpp"

#include <Eigen/Core>
#include <cmath>
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

/// The same of their standard errors; null where one is not known.
Json standard_errors_json(const seqrec::RankingResult& result) {
  Json json = Json::object();
  for (const seqrec::RankingMetric& metric : result.metrics) {
    json[metric.name] = nullptr;
    if (!std::isnan(metric.standard_error)) json[metric.name] = metric.standard_error;
  }
  return json;
}

Json dataset_json(const seqrec::Split& split) {
  const seqrec::Dataset& data = *split.data;
  return {{"name", data.name},         {"users", data.num_users()},
          {"items", data.num_items()}, {"interactions", data.num_interactions()},
          {"hash", data.hash()},       {"split_hash", split.hash()}};
}

/// How the numbers came about: everything that must agree before two of them may be compared.
Json protocol_json(const RunDescription& run) {
  const seqrec::CandidateLists* const lists = run.candidates.test();
  const bool ranked = run.candidates.seen == seqrec::SeenItems::ranked;
  Json json = {
      {"split", run.split.protocol},
      {"users_that_train_only", run.split.train_only_users},
      {"validation", run.figures.validation.protocol},
      {"test", run.figures.test.protocol},
      {"test_full", run.figures.test_full.protocol},
      {"candidates", nullptr},
      {"ties", "average rank"},
      {"seen_items", seqrec::option_text(run.candidates.seen)},
      {"excluded_from_full_ranking", ranked ? "nothing" : "every item of the user's whole history before the target"},
      {"repeats_among_test_targets", seqrec::share_of_repeats(run.split.test)},
      {"users_left_out",
       {{"validation", run.figures.validation.left_out.users},
        {"test", run.figures.test.left_out.users},
        {"test_full", run.figures.test_full.left_out.users}}}};
  if (lists != nullptr)
    json["candidates"] = {{"negatives", lists->options.negatives},
                          {"seed", lists->options.seed},
                          {"drawn", std::string("uniformly, without replacement, from the catalogue without ") +
                                        (ranked ? "the target" : "any item of the user")},
                          {"validation_hash", run.candidates.validation()->hash()},
                          {"test_hash", lists->hash()}};
  if (run.training) json["selection"] = run.training->options.selection + " on validation";
  return json;
}

/// Numbers as numbers, everything else as text.
Json values_json(const std::vector<seqrec::OptionValue>& values) {
  Json json = Json::object();
  for (const seqrec::OptionValue& value : values) {
    json[value.name] = value.text;
    if (value.kind != seqrec::OptionKind::number && value.kind != seqrec::OptionKind::whole_number) continue;
    const Json number = Json::parse(value.text, nullptr, /*allow_exceptions=*/false);
    if (!number.is_discarded()) json[value.name] = number;  // JSON knows no infinity
  }
  return json;
}

Json options_json(const RunDescription& run) {
  Json json = {{"model", values_json(run.model_options)}};
  if (run.training) {
    json["objective"] = run.training->objective;
    json["training"] = values_json(seqrec::option_values(run.training->options));
  }
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

/// What only a trained model has.
void add_training(Json& json, const TrainingDescription& training) {
  json["seed"] = training.options.seed;
  json["best_epoch"] = training.result.best_epoch;
  json["epochs"] = training.result.epochs;
  json["steps"] = training.result.steps;
  json["users_left_out_of_training"] = training.result.left_out;
}

Json history_json(const TrainingDescription& training) {
  Json history = Json::array();
  for (const seqrec::EpochRecord& record : training.result.history)
    history.push_back({{"epoch", record.epoch},
                       {"steps", record.steps},
                       {"loss", record.loss},
                       {"seconds", record.seconds},
                       {training.options.selection, record.validation[training.options.selection]}});
  return history;
}

Json run_json(const RunDescription& run) {
  Json json = {{"model", run.model},           {"dataset", dataset_json(run.split)}, {"protocol", protocol_json(run)},
               {"options", options_json(run)}, {"versions", versions_json()},        {"seconds", run.seconds}};
  if (run.training) add_training(json, *run.training);
  if (run.checkpoint)
    json["checkpoint"] = {{"file", run.checkpoint->file.string()},
                          {"unknown_items", run.checkpoint->unknown_items},
                          {"dropped_events", run.checkpoint->dropped_events},
                          {"unknown_categories", run.checkpoint->unknown_categories}};
  const Figures& figures = run.figures;
  json["validation"] = metrics_json(figures.validation.ranking);
  json["test"] = metrics_json(figures.test.ranking);
  json["test_full"] = metrics_json(figures.test_full.ranking);
  json["standard_errors"] = {{"validation", standard_errors_json(figures.validation.ranking)},
                             {"test", standard_errors_json(figures.test.ranking)},
                             {"test_full", standard_errors_json(figures.test_full.ranking)}};
  json["calibration"] = {{"scale", figures.calibration.scale}, {"bias", figures.calibration.bias}};
  json["test_clicks"] = clicks_json(figures.test);
  if (run.training) json["history"] = history_json(*run.training);
  return json;
}

void write(const std::filesystem::path& path, const Json& json) {
  seqrec::write_file_atomically(path, json.dump(2) + "\n");
  std::cout << "result written to " << path.string() << '\n';
}

}  // namespace

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
