// SPDX-License-Identifier: Apache-2.0
// Makes the runs of a list that have no result yet, some at once, and says how far it is.
#pragma once

#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

#include "compare/plan.hpp"
#include "compare/results.hpp"

namespace examples::compare {

struct RunnerOptions {
  std::filesystem::path programs;  ///< the folder they lie in
  std::filesystem::path data;      ///< the folder that holds the data sets by name; empty: the programs' own
  std::filesystem::path logs;      ///< a folder for what they print, and for what was trained
  int jobs = 1;                    ///< programs at once; each gets its part of the machine's cores
  std::string commit;
  std::string machine;
};

/// Makes runs in their order and adds what they leave to the results, each as soon as it is there. Runs that would
/// start one program with the same arguments are one: it judges several, of which they pick. A run that fails is named
/// on `out`, and the others go on.
/// @return the names of those that failed
/// @throws examples::Interrupted where Ctrl-C or SIGTERM came, after what was running has ended
std::vector<std::string> make_runs(const std::vector<Run>& runs, const RunnerOptions& options, Results& results,
                                   std::ostream& out);

}  // namespace examples::compare
