// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>

#include "common/options.hpp"
#include "seqrec/data/candidate_file.hpp"
#include "seqrec/data/load.hpp"
#include "seqrec/data/split.hpp"
#include "seqrec/data/synthetic.hpp"
#include "seqrec/train/evaluate.hpp"

namespace examples {

/// The synthetic data set, with a notice that nobody overlooks.
inline seqrec::Dataset announce_synthetic(const std::string& reason) {
  std::cout << "**********************************************************************************************\n"
               "*** SYNTHETIC DATA: made-up films, not MovieLens. The numbers below say nothing about a real\n"
               "*** data set; they only show that everything works. Why: "
            << reason
            << ".\n"
               "**********************************************************************************************\n";
  return seqrec::synthetic_dataset();
}

/// The data set of --data; without it `default_name` in the folder that $SEQREC_DATA names; else, or when --quick is
/// given alone, the synthetic one.
inline seqrec::Dataset find_data(const Options& options, const std::string& default_name) {
  if (!options.data.empty()) return seqrec::load_dataset(options.data);
  if (options.quick) return announce_synthetic("--quick without --data");
  const char* const root = std::getenv("SEQREC_DATA");
  if (root == nullptr || *root == '\0') return announce_synthetic("neither --data nor $SEQREC_DATA is given");
  const std::filesystem::path folder = std::filesystem::path(root) / default_name;
  std::error_code error;
  if (!std::filesystem::exists(folder, error))
    return announce_synthetic("$SEQREC_DATA holds no folder " + default_name);
  return seqrec::load_dataset(folder);
}

/// What every model of a program is trained and judged on: data, split, and the frozen candidates of the sampled
/// rankings. Stays where it is, because its parts refer to each other.
class Experiment {
 public:
  /// Prints a line each for data, split and candidates.
  Experiment(const Options& options, seqrec::Dataset dataset)
      : data_(std::move(dataset)), split_(seqrec::leave_one_out(data_)), team_(options.trainer.team) {
    std::cout << seqrec::describe(data_) << '\n' << seqrec::describe(split_) << '\n';
    if (options.candidates == 0) {
      std::cout << "validation and test rank the whole catalogue\n";
      return;
    }
    validation_ = freeze(split_.validation, options);
    test_ = freeze(split_.test, options);
    std::cout << "validation and test rank 1 + " << options.candidates << " candidates, hashes " << validation_->hash()
              << " and " << test_->hash() << '\n';
  }
  Experiment(const Experiment&) = delete;
  Experiment& operator=(const Experiment&) = delete;

  const seqrec::Dataset& data() const { return data_; }
  const seqrec::Split& split() const { return split_; }
  /// Null for a full ranking.
  const seqrec::CandidateLists* validation_candidates() const { return validation_ ? &*validation_ : nullptr; }
  const seqrec::CandidateLists* test_candidates() const { return test_ ? &*test_ : nullptr; }

  /// How validation ranks, in a trainer's options.
  seqrec::EvaluateOptions validation_ranking() const { return ranking(validation_candidates()); }
  /// How the test ranks.
  seqrec::EvaluateOptions test_ranking() const { return ranking(test_candidates()); }
  /// The test among the whole catalogue.
  seqrec::EvaluateOptions full_ranking() const { return ranking(nullptr); }

 private:
  seqrec::EvaluateOptions ranking(const seqrec::CandidateLists* candidates) const {
    seqrec::EvaluateOptions options;
    options.candidates = candidates;
    options.team = team_;
    return options;
  }

  /// The lists of an earlier run where there are any, else new ones, kept for later runs.
  seqrec::CandidateLists freeze(const seqrec::HeldOut& held_out, const Options& options) const {
    const seqrec::CandidateOptions drawing{.negatives = options.candidates};
    const std::filesystem::path file =
        options.candidate_dir / seqrec::concatenate(data_.name, "-", data_.hash(), "-", held_out.name, "-1+",
                                                    drawing.negatives, "-seed-", drawing.seed, ".txt");
    if (std::filesystem::exists(file)) return seqrec::load_candidates(file, held_out, drawing);
    const seqrec::CandidateLists lists = seqrec::draw_candidates(held_out, drawing);
    std::error_code error;
    std::filesystem::create_directories(options.candidate_dir, error);  // if it fails, writing there says why
    seqrec::save_candidates(file, lists);
    return lists;
  }

  seqrec::Dataset data_;
  seqrec::Split split_;
  seqrec::TeamOptions team_;
  std::optional<seqrec::CandidateLists> validation_, test_;
};

}  // namespace examples
