// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "seqrec/autograd/parameter.hpp"
#include "seqrec/core/utf8.hpp"
#include "seqrec/io/metadata.hpp"
#include "seqrec/io/safetensors.hpp"
#include "seqrec/optim/plateau.hpp"
#include "seqrec/train/epoch_rows.hpp"
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

  /// Names and ranges; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("steps", steps, at_least(0), "taken");
    visit("targets", targets, at_least(0), "trained since the start");
    visit("seconds", seconds, any(), "since the start");
    visit("best_score", best_score, any(), "of the selection metric");
    visit("best_steps", best_steps, at_least(0), "after which it was reached");
    visit("waited", waited, at_least(0), "validations since then");
    visit("plateau_rate", plateau.rate, positive(), "the learning rate");
    visit("plateau_best", plateau.best, any(), "score");
    visit("plateau_not_better", plateau.not_better, at_least(0), "scores since then");
    visit("loss_sum", loss_sum, any(), "over the targets since the last validation");
    visit("targets_in_sum", targets_in_sum, at_least(0), "how many these are");
    visit("seconds_in_steps", seconds_in_steps, any(), "and how long they took");
    visit("last_learning_rate", last_learning_rate, any(), "of the last step");
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
inline constexpr const char* state_version = "2";  // 1 held the history as columns

inline void check_state_version(const SafetensorsFile& file) {
  const std::string& format = metadata_field(file, "seqrec.training_state", what_state_is);
  if (format != state_version)
    throw DataError(concatenate(file.path().string(), ": metadata field seqrec.training_state is ", quote_bytes(format),
                                ", expected version '", state_version, "'"));
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

/// Writes the state of a run, whole or not at all (see AtomicFile), as safetensors: the moments and weights of each
/// parameter under its name, numbers in the metadata.
/// @throws DataError when the file cannot be written
template <class Master>
void save_training_state(const std::filesystem::path& path, const RunIdentity& identity,
                         const std::vector<ParameterEntry>& entries, const TrainingState<Master>& state) {
  const EpochRows rows(state.history);
  std::map<std::string, std::string> metadata{{"seqrec.training_state", detail::state_version}};
  rows.write(metadata);
  identity.write(metadata);
  write_options(metadata, "position.", state.position);
  std::vector<TensorSource> tensors = {rows.tensor()};
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
  detail::check_state_version(file);
  identity.check(file);

  TrainingState<Master> state;
  state.position = detail::read_position(file);
  EpochRows rows;
  rows.require(file);
  for (const std::string& name : names)
    for (const auto& entry : entries) file.require(name + "." + entry.name, data_type_of<Master>(), entry.shape);
  const std::size_t expected = 1 + names.size() * entries.size();
  if (file.tensors().size() != expected)
    throw DataError(concatenate(path.string(), ": has ", file.tensors().size(), " tensors, expected the ", expected,
                                " of this run's state"));

  state.history = rows.read(file, state.position.steps);
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
