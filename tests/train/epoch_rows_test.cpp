// SPDX-License-Identifier: Apache-2.0
#include "seqrec/train/epoch_rows.hpp"

#include <limits>
#include <map>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;

namespace {

/// Two validations with two metrics and a click metric; no two numbers are equal.
std::vector<EpochRecord> two_records() {
  return {{.epoch = 1,
           .steps = 3,
           .loss = 0.1 + 0.2,
           .seconds = 2.5,
           .learning_rate = 1e-3,
           .targets_per_second = 1e5 / 3,
           .validation = {30, {{"hr@5", 0.25, 0.01}, {"auc", 0.75, 0.02}}},
           .clicks = {{"log_loss", 0.125}}},
          {.epoch = 2,
           .steps = 6,
           .loss = 0.5,
           .seconds = 5,
           .learning_rate = 5e-4,
           .targets_per_second = 7,
           .validation = {31, {{"hr@5", 0.375, 0.03}, {"auc", 0.875, 0.04}}},
           .clicks = {{"log_loss", 0.0625}}}};
}

/// Each number with its name, of all records.
std::string shown(const std::vector<EpochRecord>& history) {
  std::string text;
  for (const EpochRecord& record : history)
    visit_numbers(record, [&](const char* name, auto number) { text += name + ("=" + option_text(number)) + " "; });
  return text;
}

struct HistoryFile {
  seqrec_test::TemporaryDirectory directory;
  std::string path = (directory.path() / "x.safetensors").string();

  explicit HistoryFile(const EpochRows& rows, const std::map<std::string, std::string>& other_names = {}) {
    std::map<std::string, std::string> metadata;
    rows.write(metadata);
    for (const auto& [name, value] : other_names) metadata[name] = value;
    const std::vector<TensorSource> tensors = {rows.tensor()};
    write_safetensors(path, metadata, tensors);
  }
  std::vector<EpochRecord> read(index_t steps) const {
    SafetensorsFile file(path);
    EpochRows rows;
    rows.require(file);
    return rows.read(file, steps);
  }
  std::string message(index_t steps = 100) const {
    return seqrec_test::message_of<DataError>([&] { read(steps); });
  }
};

/// What is said of a history with one change.
template <class Change>
std::string message_after(Change change) {
  std::vector<EpochRecord> history = two_records();
  change(history);
  return HistoryFile(EpochRows(history)).message();
}

}  // namespace

TEST_CASE("a history comes back with every number, to the bit", "[train]") {
  const std::vector<EpochRecord> history = two_records();
  const std::vector<EpochRecord> again = HistoryFile(EpochRows(history)).read(6);
  CHECK(shown(again) == shown(history));
  CHECK_THAT(shown(again), ContainsSubstring("epoch=2 steps=6") && ContainsSubstring("hr@5=0.375") &&
                               ContainsSubstring("users=31") && ContainsSubstring("log_loss=0.0625"));
  CHECK(HistoryFile(EpochRows(std::vector<EpochRecord>{})).read(0).empty());
}

TEST_CASE("records whose steps do not ascend, or go beyond the run's, are refused", "[train][errors]") {
  const HistoryFile file{EpochRows(two_records())};
  CHECK_NOTHROW(file.read(6));
  CHECK(file.message(5) == file.path + ": tensor 'history': steps of record 1 is 6, expected ascending steps up to 5");
  CHECK_THAT(message_after([](auto& history) { history[1].steps = 3; }),
             ContainsSubstring("steps of record 1 is 3, expected ascending"));
  CHECK_THAT(message_after([](auto& history) { history[0].steps = 0; }),
             ContainsSubstring("steps of record 0 is 0, expected ascending"));
}

TEST_CASE("numbers that no record can hold are refused before they are converted", "[train][errors]") {
  for (const double bad :
       {-1.0, 0.5, 1e300, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    seqrec_test::TemporaryDirectory directory;
    const std::string path = (directory.path() / "x.safetensors").string();
    const std::vector<double> row = {bad, 3, 0, 0, 0, 0, 1};
    const std::vector<TensorSource> tensors = {{"history", DataType::f64, {1, 7}, row.data()}};
    write_safetensors(path, {{"history.metrics", ""}, {"history.click_metrics", ""}}, tensors);
    SafetensorsFile file(path);
    EpochRows rows;
    rows.require(file);
    CHECK_THAT(seqrec_test::message_of<DataError>([&] { rows.read(file, 9); }),
               ContainsSubstring("tensor 'history': epoch of record 0 is") &&
                   ContainsSubstring("expected a whole number of at least 0"));
  }
}

TEST_CASE("names that do not fit the numbers, or are none of metrics, are refused", "[train][errors]") {
  const EpochRows rows(two_records());
  CHECK_THAT(HistoryFile(rows, {{"history.metrics", "hr@5"}}).message(),
             ContainsSubstring("tensor 'history': shape is '[2,12]', expected [2,10]"));
  CHECK_THAT(HistoryFile(rows, {{"history.click_metrics", "a b"}}).message(),
             ContainsSubstring("shape is '[2,12]', expected [2,13]"));
  CHECK_THAT(HistoryFile(rows, {{"history.click_metrics", std::string(1000, 'x')}}).message(),
             ContainsSubstring("metadata field history.click_metrics holds") &&
                 ContainsSubstring("expected the name of a metric"));
}
