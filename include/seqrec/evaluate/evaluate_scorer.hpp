// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/item_set.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/data/splits/split.hpp"
#include "seqrec/evaluate/evaluate.hpp"
#include "seqrec/evaluate/item_scorer.hpp"
#include "seqrec/evaluate/rank_in_catalogue.hpp"
#include "seqrec/metrics/clicks.hpp"
#include "seqrec/metrics/ranking.hpp"

namespace seqrec {

// What evaluate.hpp does for models, under the same protocol, for whatever scores the whole catalogue: the baselines,
// or a recommender that does not come from this library. A scorer is given the whole history before the target. It
// works on the calling thread: of the options, those of teams and batches have no effect.

namespace detail {

/// Calls work(i, scores of the catalogue) for each held-out target that is not left out.
template <ItemScorer Scorer, class Work>
void for_held_out_scores(const Scorer& scorer, const HeldOut& held_out, const EvaluateOptions& options, Work work) {
  const LeftOut left_out = check_evaluation(scorer, held_out, options);
  std::vector<double> scores(static_cast<std::size_t>(scorer.num_items()));
  for (index_t i = 0; i < held_out.size(); ++i) {
    if (left_out.contains(i)) continue;
    scorer.score(held_out.history(i), std::span(scores));
    work(i, std::span<const double>(scores));
  }
}

}  // namespace detail

/// The scores of frozen candidates: for each held-out target that has a list its own and those of its negatives.
/// @return (lists, 1 + negatives)   @throws as check_evaluation, ArgumentError without candidates
template <ItemScorer Scorer>
std::vector<double> candidate_scores(const Scorer& scorer, const HeldOut& held_out, const EvaluateOptions& options) {
  check_argument(options.candidates != nullptr, "candidate_scores candidates", "null", "frozen lists");
  std::vector<double> all;
  detail::for_held_out_scores(scorer, held_out, options, [&](index_t i, std::span<const double> scores) {
    all.push_back(scores.data()[held_out.targets.data()[i]]);
    for (const item_t item : options.candidates->negatives(i)) all.push_back(scores.data()[item]);
  });
  return all;
}

/// The average ranks of held-out targets among the whole catalogue without what the user has seen, or with it
/// (EvaluateOptions::seen), in the order of `held_out` and without those that are left out.
template <ItemScorer Scorer>
std::vector<RankingMetrics::UserRank> catalogue_ranks(const Scorer& scorer, const HeldOut& held_out,
                                                      const EvaluateOptions& options) {
  std::vector<RankingMetrics::UserRank> ranks;
  ItemSet seen(scorer.num_items());
  detail::for_held_out_scores(scorer, held_out, options, [&](index_t i, std::span<const double> scores) {
    ranks.push_back(
        rank_in_catalogue(scores, held_out.targets.data()[i], detail::exclusions(held_out, i, options.seen), seen));
  });
  return ranks;
}

/// The scale and bias that turn scores into honest log-odds on held-out clicks: fit them on validation, and give them
/// to the test as EvaluateOptions::calibration.
/// @throws ArgumentError without candidates, DataError as fit_calibration
template <ItemScorer Scorer>
Calibration fit_click_calibration(const Scorer& scorer, const HeldOut& held_out, const EvaluateOptions& options) {
  const std::vector<double> scores = candidate_scores(scorer, held_out, options);
  return clicks_of_scores(std::span(scores), options.candidates->lists()).calibration();
}

/// The metrics of a scorer on held-out items: by default a full ranking of the catalogue without what the user has
/// already seen, ties at the average rank (docs/protocol.md). With frozen candidates also what they say as clicks.
/// Users with nothing to rank a target against are left out, and named.
/// @throws as check_evaluation, NonFiniteError for a score that is NaN or, among candidates, infinite
template <ItemScorer Scorer>
Evaluation evaluate(const Scorer& scorer, const HeldOut& held_out, const EvaluateOptions& options = {}) {
  return detail::evaluated(
      held_out, options, [&] { return candidate_scores(scorer, held_out, options); },
      [&] { return catalogue_ranks(scorer, held_out, options); });
}

}  // namespace seqrec
