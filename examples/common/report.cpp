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

/// The evaluations of a run under their names in the file, made into JSON one by one.
template <class Make>
Json each_evaluation(const Figures& figures, const Make& make) {
  Json json = {{"validation", make(figures.validation)}};
  if (figures.test) {
    json["test"] = make(figures.test->candidates);
    json["test_full"] = make(figures.test->full);
  }
  return json;
}

Json dataset_json(const seqrec::Split& split) {
  const seqrec::Dataset& data = *split.data;
  return {{"name", data.name},         {"users", data.num_users()},
          {"items", data.num_items()}, {"interactions", data.num_interactions()},
          {"hash", data.hash()},       {"split_hash", split.hash()}};
}

/// {"of": how many were ranked, "ranks": where the target came out}, user by user: what programs that compare runs
/// read. Where the same number is ranked for everybody it is said once.
Json ranks_json(const std::vector<seqrec::RankingMetrics::UserRank>& ranks) {
  Json of = Json::array(), places = Json::array();
  bool alike = true;
  for (const auto& user : ranks) {
    alike &= user.candidates == ranks.front().candidates;
    of.push_back(user.candidates);
    places.push_back(user.rank);
  }
  if (alike && !ranks.empty()) of = ranks.front().candidates;
  return {{"of", of}, {"ranks", places}};
}

/// How the numbers came about: everything that must agree before two of them may be compared.
Json protocol_json(const RunDescription& run) {
  const seqrec::CandidateLists* const lists = run.candidates.test();
  const bool ranked = run.candidates.seen == seqrec::SeenItems::ranked;
  using Evaluation = const seqrec::Evaluation&;
  Json json = {{"split", run.split.protocol}, {"users_that_train_only", run.split.train_only_users}};
  json.update(each_evaluation(run.figures, [](Evaluation of) { return of.protocol; }));
  json["candidates"] = nullptr;
  json["ties"] = "average rank";
  json["seen_items"] = seqrec::option_text(run.candidates.seen);
  json["excluded_from_full_ranking"] = ranked ? "nothing" : "every item of the user's whole history before the target";
  json["repeats_among_test_targets"] = seqrec::share_of_repeats(run.split.test);
  json["users_left_out"] = each_evaluation(run.figures, [](Evaluation of) { return of.left_out.users; });
  if (lists != nullptr)
    json["candidates"] = {{"negatives", lists->options.negatives},
                          {"seed", lists->options.seed},
                          {"drawn", std::string("uniformly, without replacement, from the catalogue without ") +
                                        (ranked ? "the target" : "any item of the user") +
                                        (lists->options.appeared ? ", of what somebody had before" : "")},
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
  for (const seqrec::EpochRecord& record : training.result.history) {
    history.push_back({{"epoch", record.epoch},
                       {"steps", record.steps},
                       {"loss", record.loss},
                       {"seconds", record.seconds},
                       {training.options.selection, record.validation[training.options.selection]}});
    for (const seqrec::Figure& figure : record.figures) history.back()["figures"][figure.name] = figure.value;
  }
  return history;
}

Json run_json(const RunDescription& run) {
  Json json = {{"title", run.title},
               {"model", run.model},
               {"dataset", dataset_json(run.split)},
               {"protocol", protocol_json(run)},
               {"options", options_json(run)},
               {"versions", versions_json()},
               {"seconds", run.seconds}};
  if (run.parameters > 0) json["parameters"] = run.parameters;
  if (run.training) add_training(json, *run.training);
  if (run.checkpoint)
    json["checkpoint"] = {{"file", run.checkpoint->file.string()},
                          {"unknown_items", run.checkpoint->unknown_items},
                          {"dropped_events", run.checkpoint->dropped_events},
                          {"unknown_categories", run.checkpoint->unknown_categories}};
  const Figures& figures = run.figures;
  using Evaluation = const seqrec::Evaluation&;
  json.update(each_evaluation(figures, [](Evaluation of) { return metrics_json(of.ranking); }));
  json["standard_errors"] = each_evaluation(figures, [](Evaluation of) { return standard_errors_json(of.ranking); });
  if (figures.test) {
    json["calibration"] = {{"scale", figures.test->calibration.scale}, {"bias", figures.test->calibration.bias}};
    json["test_clicks"] = clicks_json(figures.test->candidates);
  }
  if (run.candidates.per_user)
    json["users"] = each_evaluation(figures, [](Evaluation of) { return ranks_json(of.ranks); });
  if (run.requests)
    json["requests"] = {
        {"candidates", run.requests->candidates}, {"p50_ms", run.requests->p50}, {"p99_ms", run.requests->p99}};
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
