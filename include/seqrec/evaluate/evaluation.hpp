// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <iomanip>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/team_options.hpp"
#include "seqrec/data/names.hpp"
#include "seqrec/data/splits/split.hpp"
#include "seqrec/evaluate/candidate_lists.hpp"
#include "seqrec/evaluate/left_out.hpp"
#include "seqrec/evaluate/seen_items.hpp"
#include "seqrec/metrics/clicks.hpp"
#include "seqrec/metrics/ranking.hpp"

namespace seqrec {

/// How a model is evaluated.
struct EvaluateOptions {
  std::vector<int> top_k = {5, 10, 20};
  const CandidateLists* candidates = nullptr;  ///< frozen lists of negatives; null ranks the whole catalogue
  SeenItems seen = SeenItems::left_out;        ///< with candidates as these were drawn
  Calibration calibration{};                   ///< of scores as log-odds, for the log loss; see fit_click_calibration
  TeamOptions team{};
  index_t users_at_once = 1024;
  index_t token_budget = 256;

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("top_k", top_k, any(), "cut-offs, each of them once");  // RankingMetrics refuses others
    visit("seen", seen, any(), "what becomes of other items that a user has had; ranked where people repeat");
    visit("users_at_once", users_at_once, at_least(1), "users that are ranked together", OptionEffect::none);
    visit("token_budget", token_budget, at_least(1), "rows of a shard");
  }
};

/// What an evaluation found.
struct Evaluation {
  RankingResult ranking;
  /// Where each target came out, in the order of the held-out ones without those that are left out: what two models are
  /// compared by, user by user (paired_bootstrap).
  std::vector<RankingMetrics::UserRank> ranks;
  std::optional<ClickResult> clicks;  ///< of frozen candidates: the target taken, the negatives not
  std::string protocol;               ///< in words
  LeftOut left_out;                   ///< whose targets are not in the ranking
  SeenItems seen = SeenItems::left_out;
  double repeats = 0;  ///< share of the held-out targets that stand in their own history
  double seconds = 0;

  /// A metric by name, e.g. evaluation["ndcg@10"].
  double operator[](std::string_view name) const { return ranking[name]; }
};

/// A standard error as text, "0.0123"; "not known" for that of a single user, which is NaN.
SEQREC_FUNCTION std::string standard_error_text(double standard_error);

/// One line per metric, one for who was left out, and a warning where leaving out seen items gave targets away.
SEQREC_FUNCTION std::ostream& operator<<(std::ostream& out, const Evaluation& evaluation);

/// Refuses what `evaluate` could not do, without doing it: a training run asks before it begins.
/// @return whose targets would be left out of the ranking
/// @throws DataError when the data set has more items than the model, candidates are for another split or data set, or
///         all targets would be left out
/// @throws ArgumentError when an option is out of range, or candidates were drawn with other SeenItems than `seen`
/// @param model_items  of the model's table
SEQREC_FUNCTION LeftOut check_evaluation(index_t model_items, const HeldOut& held_out, const EvaluateOptions& options);

/// The same for a model or an ItemScorer; where it knows the ids of its items, the data set's must be the same.
/// @throws DataError  as above, or naming the first item that the data set numbers otherwise, or the option by which
///         the model reads times that the data set lacks
template <class Ranker>
requires requires(const Ranker& ranker) { ranker.num_items(); }
LeftOut check_evaluation(const Ranker& ranker, const HeldOut& held_out, const EvaluateOptions& options) {
  if constexpr (requires { ranker.names(); })
    check_names(ranker.names(), *held_out.data);
  else if constexpr (requires { ranker.vocabulary(); })
    check_names({ranker.vocabulary(), {}, {}}, *held_out.data);
  if constexpr (requires { ranker.reads_times(); })
    if (ranker.reads_times() != nullptr) check_times(ranker.reads_times(), *held_out.data);
  return check_evaluation(static_cast<index_t>(ranker.num_items()), held_out, options);
}

namespace detail {

SEQREC_FUNCTION void check_candidates(const CandidateLists& given, const HeldOut& held_out, SeenItems seen);

}  // namespace detail

#if SEQREC_BODIES

SEQREC_FUNCTION std::ostream& operator<<(std::ostream& out, const Evaluation& evaluation) {
  out << evaluation.protocol << ", " << evaluation.ranking.users << " users\n";
  for (const RankingMetric& metric : evaluation.ranking.metrics)
    out << "  " << std::left << std::setw(10) << metric.name << std::right << ' '
        << concatenate(std::fixed, std::setprecision(4), metric.value, " +- ",
                       standard_error_text(metric.standard_error))
        << '\n';
  if (evaluation.clicks)
    evaluation.clicks->for_each_metric([&](const char* name, double value) {
      out << "  " << std::left << std::setw(10) << name << std::right << ' '
          << concatenate(std::fixed, std::setprecision(4), value) << '\n';
    });
  if (evaluation.seen == SeenItems::left_out && evaluation.repeats >= many_repeats)
    out << "  WARNING: "
        << concatenate(std::fixed, std::setprecision(1), 100 * evaluation.repeats,
                       " % of the targets are repeats, which a ranking without seen items gives away: rank all items, "
                       "with SeenItems::ranked\n");
  if (!evaluation.left_out.empty()) out << "  " << describe(evaluation.left_out) << '\n';
  return out;
}

SEQREC_FUNCTION std::string standard_error_text(double standard_error) {
  if (std::isnan(standard_error)) return "not known";
  return concatenate(std::fixed, std::setprecision(4), standard_error);
}

SEQREC_FUNCTION LeftOut check_evaluation(index_t model_items, const HeldOut& held_out, const EvaluateOptions& options) {
  check_options("evaluate", options);
  static_cast<void>(RankingMetrics({options.top_k}));  // checks it
  if (held_out.data->num_items() > model_items)
    throw DataError(concatenate(held_out.data->name, ": has ", held_out.data->num_items(), " items, the model's table ",
                                model_items, "; expected at most as many"));
  if (options.candidates != nullptr) detail::check_candidates(*options.candidates, held_out, options.seen);
  LeftOut left_out = find_left_out(held_out, options.seen, options.candidates);
  if (std::ssize(left_out.targets) == held_out.size())
    throw DataError(concatenate(held_out.data->name, ": nobody of ", held_out.name, " can be ranked: ",
                                left_out.empty() ? std::string("it is empty") : describe(left_out)));
  return left_out;
}

SEQREC_FUNCTION void detail::check_candidates(const CandidateLists& given, const HeldOut& held_out, SeenItems seen) {
  if (given.held_out != held_out.name || given.users != held_out.size())
    throw DataError(concatenate("evaluate: the candidates are for ", given.users, " users of \"", given.held_out,
                                "\", expected ", held_out.size(), " users of \"", held_out.name, "\""));
  if (const std::string hash = held_out.data->hash(); given.data_hash != hash)
    throw DataError(concatenate("evaluate: the candidates are for the data set with hash ", given.data_hash,
                                ", expected ", hash, " (", held_out.data->name, ")"));
  check_argument(given.options.seen == seen, "evaluate seen", option_text(seen),
                 concatenate(option_text(given.options.seen), ", as the candidates were drawn").c_str());
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
