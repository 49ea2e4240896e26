// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "seqrec/autograd/parameter.hpp"
#include "seqrec/core/utf8.hpp"
#include "seqrec/io/metadata.hpp"
#include "seqrec/io/real_tensor.hpp"
#include "seqrec/io/safetensors.hpp"
#include "seqrec/optim/plateau.hpp"
#include "seqrec/train/run_identity.hpp"
#include "seqrec/train/training_history.hpp"
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

  /// Names and ranges; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("steps", steps, count(), "taken");
    visit("targets", targets, count(), "trained since the start");
    visit("seconds", seconds, not_negative(), "since the start");
    visit("best_score", best_score, number(), "of the selection metric");
    visit("best_steps", best_steps, count(), "after which it was reached");
    visit("waited", waited, count(), "validations since then");
    visit("plateau_rate", plateau.rate, positive(), "the learning rate");
    visit("plateau_best", plateau.best, number(), "score");
    visit("plateau_not_better", plateau.not_better, count(), "scores since then");
    visit("loss_sum", loss_sum, finite(), "over the targets since the last validation");
    visit("targets_in_sum", targets_in_sum, count(), "how many these are");
    visit("seconds_in_steps", seconds_in_steps, not_negative(), "and how long they took");
    visit("last_learning_rate", last_learning_rate, not_negative(), "of the last step");
  }
};

/// All that it takes to go on with a training run, on the host, but for its history.
template <class Master>
struct TrainingState {
  TrainingPosition position;
  /// As many elements each as the model's store has, by name: "model", "best", "moment.0", ..., "average".
  std::map<std::string, std::vector<Master>> tensors;
  std::vector<Master> carried{};  ///< states that sessions in lanes carry on, where there are any
};

/// What was saved of a run.
template <class Master>
struct SavedTraining {
  TrainingState<Master> state;
  std::vector<EpochRecord> records;
  TrainingHistory history;  ///< to which further records go
};

namespace detail {

inline constexpr const char* what_state_is = "the state of a training run written by seqrec";
inline constexpr const char* state_version = "3";  // 2 held the history itself, 1 as columns

inline void check_state_version(const SafetensorsFile& file) {
  const std::string& format = metadata_field(file, "seqrec.training_state", what_state_is);
  if (format != state_version)
    throw DataError(concatenate(file.path().string(), ": metadata field seqrec.training_state is ", quote_bytes(format),
                                ", expected version '", state_version,
                                "': go on with the seqrec that wrote it, or train anew"));
}

/// Weights are finite, or the run would have ended. The mean square of a gradient may have left the range of Scalar,
/// which does not end a run: a moment may be infinite, but not NaN.
template <class Master>
void check_numbers(const std::filesystem::path& path, const std::string& name, const ParameterEntry& entry,
                   const Master* values) {
  const bool is_moment = name.starts_with("moment.");
  using Limits = std::numeric_limits<Master>;
  const std::string bad = first_bad_number(std::span(values, static_cast<std::size_t>(entry.size())), entry.shape,
                                           is_moment ? Limits::infinity() : Limits::max());
  if (!bad.empty())
    throw DataError(concatenate(path.string(), ": tensor '", name, ".", entry.name, "': element ", bad, ", expected a ",
                                is_moment ? "" : "finite ", "number"));
}

inline TrainingPosition read_position(const SafetensorsFile& file) {
  TrainingPosition position;
  read_options(file, "position.", what_state_is, position);
  for (const Option& option : list_options(position))
    if (!option.in_range())
      throw DataError(concatenate(file.path().string(), ": metadata field position.", option.name, " is ",
                                  option.text(), ", expected ", option.range.words));
  return position;
}

}  // namespace detail

/// Writes the state of a run at history.state(), whole or not at all (see AtomicFile), as safetensors: the moments and
/// weights of each parameter under its name, numbers in the metadata. What is new among the validations goes to the
/// history's file before.
/// @param records  all validations of the run: those that the history has, and new ones
/// @throws DataError when a file cannot be written; what was saved before is still there
template <class Master>
void save_training_state(const RunIdentity& identity, const std::vector<ParameterEntry>& entries,
                         const TrainingState<Master>& state, std::span<const EpochRecord> records,
                         TrainingHistory& history) {
  check_argument(std::ssize(records) >= history.rows(), "save_training_state: number of records", std::ssize(records),
                 "those that the history has, and new ones");
  history.append(records.subspan(static_cast<std::size_t>(history.rows())));
  std::map<std::string, std::string> metadata{{"seqrec.training_state", detail::state_version}};
  history.write(metadata);
  identity.write(metadata);
  write_options(metadata, "position.", state.position);
  std::vector<TensorSource> tensors;
  for (const auto& [name, values] : state.tensors)
    for (const auto& entry : entries)
      tensors.push_back({name + "." + entry.name, data_type_of<Master>(), entry.shape, values.data() + entry.offset});
  if (!state.carried.empty())
    tensors.push_back({"carried", data_type_of<Master>(), {std::ssize(state.carried)}, state.carried.data()});
  write_safetensors(history.state(), metadata, tensors);
  history.remove_other();
}

/// Reads what save_training_state wrote. Everything is checked before memory is taken.
/// @param entries, elements  of the model's store   @param names  of the tensors that this run has, as in TrainingState
/// @param num_carried        states that its sessions carry on
/// @throws DataError when a file is damaged, is something else, or is of a run on other data, and for a weight that is
///         not finite
/// @throws ArgumentError when it is of a run with other options, saying which
template <class Master>
SavedTraining<Master> load_training_state(const std::filesystem::path& path, const RunIdentity& identity,
                                          const std::vector<ParameterEntry>& entries, index_t elements,
                                          const std::vector<std::string>& names, index_t num_carried = 0) {
  SafetensorsFile file(path);
  detail::check_state_version(file);
  identity.check(file);

  TrainingState<Master> state;
  state.position = detail::read_position(file);
  for (const std::string& name : names)
    for (const auto& entry : entries) file.require(name + "." + entry.name, data_type_of<Master>(), entry.shape);
  const std::size_t expected = names.size() * entries.size() + (num_carried != 0 ? 1 : 0);
  if (num_carried != 0) file.require("carried", data_type_of<Master>(), std::array{num_carried});
  if (file.tensors().size() != expected)
    throw DataError(concatenate(path.string(), ": has ", file.tensors().size(), " tensors, expected the ", expected,
                                " of this run's state"));

  std::vector<EpochRecord> records;
  TrainingHistory history(file, state.position.steps, records);
  for (const std::string& name : names) {
    std::vector<Master>& values = state.tensors[name];
    values.resize(static_cast<std::size_t>(elements));
    for (const auto& entry : entries) {
      Master* const target = values.data() + entry.offset;
      file.read(file.require(name + "." + entry.name, data_type_of<Master>()), target,
                static_cast<std::size_t>(entry.size()) * sizeof(Master));
      detail::check_numbers(path, name, entry, target);
    }
  }
  if (num_carried != 0) {
    state.carried.resize(static_cast<std::size_t>(num_carried));
    file.read(file.require("carried", data_type_of<Master>()), state.carried.data(),
              state.carried.size() * sizeof(Master));
    const std::string bad = first_bad_number(std::span<const Master>(state.carried), std::array{num_carried},
                                             std::numeric_limits<Master>::max());
    if (!bad.empty())
      throw DataError(concatenate(path.string(), ": tensor 'carried': element ", bad, ", expected a finite number"));
  }
  return {std::move(state), std::move(records), std::move(history)};
}

}  // namespace seqrec
