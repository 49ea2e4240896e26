// SPDX-License-Identifier: Apache-2.0
#include "compare/results.hpp"

#include <cmath>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "seqrec/core/appended_file.hpp"
#include "seqrec/core/errors.hpp"

namespace examples::compare {

namespace {

using Json = nlohmann::ordered_json;

Ranking ranking_of(const Json& report, const char* name) {
  Ranking ranking;
  for (const auto& [metric, value] : report.at(name).items()) ranking.metrics[metric] = value.get<double>();
  if (std::string(name) == "test" && report.at("protocol").at("candidates").is_object())
    ranking.candidates = report["protocol"]["candidates"].at("test_hash").get<std::string>();
  if (!report.contains("users")) return ranking;
  const Json& users = report["users"].at(name);
  ranking.ranks = users.at("ranks").get<std::vector<double>>();
  if (users.at("of").is_array())
    ranking.among = users["of"].get<std::vector<double>>();
  else
    ranking.among.assign(ranking.ranks.size(), users["of"].get<double>());
  return ranking;
}

/// @throws nlohmann::json::exception for what is not a line of results
Result result_of(const Json& line) {
  Result result;
  result.run = line.at("run").get<std::string>();
  result.program = line.at("program").get<std::string>();
  result.arguments = line.at("arguments").get<std::vector<std::string>>();
  result.origin = {line.at("commit").get<std::string>(), line.at("machine").get<std::string>(),
                   line.at("date").get<std::string>(), line.at("processor_seconds").get<double>()};
  const Json& report = line.at("report");
  result.split = report.at("dataset").at("split_hash").get<std::string>();
  for (const char* name : {"test", "test_full"}) result.rankings[name] = ranking_of(report, name);
  result.parameters = report.value("parameters", std::int64_t{0});
  result.best_epoch = report.value("best_epoch", std::int64_t{0});
  if (!report.contains("history")) return result;
  const std::string selection = report.at("options").at("training").at("selection").get<std::string>();
  result.selection = selection;
  for (const Json& record : report["history"])
    result.history.push_back({record.at("epoch").get<double>(), record.at(selection).get<double>()});
  return result;
}

/// 12 for 12.0: most ranks are whole, and there are thousands in a line.
void shorten(Json& numbers) {
  for (Json& number : numbers)
    if (const double value = number.get<double>(); value == std::floor(value))
      number = static_cast<std::int64_t>(value);
}

/// The one that was meant, of a program that judges several; what nobody compares left out.
Json picked(const Run& run, Json report) {
  if (!run.contender->pick.empty()) {
    Json found;
    for (const Json& one : report.at("runs"))
      if (one.at("title") == run.contender->pick) found = one;
    if (found.is_null())
      throw seqrec::DataError(seqrec::concatenate(run.name(), ": ", run.contender->program, " judged no ",
                                                  run.contender->pick, ", expected it among its runs"));
    report = std::move(found);
  }
  if (!report.contains("users")) return report;
  report["users"].erase("validation");
  for (Json& ranking : report["users"]) shorten(ranking.at("ranks"));
  return report;
}

}  // namespace

Results::Results(std::filesystem::path path, std::ostream& warnings) : path_(std::move(path)) {
  if (!std::filesystem::exists(path_)) return;
  std::ifstream file(path_, std::ios::binary);
  if (!file) throw seqrec::DataError(path_.string() + ": cannot be read, expected earlier results");
  const std::string text(std::istreambuf_iterator<char>(file), {});
  bytes_ = text.size();
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < text.size(); ++number) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    if (line.empty()) continue;
    try {
      Result result = result_of(Json::parse(line));
      of_runs_[result.run] = std::move(result);
    } catch (const nlohmann::json::exception& error) {
      warnings << path_.string() << ": line " << number + 1
               << " is no result, its run will be made again: " << error.what() << '\n';
    }
  }
  if (!text.empty() && text.back() != '\n') {  // a line that was cut off must not grow together with the next
    seqrec::append_to_file(path_, bytes_, "\n");
    ++bytes_;
  }
}

const Result* Results::find(const Run& run) const {
  const auto found = of_runs_.find(run.name());
  if (found == of_runs_.end() || found->second.program != run.contender->program ||
      found->second.arguments != run.arguments())
    return nullptr;
  return &found->second;
}

const Result& Results::add(const Run& run, const std::string& report, const Origin& origin) {
  try {
    const Json line = {{"run", run.name()},
                       {"program", run.contender->program},
                       {"arguments", run.arguments()},
                       {"commit", origin.commit},
                       {"machine", origin.machine},
                       {"date", origin.date},
                       {"processor_seconds", origin.processor_seconds},
                       {"report", picked(run, Json::parse(report))}};
    Result result = result_of(line);
    const std::string text = line.dump() + "\n";
    seqrec::append_to_file(path_, bytes_, text);
    bytes_ += text.size();
    return of_runs_[run.name()] = std::move(result);
  } catch (const nlohmann::json::exception& error) {
    throw seqrec::DataError(seqrec::concatenate(run.name(), ": the result of ", run.contender->program,
                                                " is not what programs write: ", error.what()));
  }
}

}  // namespace examples::compare
