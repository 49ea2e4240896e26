// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <span>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/evaluate/evaluation.hpp"
#include "seqrec/evaluate/held_out_scores.hpp"

namespace seqrec {

/// What candidate_scores found, as ranks of the targets.   @param scores (lists, 1 + negatives), the target's first
template <class Score>
std::vector<RankingMetrics::UserRank> ranks_of_scores(std::span<const Score> scores, index_t lists) {
  std::vector<RankingMetrics::UserRank> ranks;
  for (index_t i = 0; i < lists; ++i) {
    const std::size_t columns = scores.size() / static_cast<std::size_t>(lists);
    const std::span<const Score> of_user = scores.subspan(static_cast<std::size_t>(i) * columns, columns);
    ranks.push_back({average_rank_among(of_user.front(), of_user.subspan(1)), static_cast<index_t>(columns)});
  }
  return ranks;
}

/// What candidate_scores found, as clicks: the target was taken, the negatives were not.
template <class Score>
ClickMetrics clicks_of_scores(std::span<const Score> scores, index_t lists) {
  ClickMetrics clicks;
  const std::size_t columns = scores.size() / static_cast<std::size_t>(std::max<index_t>(lists, 1));
  std::vector<int> labels(columns, 0);
  if (columns > 0) labels.front() = 1;
  for (index_t i = 0; i < lists; ++i)
    clicks.add(scores.subspan(static_cast<std::size_t>(i) * columns, columns), std::span<const int>(labels));
  return clicks;
}

/// The average ranks of held-out targets under a model, in the order of `held_out` and without those that are left out
/// (LeftOut): among the frozen candidates where there are any, else among the whole catalogue without what the user has
/// seen, or with it (EvaluateOptions::seen).
template <class Team, class Model>
std::vector<RankingMetrics::UserRank> target_ranks(Team& team, const Model& model, const HeldOut& held_out,
                                                   const EvaluateOptions& options) {
  if (options.candidates == nullptr) return catalogue_ranks(team, model, held_out, options);
  const auto scores = candidate_scores(team, model, held_out, options);
  return ranks_of_scores(std::span(scores), options.candidates->lists());
}

/// The scale and bias that turn a model's scores into honest log-odds on held-out clicks: fit them on validation, and
/// give them to the test as EvaluateOptions::calibration.
/// @throws ArgumentError without candidates, DataError as fit_calibration
template <class Team, class Model>
Calibration fit_click_calibration(Team& team, const Model& model, const HeldOut& held_out,
                                  const EvaluateOptions& options) {
  const auto scores = candidate_scores(team, model, held_out, options);
  return clicks_of_scores(std::span(scores), options.candidates->lists()).calibration();
}

namespace detail {

/// The figures of what was found.   @param clicks  of frozen candidates; null for a full ranking
SEQREC_FUNCTION Evaluation evaluation_of(const HeldOut& held_out, const EvaluateOptions& options,
                                         std::span<const RankingMetrics::UserRank> ranks,
                                         const ClickMetrics* clicks = nullptr);

/// What evaluations of models and of scorers have in common.
/// @param scores(), ranks()  of the held-out targets: among frozen candidates, or in the catalogue
template <class Scores, class Ranks>
Evaluation evaluated(const HeldOut& held_out, const EvaluateOptions& options, Scores scores, Ranks ranks) {
  const auto begin = std::chrono::steady_clock::now();
  Evaluation evaluation;
  if (options.candidates == nullptr) {
    evaluation = evaluation_of(held_out, options, ranks());
  } else {
    const auto of_candidates = scores();
    const auto found = ranks_of_scores(std::span(of_candidates), options.candidates->lists());
    const ClickMetrics clicks = clicks_of_scores(std::span(of_candidates), options.candidates->lists());
    evaluation = evaluation_of(held_out, options, found, &clicks);
  }
  evaluation.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return evaluation;
}

}  // namespace detail

/// HR, NDCG, MRR, Recall, Precision and MAP at K and per-user AUC of a model on held-out items: by default a full
/// ranking of the catalogue without what the user has already seen, ties at the average rank (docs/protocol.md). With
/// frozen candidates also what they say as clicks. Users with nothing to rank a target against are left out, and named.
/// @throws as check_evaluation, NonFiniteError for a score that is NaN or, among candidates, infinite
template <class Team, class Model>
Evaluation evaluate(Team& team, const Model& model, const HeldOut& held_out, const EvaluateOptions& options) {
  static_assert(Ranker<Model>,
                "seqrec: evaluate needs a model with encode() and item_head(), or with score(tape, batch, "
                "candidates)");
  return detail::evaluated(
      held_out, options, [&] { return candidate_scores(team, model, held_out, options); },
      [&] { return catalogue_ranks(team, model, held_out, options); });
}

/// The same with a team of its own.
template <class Model>
Evaluation evaluate(const Model& model, const HeldOut& held_out, const EvaluateOptions& options = {}) {
  typename Model::Context::Team team(0, options.team);
  return evaluate(team, model, held_out, options);
}

#if SEQREC_BODIES

SEQREC_FUNCTION Evaluation detail::evaluation_of(const HeldOut& held_out, const EvaluateOptions& options,
                                                 std::span<const RankingMetrics::UserRank> ranks,
                                                 const ClickMetrics* clicks) {
  Evaluation evaluation;
  if (clicks == nullptr) {
    evaluation.protocol =
        held_out.name + (options.seen == SeenItems::left_out ? ", full ranking without seen items"
                                                             : ", full ranking of all items, seen or not");
  } else {
    evaluation.clicks = clicks->result(options.calibration);
    const CandidateOptions& drawn = options.candidates->options;
    evaluation.protocol = concatenate(held_out.name, ", 1 + ", drawn.negatives, " sampled candidates");
    if (drawn.popularity_exponent != 0)
      evaluation.protocol += concatenate(" by popularity^", drawn.popularity_exponent);
    if (drawn.seen == SeenItems::ranked) evaluation.protocol += " of all items, seen or not";
  }
  evaluation.left_out = find_left_out(held_out, options.seen, options.candidates);
  evaluation.seen = options.seen;
  evaluation.repeats = share_of_repeats(held_out);
  RankingMetrics metrics({options.top_k});
  for (const auto& user : ranks) metrics.add(user.rank, user.candidates);
  evaluation.ranking = metrics.result();
  evaluation.ranks.assign(ranks.begin(), ranks.end());
  return evaluation;
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
