// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <filesystem>
#include <variant>

#include "common/command_line.hpp"
#include "seqrec/data/dataset.hpp"
#include "seqrec/data/readers/read_options.hpp"
#include "seqrec/evaluate/seen_items.hpp"
#include "seqrec/objectives/click.hpp"
#include "seqrec/objectives/next_item.hpp"
#include "seqrec/train/options.hpp"

namespace examples {

/// Where candidate files lie unless --candidate-dir says otherwise: in the build tree, so that nothing is left
/// elsewhere.
std::filesystem::path default_candidate_dir();

/// What every example is told of data and results.
struct DataOptions {
  std::filesystem::path data{};     ///< see find_data
  seqrec::index_t candidates = 99;  ///< negatives a list; 0 ranks the whole catalogue
  std::filesystem::path candidate_dir = default_candidate_dir();
  seqrec::SeenItems seen = seqrec::SeenItems::left_out;
  bool appeared = false;
  std::filesystem::path json{};
  bool quick = false;
  bool validation_only = false;
  bool per_user = false;
  seqrec::ReadOptions read{};  ///< of --data

  /// Declares them, and --candidates N|full.
  void declare(CommandLine& line);

  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("data", data, seqrec::file_to_read(),
          "folder or file of one data set: MovieLens of any size, RecBole's files, a CSV with named columns, 'user "
          "item' pairs");
    visit("json", json, seqrec::file_to_write(), "where the result is written");
    visit("quick", quick, seqrec::any(),
          "a short run, on synthetic data if --data is not given: to see that all works");
    visit("validation_only", validation_only, seqrec::any(),
          "the test is not scored: to choose settings by; the test is for the run that is reported");
    visit("per_user", per_user, seqrec::any(), "the result has each user's rank too: to compare runs user by user");
    visit("seen", seen, seqrec::any(),
          "what becomes, in validation and test, of other items that a user has had; ranked where people repeat");
    visit("appeared", appeared, seqrec::any(),
          "candidates are drawn from what somebody had before the target's moment: the data must have times");
    visit("candidate_dir", candidate_dir, seqrec::any(),
          "where the drawn candidates are kept, for every model and run to meet the same");
    visit("", read);
  }
};

/// How the learning rate goes, for those who do not want to set each number of a schedule.
enum class ScheduleName { constant, cosine, plateau };
constexpr std::array<const char*, 3> names_of(ScheduleName) { return {"constant", "cosine", "plateau"}; }

/// What a program is told of training.
struct TrainingOptions {
  seqrec::TrainerOptions trainer{};  ///< a program sets its defaults before it declares the options
  ScheduleName schedule = ScheduleName::constant;
  bool features = false;

  /// Declares all of them.
  void declare(CommandLine& line);
  /// Sets what follows from other options, once the command line was read. @param epochs of a quick run
  void finish(const CommandLine& line, const DataOptions& shared, seqrec::index_t epochs);

  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("schedule", schedule, seqrec::any(),
          "of the learning rate: cosine falls to 0 over the run, plateau halves it when validation did not improve 4 "
          "times");
    visit("features", features, seqrec::any(), "reads what the data set knows of its users and items");
    visit("", trainer);
  }
};

/// Sizes a model for a data set and, with --features, for what that knows of its users and items.
/// @throws seqrec::DataError where --features finds nothing
template <class Options>
void fit_to_data(const TrainingOptions& training, const seqrec::Dataset& data, Options& options) {
  options.items = data.num_items();
  if (!training.features) return;
  options.user_categories = data.user_features.categories();
  options.item_categories = data.item_features.categories();
  if (options.user_categories == 0 && options.item_categories == 0)
    throw seqrec::DataError(data.name + ": nothing is known of users or items, --features expected it");
}

/// What is learned.
struct ObjectiveOptions {
  std::variant<seqrec::NextItem, seqrec::Click> objective{};

  void declare(CommandLine& line);

  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("objective", objective, "predict the next item, or tell it from others, each a question of its own");
  }
};

/// Calls run(objective) with the one that was chosen.
template <class Run>
void with_objective(ObjectiveOptions& options, Run&& run) {
  auto* const next_item = std::get_if<seqrec::NextItem>(&options.objective);
  if (next_item != nullptr && !next_item->samples_negatives()) next_item->negatives = 0;
  std::visit(run, options.objective);
}

}  // namespace examples
