// SPDX-License-Identifier: Apache-2.0
#include "seqrec/train/epoch_rows.hpp"

#include <cmath>
#include <limits>
#include <map>
#include <span>
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

/// What is said of a row of a run without metrics.
std::string message_of_row(const std::vector<double>& row) {
  return seqrec_test::message_of<DataError>([&] { EpochRows().record(row, "file", 4); });
}

/// Names in a file's metadata, as read from there.
EpochRows names_in(const std::map<std::string, std::string>& metadata) {
  const seqrec_test::TemporaryDirectory directory;
  write_safetensors(directory / "x", metadata, {});
  return EpochRows(SafetensorsFile(directory / "x"));
}

}  // namespace

TEST_CASE("a record comes back from its row with every number, to the bit", "[train]") {
  const std::vector<EpochRecord> history = two_records();
  std::map<std::string, std::string> metadata;
  EpochRows(history.front()).write(metadata);
  CHECK(metadata ==
        std::map<std::string, std::string>{{"history.metrics", "hr@5 auc"}, {"history.click_metrics", "log_loss"}});
  const EpochRows rows = names_in(metadata);
  CHECK(rows.columns() == 12);
  std::vector<double> numbers;
  for (const EpochRecord& record : history) rows.append_to(numbers, record);
  REQUIRE(numbers.size() == 24);
  const std::span<const double> all(numbers);
  const std::vector<EpochRecord> again = {rows.record(all.first(12), "file", 0), rows.record(all.last(12), "file", 1)};
  CHECK(shown(again) == shown(history));
  CHECK_THAT(shown(again), ContainsSubstring("epoch=2 steps=6") && ContainsSubstring("hr@5=0.375") &&
                               ContainsSubstring("users=31") && ContainsSubstring("log_loss=0.0625"));
  CHECK(EpochRows().columns() == 7);
}

TEST_CASE("figures of a model come back under their names, if it has some", "[train]") {
  EpochRecord record = two_records().front();
  record.figures = {{"blocks.0.moe.max_violation", 0.375}, {"blocks.0.moe.load.0", 0.25}};
  const EpochRows before(record);
  std::map<std::string, std::string> metadata;
  before.write(metadata);
  CHECK(metadata["history.figures"] == "blocks.0.moe.max_violation blocks.0.moe.load.0");
  std::vector<double> numbers;
  before.append_to(numbers, record);
  const EpochRecord again = names_in(metadata).record(numbers, "file", 0);
  REQUIRE(again.figures.size() == 2);
  CHECK(again.figures[1].name == "blocks.0.moe.load.0");
  CHECK(again.figures[1].value == 0.25);
  record.figures.pop_back();
  CHECK_THAT(
      seqrec_test::message_of<ArgumentError>([&] { before.append_to(numbers, record); }),
      ContainsSubstring("log_loss blocks.0.moe.max_violation', expected") && ContainsSubstring("blocks.0.moe.load.0'"));
  metadata["history.figures"] = std::string(300, 'x');
  CHECK_THAT(seqrec_test::message_of<DataError>([&] { names_in(metadata); }),
             ContainsSubstring("metadata field history.figures holds 'xxx"));
}

TEST_CASE("metrics that are not known come back as such", "[train]") {
  EpochRecord record = two_records().front();
  record.validation.metrics[0].standard_error = std::numeric_limits<double>::quiet_NaN();
  record.validation.metrics[1].value = -std::numeric_limits<double>::infinity();
  const EpochRows rows(record);
  std::vector<double> numbers;
  rows.append_to(numbers, record);
  const EpochRecord again = rows.record(numbers, "file", 0);
  CHECK(std::isnan(again.validation.metrics[0].standard_error));
  CHECK(again.validation.metrics[1].value == record.validation.metrics[1].value);
}

TEST_CASE("numbers that no record can hold are refused before they are converted", "[train][errors]") {
  for (const double bad :
       {-1.0, 0.5, 1e300, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    CHECK_THAT(message_of_row({bad, 3, 0, 0, 0, 0, 1}),
               ContainsSubstring("file: epoch of record 4 is ") &&
                   ContainsSubstring(", expected a whole number of at least 0"));
    CHECK_THAT(message_of_row({1, 3, 0, 0, 0, 0, bad}), ContainsSubstring("file: users of record 4 is "));
  }
}

TEST_CASE("a record with other metrics than those before is refused", "[train][errors]") {
  const EpochRows rows(two_records().front());
  std::vector<double> numbers;
  EpochRecord other = two_records().back();
  other.clicks.clear();
  CHECK(
      seqrec_test::message_of<ArgumentError>([&] { rows.append_to(numbers, other); }) ==
      "a validation has the metrics 'hr@5 auc', expected 'hr@5 auc log_loss' as those before it in the run's history");
  other = two_records().back();
  other.validation.metrics[0].name = "hr@10";
  CHECK_THAT(seqrec_test::message_of<ArgumentError>([&] { rows.append_to(numbers, other); }),
             ContainsSubstring("has the metrics 'hr@10 auc log_loss'"));
  CHECK(numbers.empty());
}

TEST_CASE("names that are missing, or none of metrics, are refused", "[train][errors]") {
  const auto message = [](const std::map<std::string, std::string>& metadata) {
    return seqrec_test::message_of<DataError>([&] { names_in(metadata); });
  };
  CHECK_THAT(message({{"history.metrics", "hr@5"}}),
             ContainsSubstring("metadata field history.click_metrics is missing, expected the names of a history's"));
  CHECK_THAT(message({{"history.metrics", ""}, {"history.click_metrics", std::string(1000, 'x')}}),
             ContainsSubstring("metadata field history.click_metrics holds 'xxx") &&
                 ContainsSubstring("expected the name of a metric"));
}
