// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/utf8.hpp"
#include "seqrec/io/metadata.hpp"
#include "seqrec/io/safetensors.hpp"
#include "seqrec/train/training_result.hpp"

namespace seqrec {

/// Calls visit(name, number) for every number of a record, in the one order in which they are written and read.
template <class Record, class Visitor>
void visit_numbers(Record& record, Visitor&& visit) {
  visit("epoch", record.epoch);
  visit("steps", record.steps);
  visit("loss", record.loss);
  visit("seconds", record.seconds);
  visit("learning_rate", record.learning_rate);
  visit("targets_per_second", record.targets_per_second);
  visit("users", record.validation.users);
  for (auto& metric : record.validation.metrics) {
    visit(metric.name.c_str(), metric.value);
    visit("its standard error", metric.standard_error);
  }
  for (auto& [name, value] : record.clicks) visit(name.c_str(), value);
}

/// A history in a file: the tensor "history" with a row of numbers for each record, and the names of the metrics, which
/// all records of a run share, in the metadata.
class EpochRows {
 public:
  EpochRows() = default;
  explicit EpochRows(const std::vector<EpochRecord>& history) : rows_(std::ssize(history)) {
    if (!history.empty()) {
      for (const RankingMetric& metric : history.front().validation.metrics) metrics_.push_back(metric.name);
      for (const auto& metric : history.front().clicks) clicks_.push_back(metric.first);
    }
    for (const EpochRecord& record : history)
      visit_numbers(record, [&](const char*, auto number) { numbers_.push_back(static_cast<double>(number)); });
  }

  void write(std::map<std::string, std::string>& metadata) const {
    metadata["history.metrics"] = option_text(metrics_);
    metadata["history.click_metrics"] = option_text(clicks_);
  }
  /// Refers to this.
  TensorSource tensor() const { return {"history", DataType::f64, {rows_, columns()}, numbers_.data()}; }

  /// Takes the names from a file's metadata.
  /// @throws DataError unless the file has the history that they promise
  void require(const SafetensorsFile& file) {
    metrics_ = names(file, "history.metrics");
    clicks_ = names(file, "history.click_metrics");
    const StoredTensor& stored = file.require("history", DataType::f64);
    rows_ = stored.shape.empty() ? 0 : stored.shape.front();
    file.require("history", DataType::f64, std::vector<index_t>{rows_, columns()});
  }

  /// @param steps  that were taken in all
  /// @throws DataError when a number is none that a record can hold, or steps do not ascend
  std::vector<EpochRecord> read(SafetensorsFile& file, index_t steps) const {
    const std::vector<double> numbers = file.read<double>("history");
    std::vector<EpochRecord> history;
    for (index_t row = 0; row < rows_; ++row) {
      const index_t before = history.empty() ? 0 : history.back().steps;
      history.push_back(record(file, row, std::span(numbers).subspan(static_cast<std::size_t>(row * columns()))));
      if (const index_t here = history.back().steps; here <= before || here > steps)
        fail(file, row, "steps", concatenate(here), concatenate("ascending steps up to ", steps));
    }
    return history;
  }

 private:
  static constexpr const char* what_they_are = "the names of a history's metrics";

  /// A record with the metrics that all have, and nothing in it.
  EpochRecord empty_record() const {
    EpochRecord record;
    for (const std::string& name : metrics_) record.validation.metrics.push_back({name, 0, 0});
    for (const std::string& name : clicks_) record.clicks.emplace_back(name, 0.0);
    return record;
  }
  index_t columns() const {
    index_t count = 0;
    const EpochRecord record = empty_record();
    visit_numbers(record, [&](const char*, auto) { ++count; });
    return count;
  }

  EpochRecord record(const SafetensorsFile& file, index_t row, std::span<const double> numbers) const {
    EpochRecord record = empty_record();
    std::size_t next = 0;
    visit_numbers(record, [&](const char* name, auto& number) {
      using Number = std::remove_reference_t<decltype(number)>;
      const double given = numbers[next++];
      constexpr double most = 9007199254740992;  // 2^53: doubles below hold every whole number
      if constexpr (std::is_integral_v<Number>)
        if (!(given >= 0 && given < most && given == static_cast<double>(static_cast<Number>(given))))
          fail(file, row, name, concatenate(given), "a whole number of at least 0");
      number = static_cast<Number>(given);
    });
    return record;
  }

  /// Names are copied into every record, so a file must not make them as long as it likes.
  static std::vector<std::string> names(const SafetensorsFile& file, const std::string& field) {
    std::vector<std::string> found;
    parse_option(field, metadata_field(file, field, what_they_are), found);
    for (const std::string& name : found)
      if (name.size() > 40)
        throw DataError(concatenate(file.path().string(), ": metadata field ", field, " holds ", quote_bytes(name),
                                    ", expected the name of a metric"));
    return found;
  }

  [[noreturn]] static void fail(const SafetensorsFile& file, index_t row, const char* what, const std::string& value,
                                const std::string& expected) {
    throw DataError(concatenate(file.path().string(), ": tensor 'history': ", what, " of record ", row, " is ", value,
                                ", expected ", expected));
  }

  std::vector<std::string> metrics_, clicks_;  ///< names
  index_t rows_ = 0;
  std::vector<double> numbers_;  ///< (rows, columns), for writing
};

}  // namespace seqrec
