// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "common/options.hpp"
#include "seqrec/data/splits/split.hpp"
#include "seqrec/evaluate/candidate_lists.hpp"
#include "seqrec/evaluate/evaluate.hpp"

namespace examples {

/// The synthetic data set, with a notice that nobody overlooks.
seqrec::Dataset announce_synthetic(const std::string& reason);

/// The data set of --data; without it `default_name` in the folder that $SEQREC_DATA names; else, or when --quick is
/// given alone, the synthetic one.
seqrec::Dataset find_data(const Options& options, const std::string& default_name);

/// What every model of a program is trained and judged on: data, split, and the frozen candidates of the sampled
/// rankings. Stays where it is, because its parts refer to each other.
class Experiment {
 public:
  /// Prints a line each for data, split and candidates.
  Experiment(const Options& options, seqrec::Dataset dataset);
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
  seqrec::EvaluateOptions ranking(const seqrec::CandidateLists* candidates) const;
  /// The lists of an earlier run where there are any, else new ones, kept for later runs.
  seqrec::CandidateLists freeze(const seqrec::HeldOut& held_out, const Options& options) const;

  seqrec::Dataset data_;
  seqrec::Split split_;
  seqrec::TeamOptions team_;
  std::optional<seqrec::CandidateLists> validation_, test_;
};

}  // namespace examples
