// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/judge.hpp"
#include "seqrec/core/options.hpp"
#include "seqrec/train/options.hpp"
#include "seqrec/train/training_result.hpp"

namespace examples {

/// How a model was trained.
struct TrainingDescription {
  std::string objective;
  seqrec::TrainerOptions options;
  seqrec::TrainingResult result;
};

/// Where a model came from that was not trained here, and what it does not know of the data.
struct CheckpointDescription {
  std::filesystem::path file;
  std::vector<std::string> unknown_items{};       ///< by original id: of the data and not of the model
  seqrec::index_t dropped_events = 0;             ///< those of these items
  std::vector<std::string> unknown_categories{};  ///< of features
};

/// What a request took on one thread.
struct RequestTimes {
  seqrec::index_t candidates;  ///< that it asked about
  double p50, p99;             ///< milliseconds
};

/// What tables and result files say of a model or a baseline.
struct RunDescription {
  std::string title;  ///< as people write it
  std::string model;  ///< as files have it
  std::vector<seqrec::OptionValue> model_options;
  const seqrec::Split& split;
  const Candidates& candidates;
  Figures figures;
  double seconds;
  seqrec::index_t parameters = 0;                     ///< how many numbers were learned
  std::optional<TrainingDescription> training{};      ///< of what is trained
  std::optional<RequestTimes> requests{};             ///< where somebody took the time
  std::optional<CheckpointDescription> checkpoint{};  ///< of what was trained elsewhere
};

/// Judges a baseline, which nothing trains.
template <class Scorer>
RunDescription describe_baseline(const Scorer& scorer, const seqrec::Split& split, const Candidates& candidates) {
  std::vector<seqrec::OptionValue> values;
  if constexpr (requires { scorer.options(); }) values = seqrec::option_values(scorer.options());
  const Figures figures = judge(scorer, split, candidates);
  return {Scorer::name, Scorer::name, values, split, candidates, figures, 0};
}

/// Judges a model after its training.
/// @param title as people write its name   @param result of the training, which holds what it reached on validation
template <class Model, class Objective>
RunDescription describe_model(const char* title, const Model& model, const seqrec::Split& split,
                              const Candidates& candidates, const Objective& objective,
                              const seqrec::TrainerOptions& options, const seqrec::TrainingResult& result) {
  return {.title = title,
          .model = Model::name,
          .model_options = seqrec::option_values(model.options()),
          .split = split,
          .candidates = candidates,
          .figures = judge(model, split, candidates, options.team, &result.validation),
          .seconds = result.seconds,
          .parameters = model.parameters().size(),
          .training = TrainingDescription{objective.name(), options, result}};
}

/// Writes a run as a JSON object: what was trained on what and how, by which program, and what came out, with
/// --per-user also of each user; nothing of a test that was not scored. Whole or not at all; nothing where the path is
/// empty.
/// @throws seqrec::DataError naming the file and the system's reason
void write_report(const std::filesystem::path& path, const RunDescription& run);

/// The same for several: {"runs": [...]}.
void write_report(const std::filesystem::path& path, const std::vector<RunDescription>& runs);

}  // namespace examples
