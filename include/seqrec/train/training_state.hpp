// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "seqrec/autograd/parameter.hpp"
#include "seqrec/io/metadata.hpp"
#include "seqrec/io/safetensors.hpp"
#include "seqrec/optim/plateau.hpp"
#include "seqrec/train/run_identity.hpp"
#include "seqrec/train/training_result.hpp"

namespace seqrec {

/// Where a training run stands, apart from its tensors. Epoch, order, negatives and dropout masks follow from the
/// steps.
struct TrainingPosition {
  index_t steps = 0;
  index_t targets = 0;                                           ///< trained since the start
  double seconds = 0;                                            ///< since the start
  double best_score = -std::numeric_limits<double>::infinity();  ///< of the selection metric
  index_t best_steps = 0;                                        ///< after which it was reached
  index_t waited = 0;                                            ///< validations since then
  PlateauRate plateau{0};
  double loss_sum = 0;            ///< over the targets since the last validation
  index_t targets_in_sum = 0;     ///< how many these are
  double seconds_in_steps = 0;    ///< and how long they took
  double last_learning_rate = 0;  ///< of the last step

  template <class Visitor>
  void for_each_option(Visitor&& visit) {
    visit("steps", steps);
    visit("targets", targets);
    visit("seconds", seconds);
    visit("best_score", best_score);
    visit("best_steps", best_steps);
    visit("waited", waited);
    visit("plateau_rate", plateau.rate);
    visit("plateau_best", plateau.best);
    visit("plateau_not_better", plateau.not_better);
    visit("loss_sum", loss_sum);
    visit("targets_in_sum", targets_in_sum);
    visit("seconds_in_steps", seconds_in_steps);
    visit("last_learning_rate", last_learning_rate);
  }
};

/// All that it takes to go on with a training run, on the host.
template <class Master>
struct TrainingState {
  TrainingPosition position;
  std::vector<EpochRecord> history;
  /// As many elements each as the model's store has, by name: "model", "best", "moment.0", ..., "average".
  std::map<std::string, std::vector<Master>> tensors;
};

namespace detail {

inline constexpr const char* what_state_is = "the state of a training run written by seqrec";

/// Names of metrics in one text, and back.
inline std::string join_names(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
  return text;
}
inline std::vector<std::string> split_names(const std::string& text) {
  std::vector<std::string> names;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    names.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return names;
}

/// A history as columns, and back.
struct HistoryColumns {
  std::vector<std::int64_t> steps, epoch;
  std::vector<double> loss, seconds, learning_rate, targets_per_second, values, errors, clicks;
  std::vector<std::string> metrics, click_metrics;  ///< names
  index_t users = 0;

  HistoryColumns() = default;
  explicit HistoryColumns(const std::vector<EpochRecord>& history) {
    for (const EpochRecord& record : history) {
      steps.push_back(record.steps);
      epoch.push_back(record.epoch);
      loss.push_back(record.loss);
      seconds.push_back(record.seconds);
      learning_rate.push_back(record.learning_rate);
      targets_per_second.push_back(record.targets_per_second);
      for (const RankingMetric& metric : record.validation.metrics) {
        values.push_back(metric.value);
        errors.push_back(metric.standard_error);
      }
      for (const auto& metric : record.clicks) clicks.push_back(metric.second);
    }
    if (history.empty()) return;
    users = history.back().validation.users;
    for (const RankingMetric& metric : history.back().validation.metrics) metrics.push_back(metric.name);
    for (const auto& metric : history.back().clicks) click_metrics.push_back(metric.first);
  }

  /// Shows each column with the numbers it has of one validation.
  template <class Visitor>
  void for_each_column(Visitor&& visit) {
    visit("history.steps", steps, index_t{1});
    visit("history.epoch", epoch, index_t{1});
    visit("history.loss", loss, index_t{1});
    visit("history.seconds", seconds, index_t{1});
    visit("history.learning_rate", learning_rate, index_t{1});
    visit("history.targets_per_second", targets_per_second, index_t{1});
    visit("history.values", values, std::ssize(metrics));
    visit("history.standard_errors", errors, std::ssize(metrics));
    visit("history.clicks", clicks, std::ssize(click_metrics));
  }

  std::vector<EpochRecord> records() const {
    std::vector<EpochRecord> history;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      EpochRecord& record = history.emplace_back();
      record = {epoch[i], steps[i], loss[i], seconds[i], learning_rate[i], targets_per_second[i], {users, {}}};
      for (std::size_t m = 0, at = i * metrics.size(); m < metrics.size(); ++m, ++at)
        record.validation.metrics.push_back({metrics[m], values[at], errors[at]});
      for (std::size_t m = 0, at = i * click_metrics.size(); m < click_metrics.size(); ++m, ++at)
        record.clicks.emplace_back(click_metrics[m], clicks[at]);
    }
    return history;
  }
};

}  // namespace detail

/// Writes the state of a run, whole or not at all (see AtomicFile), as safetensors: the moments and weights of each
/// parameter under its name, numbers in the metadata.
/// @throws DataError when the file cannot be written
template <class Master>
void save_training_state(const std::filesystem::path& path, const RunIdentity& identity,
                         const std::vector<ParameterEntry>& entries, const TrainingState<Master>& state) {
  detail::HistoryColumns columns(state.history);
  std::map<std::string, std::string> metadata{{"seqrec.training_state", "1"},
                                              {"history.metrics", detail::join_names(columns.metrics)},
                                              {"history.click_metrics", detail::join_names(columns.click_metrics)},
                                              {"history.users", option_text(columns.users)}};
  identity.write(metadata);
  TrainingPosition position = state.position;
  position.for_each_option(
      [&](const char* name, const auto& value) { metadata[std::string("position.") + name] = option_text(value); });
  std::vector<TensorSource> tensors;
  columns.for_each_column([&](const char* name, const auto& column, index_t width) {
    using Element = typename std::decay_t<decltype(column)>::value_type;
    tensors.push_back({name, data_type_of<Element>(), {std::ssize(state.history), width}, column.data()});
  });
  for (const auto& [name, values] : state.tensors)
    for (const auto& entry : entries)
      tensors.push_back({name + "." + entry.name, data_type_of<Master>(), entry.shape, values.data() + entry.offset});
  write_safetensors(path, metadata, tensors);
}

/// Reads what save_training_state wrote. Everything is checked before memory is taken.
/// @param entries, elements  of the model's store   @param names  of the tensors that this run has, as in TrainingState
/// @throws DataError when the file is damaged, is something else, or is of a run on other data
/// @throws ArgumentError when it is of a run with other options, saying which
template <class Master>
TrainingState<Master> load_training_state(const std::filesystem::path& path, const RunIdentity& identity,
                                          const std::vector<ParameterEntry>& entries, index_t elements,
                                          const std::vector<std::string>& names) {
  SafetensorsFile file(path);
  const auto refuse = [&](const auto&... problem) { throw DataError(concatenate(path.string(), ": ", problem...)); };
  if (const std::string& format = metadata_field(file, "seqrec.training_state", detail::what_state_is); format != "1")
    refuse("metadata field seqrec.training_state is ", quote_untrusted(format), ", expected version '1'");
  identity.check(file);

  TrainingState<Master> state;
  TrainingPosition& position = state.position;
  position.for_each_option([&](const char* name, auto& value) {
    const std::string field = std::string("position.") + name;
    parse_metadata(file, field, detail::what_state_is, value);
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, index_t>)
      if (value < 0) refuse("metadata field ", field, " is ", value, ", expected at least 0");
  });
  if (!(position.plateau.rate > 0 && std::isfinite(position.plateau.rate)))
    refuse("metadata field position.plateau_rate is ", position.plateau.rate, ", expected a positive number");

  detail::HistoryColumns columns;
  columns.metrics = detail::split_names(metadata_field(file, "history.metrics", detail::what_state_is));
  columns.click_metrics = detail::split_names(metadata_field(file, "history.click_metrics", detail::what_state_is));
  parse_metadata(file, "history.users", detail::what_state_is, columns.users);
  const StoredTensor& steps = file.require("history.steps", DataType::i64);
  const index_t records = steps.shape.empty() ? 0 : steps.shape.front();
  std::size_t expected = names.size() * entries.size();
  columns.for_each_column([&](const char* name, const auto& column, index_t width) {
    using Element = typename std::decay_t<decltype(column)>::value_type;
    file.require(name, data_type_of<Element>(), std::vector<index_t>{records, width});
    ++expected;
  });
  for (const std::string& name : names)
    for (const auto& entry : entries) file.require(name + "." + entry.name, data_type_of<Master>(), entry.shape);
  if (file.tensors().size() != expected)
    refuse("has ", file.tensors().size(), " tensors, expected the ", expected, " of this run's state");

  columns.for_each_column([&](const char* name, auto& column, index_t) {
    column = file.read<typename std::decay_t<decltype(column)>::value_type>(name);
  });
  for (std::size_t i = 0; i < columns.steps.size(); ++i)
    if (columns.steps[i] <= (i == 0 ? 0 : columns.steps[i - 1]) || columns.steps[i] > position.steps)
      refuse("tensor 'history.steps': element ", i, " is ", columns.steps[i], ", expected ascending steps up to ",
             position.steps);
  state.history = columns.records();
  for (const std::string& name : names) {
    std::vector<Master>& values = state.tensors[name];
    values.resize(static_cast<std::size_t>(elements));
    for (const auto& entry : entries)
      file.read(file.require(name + "." + entry.name, data_type_of<Master>()), values.data() + entry.offset,
                static_cast<std::size_t>(entry.size()) * sizeof(Master));
  }
  return state;
}

}  // namespace seqrec
