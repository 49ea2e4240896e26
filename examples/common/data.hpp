// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "common/options.hpp"
#include "seqrec/data/splits/split.hpp"
#include "seqrec/evaluate/candidate_lists.hpp"
#include "seqrec/evaluate/evaluation.hpp"

namespace examples {

/// The synthetic data set, with a notice that nobody overlooks.
seqrec::Dataset announce_synthetic(const std::string& reason);

/// The data set of --data; without it `default_name` in the folder that $SEQREC_DATA names; else, or when --quick is
/// given alone, the synthetic one.
seqrec::Dataset find_data(const DataOptions& options, const std::string& default_name);

/// The place among held-out events of a user, given by its id in the source; empty is the first.
/// @throws seqrec::DataError where nothing of such a user is held out
seqrec::index_t find_user(const seqrec::HeldOut& held_out, const std::string& id);

/// "Delicatessen (1991)"; "item 178" where the data have no titles.
std::string title_of(const seqrec::Dataset& data, seqrec::item_t item);

/// The frozen candidates of a split's validation and test: those of an earlier run where there are any, else new ones,
/// kept in files for later runs. With --candidates full there are none.
struct Candidates {
  std::optional<seqrec::CandidateLists> of_validation, of_test;
  seqrec::SeenItems seen;  ///< of candidates and of full rankings
  bool validation_only;    ///< whether the test stays unscored
  bool per_user;           ///< whether result files have each user's ranks

  /// Prints a line each for data, split and candidates, and for whose targets cannot be ranked.
  /// @throws seqrec::DataError where nobody's can
  Candidates(const seqrec::Split& split, const DataOptions& options);

  /// Null for a full ranking.
  const seqrec::CandidateLists* validation() const { return of_validation ? &*of_validation : nullptr; }
  const seqrec::CandidateLists* test() const { return of_test ? &*of_test : nullptr; }
  /// How validation ranks.
  seqrec::EvaluateOptions options_of_validation() const { return {.candidates = validation(), .seen = seen}; }
};

}  // namespace examples
