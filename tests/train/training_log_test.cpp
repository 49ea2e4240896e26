// SPDX-License-Identifier: Apache-2.0
#include "seqrec/train/training_log.hpp"

#include <cstdlib>
#include <limits>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "seqrec/cpu.hpp"
#include "seqrec/data/readers/synthetic.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/train/trainer.hpp"
#include "support/catch.hpp"
#include "support/disasters.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using seqrec_test::TemporaryDirectory;

namespace {

EpochRecord record_of(index_t epoch, double score) {
  return {.epoch = epoch,
          .steps = 10 * epoch,
          .loss = 0.1,
          .seconds = 2.5,
          .learning_rate = 1e-3,
          .targets_per_second = 1000,
          .validation = {30, {{"hr@10", score, 0.01}, {"auc", 0.5, 0.02}}}};
}

std::vector<std::string> split_at(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

/// A .csv log as its columns.
std::map<std::string, std::vector<double>> read_csv(const std::filesystem::path& path) {
  const auto lines = split_at(seqrec_test::read_file(path), '\n');
  REQUIRE_FALSE(lines.empty());
  const auto names = split_at(lines[0], ',');
  std::map<std::string, std::vector<double>> columns;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const auto values = split_at(lines[i], ',');
    REQUIRE(values.size() == names.size());
    for (std::size_t k = 0; k < names.size(); ++k) columns[names[k]].push_back(std::strtod(values[k].c_str(), nullptr));
  }
  return columns;
}

}  // namespace

TEST_CASE("a .csv log is a line of names and a line for each validation", "[train]") {
  const TemporaryDirectory directory;
  const auto path = directory / "log.csv";
  TrainingLog log(path, {});
  CHECK(seqrec_test::read_file(path).empty());
  log.add(record_of(1, 0.25));
  CHECK(seqrec_test::read_file(path) ==
        "step,epoch,seconds,loss,learning_rate,targets_per_second,hr@10,auc\n10,1,2.5,0.1,0.001,1000,0.25,0.5\n");
  log.add(record_of(2, 0.5));
  CHECK_THAT(seqrec_test::read_file(path), ContainsSubstring("0.25,0.5\n20,2,2.5,0.1,0.001,1000,0.5,0.5\n"));
}

TEST_CASE("a .jsonl log is an object for each validation", "[train]") {
  const TemporaryDirectory directory;
  const auto path = directory / "log.jsonl";
  TrainingLog log(path, std::vector{record_of(1, 0.25)});
  log.add(record_of(2, 0.5));
  CHECK(seqrec_test::read_file(path) ==
        "{\"step\": 10, \"epoch\": 1, \"seconds\": 2.5, \"loss\": 0.1, \"learning_rate\": 0.001, "
        "\"targets_per_second\": 1000, \"hr@10\": 0.25, \"auc\": 0.5}\n"
        "{\"step\": 20, \"epoch\": 2, \"seconds\": 2.5, \"loss\": 0.1, \"learning_rate\": 0.001, "
        "\"targets_per_second\": 1000, \"hr@10\": 0.5, \"auc\": 0.5}\n");
}

TEST_CASE("a log shows the figures of a model behind its metrics", "[train]") {
  const TemporaryDirectory directory;
  EpochRecord record = record_of(1, 0.25);
  record.figures = {{"moe.max_violation", 0.5}, {"moe.load.0", 0.125}};
  TrainingLog csv(directory / "log.csv", std::vector{record});
  CHECK_THAT(seqrec_test::read_file(directory / "log.csv"),
             ContainsSubstring(",auc,moe.max_violation,moe.load.0\n") && ContainsSubstring(",0.5,0.5,0.125\n"));
  TrainingLog lines(directory / "log.jsonl", std::vector{record});
  CHECK_THAT(seqrec_test::read_file(directory / "log.jsonl"),
             ContainsSubstring("\"auc\": 0.5, \"moe.max_violation\": 0.5, \"moe.load.0\": 0.125}\n"));
}

TEST_CASE("a number that JSON does not have is null", "[train]") {
  const TemporaryDirectory directory;
  const auto path = directory / "log.jsonl";
  TrainingLog log(path, {});
  EpochRecord record = record_of(1, std::numeric_limits<double>::quiet_NaN());
  record.loss = -std::numeric_limits<double>::infinity();
  log.add(record);
  CHECK_THAT(seqrec_test::read_file(path), ContainsSubstring("\"hr@10\": null, \"auc\": 0.5}") &&
                                               ContainsSubstring("\"loss\": null, \"learning_rate\": 0.001"));
}

TEST_CASE("a log begins anew with what is known so far", "[train]") {
  const TemporaryDirectory directory;
  const auto path = directory / "log.csv";
  seqrec_test::write_file(path, "left by a run that was killed after its last saved state\n");
  TrainingLog log(path, std::vector{record_of(1, 0.25), record_of(2, 0.5)});
  CHECK(read_csv(path)["step"] == std::vector<double>{10, 20});
  log.add(record_of(3, 0.75));
  CHECK(read_csv(path)["hr@10"] == std::vector<double>{0.25, 0.5, 0.75});
}

TEST_CASE("a log that cannot be begun anew leaves the one that was there", "[train][errors]") {
  const TemporaryDirectory directory;
  const auto path = directory / "log.csv";
  seqrec_test::write_file(path, "old");
  {
    const seqrec_test::FileSizeLimit full(50);
    CHECK_THAT(seqrec_test::message_of<DataError>([&] { TrainingLog(path, std::vector{record_of(1, 0.25)}); }),
               ContainsSubstring("log.csv: cannot be written: writing: File too large"));
  }
  CHECK(seqrec_test::read_file(path) == "old");
}

TEST_CASE("a log that cannot be is refused", "[train]") {
  const TemporaryDirectory directory;
  CHECK_THAT(seqrec_test::message_of<ArgumentError>([&] { TrainingLog(directory / "log.txt", {}); }),
             ContainsSubstring("log.txt") && ContainsSubstring("expected a name that ends in .csv or .jsonl"));
  CHECK_THAT(seqrec_test::message_of<DataError>([&] { TrainingLog(directory / "missing" / "log.csv", {}); }),
             ContainsSubstring("cannot be written"));
}

TEST_CASE("the log of an interrupted and resumed run has each validation once", "[train]") {
  const TemporaryDirectory directory;
  const Dataset data = synthetic_dataset({.users = 40, .items = 60, .genres = 6, .max_events = 25});
  const Split split = leave_one_out(data);
  TrainerOptions options{.epochs = 3,
                         .batch_size = 10,
                         .state = directory / "state.safetensors",
                         .log_file = directory / "log.csv",
                         .team = {.threads = 1},
                         .log = nullptr};
  SasRec<cpu::Context> model({.items = 60, .width = 8, .blocks = 1, .max_length = 20, .seed = 3});
  Trainer(options).fit(model, split, NextItem{});
  options.epochs = 5;
  options.resume = true;
  const TrainingResult result = Trainer(options).fit(model, split, NextItem{});
  auto columns = read_csv(options.log_file);
  CHECK(columns["step"] == std::vector<double>{4, 8, 12, 16, 20});
  CHECK(columns["epoch"] == std::vector<double>{1, 2, 3, 4, 5});
  REQUIRE(result.history.size() == 5);
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(columns["loss"][i] == result.history[i].loss);
    CHECK(columns["seconds"][i] == result.history[i].seconds);
    CHECK(columns["learning_rate"][i] == 1e-3);
    CHECK(columns["targets_per_second"][i] > 0);
    for (const auto& metric : result.history[i].validation.metrics) CHECK(columns[metric.name][i] == metric.value);
    if (i > 0) CHECK(columns["seconds"][i] > columns["seconds"][i - 1]);
  }
}
