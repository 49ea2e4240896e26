// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "seqrec/metrics/ranking.hpp"

namespace examples {

/// A line of a table of results.
struct TableRow {
  std::string model;
  std::string ranking;  ///< what was ranked among what
  seqrec::RankingResult result;
};

/// Prints metrics (means over users), one row a model and ranking, and how far they can be trusted.
void print_table(std::ostream& out, const std::vector<TableRow>& rows);

}  // namespace examples
