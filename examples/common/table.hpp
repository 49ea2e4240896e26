// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "common/report.hpp"
#include "seqrec/metrics/clicks.hpp"
#include "seqrec/metrics/ranking.hpp"

namespace examples {

/// A line of a table of results.
struct TableRow {
  std::string model;
  std::string ranking;  ///< what was ranked among what
  seqrec::RankingResult result;
  std::optional<seqrec::ClickResult> clicks{};  ///< where candidates were frozen
  std::string left_out{};                       ///< who was not ranked, in words
};

/// The line of an evaluation.
inline TableRow table_row(const std::string& model, const seqrec::Evaluation& evaluation) {
  return {model, evaluation.protocol, evaluation.ranking, evaluation.clicks, seqrec::describe(evaluation.left_out)};
}

/// Prints metrics, one row a model, under a heading for each ranking: figures of different rankings must not be
/// compared. Rows of one ranking come together; who was left out of it stands below its heading. Where candidates were
/// frozen, metrics of clicks follow. Below stands how far the figures can be trusted, and the log loss that a constant
/// would have.
void print_table(std::ostream& out, const std::vector<TableRow>& rows);

/// Ends a program about one model: the table of its validation and test, and the JSON (see write_report).
void report(std::ostream& out, const RunDescription& run, const std::filesystem::path& json);

/// The rows of several runs on one test: first among the frozen candidates, where there are any, then among the whole
/// catalogue. Those of the validation where the test was not scored.
std::vector<TableRow> test_rows(const std::vector<RunDescription>& runs);

}  // namespace examples
