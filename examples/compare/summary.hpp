// SPDX-License-Identifier: Apache-2.0
// What results say together: means over seeds, and whether the best of a table is ahead of the others by more than the
// choice of users explains.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compare/plan.hpp"
#include "compare/results.hpp"

namespace examples::compare {

/// By how much one is ahead of another, and that this is chance, by a paired bootstrap over users of the seeds' mean.
struct Gain {
  double difference = 0, p_value = 1;
};

/// A metric of one contender.
struct Cell {
  double mean = 0;
  std::optional<double> deviation;  ///< between seeds, of two or more
  bool is_best = false;             ///< of its column
  /// Of the best: that its difference to the next best is chance, by a paired bootstrap over users of the seeds' mean;
  /// nothing where users are not known, or are not the same.
  std::optional<double> p_value;
  std::string next;          ///< of the best: who comes next, where somebody does
  double lead = 0;           ///< and by how much it is behind
  std::optional<Gain> gain;  ///< over the experiment's baseline, where there is one and users are the same
  std::optional<double> published;

  /// Whether the best stands out.
  bool is_significant() const { return is_best && p_value && *p_value < 0.05; }
};

struct Row {
  const Contender* contender;
  std::vector<const Result*> results;  ///< of the seeds that there are, one at least
  std::vector<Cell> cells;             ///< one a metric of the experiment
  double seconds = 0;                  ///< of processor time, mean; of the models that are judged too
  std::int64_t parameters = 0;         ///< the same
};

/// An experiment's rows for one ranking and one length of histories.
struct Table {
  const Experiment* experiment;
  std::string ranking;
  std::int64_t length;  ///< 0: as the programs have it
  std::vector<Row> rows;
  std::vector<std::string> missing;  ///< names of runs that have no result
};

/// One table for each ranking and length of each experiment. What has no length stands in all of an experiment's.
std::vector<Table> tables(const Plan& plan, const Results& results);

}  // namespace examples::compare
