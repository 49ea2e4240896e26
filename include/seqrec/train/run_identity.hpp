// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/hash.hpp"
#include "seqrec/core/options.hpp"
#include "seqrec/core/utf8.hpp"
#include "seqrec/data/splits/split.hpp"
#include "seqrec/evaluate/candidate_lists.hpp"
#include "seqrec/io/metadata.hpp"
#include "seqrec/objectives/objective.hpp"
#include "seqrec/train/options.hpp"

namespace seqrec {

/// Everything on which the bits of a training run depend, as text: what must agree before a saved run is resumed. How
/// long it is to be (epochs, steps), threads, files and logs are left out: they may change.
class RunIdentity {
 public:
  /// @param objective  is known by its name, its plan, and its options where it has them
  template <class Model, Objective AnObjective>
  RunIdentity(const Model& model, const Split& split, const AnObjective& objective, const TrainerOptions& options)
      : RunIdentity({Model::name, option_values(model.options())}, split, {objective.name(), option_values(objective)},
                    objective.plan(), options) {}

  /// Puts itself into a file's metadata.
  void write(std::map<std::string, std::string>& metadata) const {
    for (const Field& field : fields_) metadata[key(field)] = field.value;
  }

  /// @throws DataError when the file is of a run on other data
  /// @throws ArgumentError when it is of a run with another model, objective or options; each says which, and how they
  ///         are there and here
  void check(const SafetensorsFile& file) const;

 private:
  struct Field {
    std::string name, value;
    bool is_data;
  };
  /// A model or an objective.
  struct Part {
    std::string name;
    std::vector<OptionValue> options;
  };

  RunIdentity(const Part& model, const Split& split, const Part& objective, const BatchPlan& plan,
              const TrainerOptions& options);

  static std::string hash_of(const FeatureTable& table) {
    if (!table) return "none";
    Hash hash;
    for (const std::string& name : table.names) hash.add(std::ssize(name)).add(name);
    for (const offset_t offset : table.offsets) hash.add(offset);
    for (const item_t category : table.values) hash.add(category);
    return hash.text();
  }
  static std::string key(const Field& field) { return "run." + field.name; }
  void add_data_of(const Split& split, const CandidateLists* candidates) {
    add_data("data hash", split.data->hash());
    add_data("split hash", split.hash());
    add_data("item ids", split.data->item_ids.hash());
    add_data("features of users", hash_of(split.data->user_features));
    add_data("features of items", hash_of(split.data->item_features));
    add_data("validation candidates", candidates != nullptr ? candidates->hash() : "none");
  }
  void add_options(const std::string& prefix, const std::vector<OptionValue>& values) {
    for (const OptionValue& option : values) add(prefix + option.name, option.text);
  }
  void add(std::string name, std::string value) { fields_.push_back({std::move(name), std::move(value), false}); }
  void add_data(std::string name, std::string value) { fields_.push_back({std::move(name), std::move(value), true}); }

  std::vector<Field> fields_;  ///< what decides most comes first, and is what a complaint names
};

#if SEQREC_BODIES

SEQREC_FUNCTION RunIdentity::RunIdentity(const Part& model, const Split& split, const Part& objective,
                                         const BatchPlan& plan, const TrainerOptions& options) {
  add_data_of(split, options.validation.candidates);
  add("model", model.name);
  add_options("model ", model.options);
  add("objective", objective.name);
  add_options("objective ", objective.options);
  add_options("batches ", option_values(plan));
  for (const OptionValue& option : option_values(options))
    if (option.name != "epochs" && option.name != "steps") add(option.name, option.text);
  std::string cutoffs;
  for (const int cutoff : options.validation.top_k) cutoffs += concatenate(cutoffs.empty() ? "" : " ", cutoff);
  add("validation top_k", cutoffs);
  add("validation seen items", option_text(options.validation.seen));
}

SEQREC_FUNCTION void RunIdentity::check(const SafetensorsFile& file) const {
  for (const Field& field : fields_) {
    const auto saved = file.metadata().find(key(field));
    if (saved != file.metadata().end() && saved->second == field.value) continue;
    const std::string message =
        concatenate(file.path().string(), ": the run saved there has ", field.name, " ",
                    saved == file.metadata().end() ? std::string("nowhere") : quote_bytes(saved->second),
                    ", expected '", field.value, "' as in the run that is to go on");
    if (field.is_data) throw DataError(message);
    throw ArgumentError(message);
  }
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
