// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iomanip>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/team_options.hpp"
#include "seqrec/data/splits/split.hpp"
#include "seqrec/evaluate/candidate_lists.hpp"
#include "seqrec/metrics/clicks.hpp"
#include "seqrec/metrics/ranking.hpp"

namespace seqrec {

/// How a model is evaluated.
struct EvaluateOptions {
  std::vector<int> top_k = {5, 10, 20};
  const CandidateLists* candidates = nullptr;  ///< frozen lists of negatives; null ranks the whole catalogue
  Calibration calibration{};                   ///< of scores as log-odds, for the log loss; see fit_click_calibration
  TeamOptions team{};
  index_t users_at_once = 1024;
  index_t token_budget = 256;

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("top_k", top_k, any(), "cut-offs, each of them once");  // RankingMetrics refuses others
    visit("users_at_once", users_at_once, at_least(1), "users that are ranked together", OptionEffect::none);
    visit("token_budget", token_budget, at_least(1), "rows of a shard");
  }
};

/// What an evaluation found.
struct Evaluation {
  RankingResult ranking;
  std::optional<ClickResult> clicks;  ///< of frozen candidates: the target taken, the negatives not
  std::string protocol;               ///< in words
  double seconds = 0;

  /// A metric by name, e.g. evaluation["ndcg@10"].
  double operator[](std::string_view name) const { return ranking[name]; }
};

/// One line per metric.
SEQREC_FUNCTION std::ostream& operator<<(std::ostream& out, const Evaluation& evaluation);

/// Refuses what `evaluate` could not do, without doing it: a training run asks before it begins.
/// @throws DataError when the data set has more items than the model, or candidates are for another split or data set
/// @throws ArgumentError when an option is out of range
/// @param model_items  of the model's table
SEQREC_FUNCTION void check_evaluation(index_t model_items, const HeldOut& held_out, const EvaluateOptions& options);

#if SEQREC_BODIES

SEQREC_FUNCTION std::ostream& operator<<(std::ostream& out, const Evaluation& evaluation) {
  out << evaluation.protocol << ", " << evaluation.ranking.users << " users\n";
  for (const RankingMetric& metric : evaluation.ranking.metrics)
    out << "  " << std::left << std::setw(10) << metric.name << std::right << ' '
        << concatenate(std::fixed, std::setprecision(4), metric.value, " +- ", metric.standard_error) << '\n';
  if (evaluation.clicks)
    evaluation.clicks->for_each_metric([&](const char* name, double value) {
      out << "  " << std::left << std::setw(10) << name << std::right << ' '
          << concatenate(std::fixed, std::setprecision(4), value) << '\n';
    });
  return out;
}

SEQREC_FUNCTION void check_evaluation(index_t model_items, const HeldOut& held_out, const EvaluateOptions& options) {
  check_options("evaluate", options);
  static_cast<void>(RankingMetrics({options.top_k}));  // checks it
  if (held_out.data->num_items() > model_items)
    throw DataError(concatenate(held_out.data->name, ": has ", held_out.data->num_items(), " items, the model's table ",
                                model_items, "; expected at most as many"));
  if (options.candidates == nullptr) return;
  const CandidateLists& given = *options.candidates;
  if (given.held_out != held_out.name || given.users != held_out.size())
    throw DataError(concatenate("evaluate: the candidates are for ", given.users, " users of \"", given.held_out,
                                "\", expected ", held_out.size(), " users of \"", held_out.name, "\""));
  if (const std::string hash = held_out.data->hash(); given.data_hash != hash)
    throw DataError(concatenate("evaluate: the candidates are for the data set with hash ", given.data_hash,
                                ", expected ", hash, " (", held_out.data->name, ")"));
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
