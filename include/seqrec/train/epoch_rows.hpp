// SPDX-License-Identifier: Apache-2.0
#pragma once

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
  for (auto& figure : record.figures) visit(figure.name.c_str(), figure.value);
}

/// Records as rows of numbers, and the names of metrics and figures, which all records of a run share.
class EpochRows {
 public:
  /// Those of a run without metrics.
  EpochRows() = default;
  /// Takes the names from a record.
  explicit EpochRows(const EpochRecord& record) {
    for (const RankingMetric& metric : record.validation.metrics) metrics_.push_back(metric.name);
    for (const auto& metric : record.clicks) clicks_.push_back(metric.first);
    for (const Figure& figure : record.figures) figures_.push_back(figure.name);
  }
  /// Takes the names from a file's metadata, where `write` has put them.
  /// @throws DataError when they are missing or none of metrics
  explicit EpochRows(const SafetensorsFile& file)
      : metrics_(names(file, "history.metrics")), clicks_(names(file, "history.click_metrics")) {
    if (file.metadata().contains(figures_field)) figures_ = names(file, figures_field, 200);
  }

  void write(std::map<std::string, std::string>& metadata) const {
    metadata["history.metrics"] = option_text(metrics_);
    metadata["history.click_metrics"] = option_text(clicks_);
    if (!figures_.empty()) metadata[figures_field] = option_text(figures_);
  }

  /// Of a row.
  std::size_t columns() const {
    std::size_t count = 0;
    const EpochRecord record = empty_record();
    visit_numbers(record, [&](const char*, auto) { ++count; });
    return count;
  }

  /// Adds a record's row to others.
  /// @throws ArgumentError when its metrics have other names
  void append_to(std::vector<double>& rows, const EpochRecord& record) const {
    if (const EpochRows other(record);
        other.metrics_ != metrics_ || other.clicks_ != clicks_ || other.figures_ != figures_)
      throw ArgumentError(concatenate("a validation has the metrics ", quote_bytes(other.text(), 500), ", expected ",
                                      quote_bytes(text(), 500), " as those before it in the run's history"));
    visit_numbers(record, [&](const char*, auto number) { rows.push_back(static_cast<double>(number)); });
  }

  /// The record of a row.
  /// @param source, which  begin the message: of a file, and the row's number
  /// @throws DataError when a number is none that a record can hold
  EpochRecord record(std::span<const double> row, const std::string& source, index_t which) const {
    EpochRecord record = empty_record();
    std::size_t next = 0;
    visit_numbers(record, [&](const char* name, auto& number) {
      using Number = std::remove_reference_t<decltype(number)>;
      const double given = row[next++];
      constexpr double most = 9007199254740992;  // 2^53: doubles below hold every whole number
      if constexpr (std::is_integral_v<Number>)
        if (!(given >= 0 && given < most && given == static_cast<double>(static_cast<Number>(given))))
          throw DataError(concatenate(source, ": ", name, " of record ", which, " is ", given,
                                      ", expected a whole number of at least 0"));
      number = static_cast<Number>(given);
    });
    return record;
  }

 private:
  static constexpr const char* figures_field = "history.figures";  ///< only where there are some

  std::string text() const {
    return option_text(metrics_) + (clicks_.empty() ? "" : " ") + option_text(clicks_) + (figures_.empty() ? "" : " ") +
           option_text(figures_);
  }

  /// A record with the metrics that all have, and nothing in it.
  EpochRecord empty_record() const {
    EpochRecord record;
    for (const std::string& name : metrics_) record.validation.metrics.push_back({name, 0, 0});
    for (const std::string& name : clicks_) record.clicks.emplace_back(name, 0.0);
    for (const std::string& name : figures_) record.figures.push_back({name, 0.0});
    return record;
  }

  /// Names are copied into every record, so a file must not make them as long as it likes.
  static std::vector<std::string> names(const SafetensorsFile& file, const std::string& field,
                                        std::size_t longest = 40) {
    std::vector<std::string> found;
    parse_option(field, metadata_field(file, field, "the names of a history's metrics"), found);
    for (const std::string& name : found)
      if (name.size() > longest)
        throw DataError(concatenate(file.path().string(), ": metadata field ", field, " holds ", quote_bytes(name),
                                    ", expected the name of a metric"));
    return found;
  }

  std::vector<std::string> metrics_, clicks_, figures_;  ///< names
};

}  // namespace seqrec
