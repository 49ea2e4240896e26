// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "seqrec/core/atomic_file.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/option_text.hpp"
#include "seqrec/io/json.hpp"
#include "seqrec/train/training_result.hpp"

namespace seqrec {

/// A file with a line for each validation, for plots: step, epoch, seconds, loss, learning_rate, targets_per_second,
/// then every metric by name, then figures of the model's layers. Its ending says how: .csv has a line of names first,
/// .jsonl an object on each line. Lines are complete and in the file as soon as they are added.
class TrainingLog {
 public:
  /// Begins the file anew, with the lines of the validations so far: those of a run that is resumed. Whatever an
  /// interrupted run wrote after its last saved state is gone, so no line comes twice. The file that was there before
  /// stays whole until the new one is (see AtomicFile).
  /// @throws ArgumentError unless the name ends in .csv or .jsonl   @throws DataError when it cannot be written
  TrainingLog(std::filesystem::path path, std::span<const EpochRecord> so_far) : path_(std::move(path)) {
    check(path_);
    std::ostringstream text;
    for (const EpochRecord& record : so_far) write(text, record);
    write_file_atomically(path_, text.str());
    file_.open(path_, std::ios::binary | std::ios::app);
    flush();
  }

  void add(const EpochRecord& record) {
    write(file_, record);
    flush();
  }

  /// @throws ArgumentError unless the name ends in .csv or .jsonl
  static void check(const std::filesystem::path& path) {
    const std::filesystem::path ending = path.extension();
    check_argument(ending == ".csv" || ending == ".jsonl", "log file", path, "a name that ends in .csv or .jsonl");
  }

 private:
  using Columns = std::vector<std::pair<std::string, std::string>>;  // names and values

  static Columns columns_of(const EpochRecord& record) {
    Columns columns = {{"step", option_text(record.steps)},
                       {"epoch", option_text(record.epoch)},
                       {"seconds", option_text(record.seconds)},
                       {"loss", option_text(record.loss)},
                       {"learning_rate", option_text(record.learning_rate)},
                       {"targets_per_second", option_text(record.targets_per_second)}};
    for (const RankingMetric& metric : record.validation.metrics)
      columns.emplace_back(metric.name, option_text(metric.value));
    for (const auto& [name, value] : record.clicks) columns.emplace_back(name, option_text(value));
    for (const Figure& figure : record.figures) columns.emplace_back(figure.name, option_text(figure.value));
    return columns;
  }

  /// JSON has neither infinities nor NaN.
  static std::string json_number(const std::string& text) {
    return text.find_first_of("in") == text.npos ? text : "null";  // inf, nan
  }

  void write(std::ostream& out, const EpochRecord& record) {
    const Columns columns = columns_of(record);
    if (path_.extension() == ".jsonl") {
      for (std::size_t i = 0; i < columns.size(); ++i)
        out << (i == 0 ? "{" : ", ") << quote_json(columns[i].first) << ": " << json_number(columns[i].second);
      out << "}\n";
      return;
    }
    const auto line = [&](auto&& field) {
      for (std::size_t i = 0; i < columns.size(); ++i) out << (i == 0 ? "" : ",") << field(columns[i]);
      out << '\n';
    };
    if (!std::exchange(has_names_, true)) line([](const auto& column) { return column.first; });
    line([](const auto& column) { return column.second; });
  }

  void flush() {
    if (!file_.flush()) throw DataError(concatenate(path_.string(), ": the training log cannot be written"));
  }

  std::filesystem::path path_;
  std::ofstream file_;
  bool has_names_ = false;  ///< a .csv file's first line
};

}  // namespace seqrec
