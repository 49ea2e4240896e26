// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "common/baseline_run.hpp"
#include "common/experiment.hpp"
#include "common/model_run.hpp"
#include "seqrec/core/option_text.hpp"

namespace examples {

/// Options by name, in order.
using NamedValues = std::vector<std::pair<std::string, std::variant<std::int64_t, std::uint64_t, double, std::string>>>;

/// Adds an option: a number as it is, anything else as text.
template <class Value>
void add_value(NamedValues& values, const char* name, const Value& value) {
  if constexpr (std::is_floating_point_v<Value>)
    values.emplace_back(name, static_cast<double>(value));
  else if constexpr (std::is_convertible_v<const Value&, std::string>)
    values.emplace_back(name, std::string(value));
  else if constexpr (std::is_same_v<Value, bool> || !std::is_integral_v<Value>)
    values.emplace_back(name, seqrec::option_text(value));
  else if constexpr (std::is_unsigned_v<Value>)
    values.emplace_back(name, std::uint64_t{value});
  else
    values.emplace_back(name, std::int64_t{value});
}

/// Whatever shows its options by name (see for_each_option in the library's option structs). A trainer's threads and
/// paths are not among them, because results do not depend on them.
template <class Options>
NamedValues named_values(Options options) {
  NamedValues values;
  options.for_each_option([&values](const char* name, const auto& value) { add_value(values, name, value); });
  return values;
}

/// "width 50  blocks 2  ..." on a line.
void print_options(std::ostream& out, const std::string& heading, const NamedValues& values);

/// What a result file says of one trained model, for write_report.
struct RunDescription {
  std::string model;  ///< its name
  NamedValues model_options;
  std::string objective;
  const Experiment& experiment;
  const seqrec::TrainerOptions& trainer;
  const ModelRun& run;
};

/// Writes one model's JSON object where --json says: what it was trained on and how, by which program, and what came
/// out. Whole or not at all; nothing where the path is empty.
/// @throws seqrec::DataError naming the file and the system's reason
void write_report(const std::filesystem::path& path, const RunDescription& run);

/// The same for several models: {"runs": [...]}.
void write_report(const std::filesystem::path& path, const std::vector<RunDescription>& runs);

/// What a result file says of a baseline, which nothing trains.
struct BaselineDescription {
  std::string model;  ///< its name
  NamedValues model_options;
  const Experiment& experiment;
  BaselineRun run;
};

/// Writes {"runs": [...]} for baselines, with the members of a trained model's object that make sense.
void write_baseline_report(const std::filesystem::path& path, const std::vector<BaselineDescription>& baselines);

}  // namespace examples
