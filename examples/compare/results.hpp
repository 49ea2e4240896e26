// SPDX-License-Identifier: Apache-2.0
// What runs left: a file with a line of JSON for each, which is the result file of the run's program and what else it
// takes to do it again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "compare/plan.hpp"

namespace examples::compare {

/// The figures of one ranking of the test.
struct Ranking {
  std::map<std::string, double> metrics;
  std::string candidates;            ///< hash of the frozen ones; empty for the whole catalogue
  std::vector<double> ranks, among;  ///< user by user: where the target came out, among how many
};

/// A validation during training.
struct Validation {
  double epoch, value;
};

/// Where and when a run was made, and what it cost.
struct Origin {
  std::string commit, machine, date;
  double processor_seconds = 0;  ///< of the whole program: reading and judging too
};

/// A run that ended well.
struct Result {
  std::string run;  ///< Run::name
  std::string program;
  std::vector<std::string> arguments;
  Origin origin;
  std::string split;                        ///< hash
  std::map<std::string, Ranking> rankings;  ///< by name: test, test_full
  std::int64_t parameters = 0;              ///< 0 where nothing was learned
  std::int64_t best_epoch = 0;
  std::string selection;  ///< the validation's metric
  std::vector<Validation> history;
};

/// The file of results.
class Results {
 public:
  /// Reads what is there; none is no error. A line that cannot be read is named on `warnings`, and its run counts as
  /// one that was never made. Of two lines of one run the later counts.
  /// @throws seqrec::DataError where there is a file that cannot be read
  Results(std::filesystem::path path, std::ostream& warnings);

  /// The result of exactly this run, with these arguments; null without.
  const Result* find(const Run& run) const;

  /// Adds what a program left: durable when this returns.
  /// @param report  the program's result file, as text
  /// @throws seqrec::DataError for a report that is not what programs write, and where the file cannot be written
  const Result& add(const Run& run, const std::string& report, const Origin& origin);

 private:
  std::filesystem::path path_;
  std::map<std::string, Result> of_runs_;  // by name
  std::uint64_t bytes_ = 0;                // of whole lines
};

}  // namespace examples::compare
