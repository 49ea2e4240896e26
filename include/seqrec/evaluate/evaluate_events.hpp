// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstddef>
#include <numeric>
#include <span>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/item_set.hpp"
#include "seqrec/core/share_work.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/data/splits/split.hpp"
#include "seqrec/evaluate/evaluate.hpp"
#include "seqrec/evaluate/event_scorer.hpp"
#include "seqrec/evaluate/rank_in_catalogue.hpp"
#include "seqrec/metrics/clicks.hpp"
#include "seqrec/metrics/ranking.hpp"

namespace seqrec {

// What evaluate.hpp does for models, under the same protocol, for whatever scores the candidates of single events. Of
// the options, those of batches have no effect; team.threads says how many work.

namespace detail {

/// Calls work(worker, place, i) for each held-out target that is not left out, place counting them, on several threads.
template <EventScorer Scorer, class Work>
index_t for_held_out_events(const Scorer& scorer, const HeldOut& held_out, const EvaluateOptions& options, Work work) {
  const LeftOut left_out = check_evaluation(scorer, held_out, options);
  std::vector<index_t> ranked;
  for (index_t i = 0; i < held_out.size(); ++i)
    if (!left_out.contains(i)) ranked.push_back(i);
  share_work(std::ssize(ranked), options.team.threads, [&](index_t first, index_t last) {
    auto worker = scorer.worker();
    for (index_t place = first; place < last; ++place) work(worker, place, ranked[static_cast<std::size_t>(place)]);
  });
  return std::ssize(ranked);
}

}  // namespace detail

/// The scores of frozen candidates: for each held-out target that has a list its own and those of its negatives.
/// @return (lists, 1 + negatives)
/// @throws as check_evaluation, ArgumentError without candidates, NonFiniteError for a score that is NaN or infinite
template <EventScorer Scorer>
std::vector<double> candidate_scores(const Scorer& scorer, const HeldOut& held_out, const EvaluateOptions& options) {
  check_argument(options.candidates != nullptr, "candidate_scores candidates", "null", "frozen lists");
  const auto columns = static_cast<std::size_t>(1 + options.candidates->options.negatives);
  std::vector<double> all(static_cast<std::size_t>(options.candidates->lists()) * columns);
  detail::for_held_out_events(scorer, held_out, options, [&](auto& worker, index_t place, index_t i) {
    std::vector<item_t> list{held_out.targets.data()[i]};
    const std::span<const item_t> negatives = options.candidates->negatives(i);
    list.insert(list.end(), negatives.begin(), negatives.end());
    const std::span<double> scores = std::span(all).subspan(static_cast<std::size_t>(place) * columns, columns);
    worker.score(held_out, i, list, scores);
    for (const double score : scores)
      if (!std::isfinite(score))
        throw NonFiniteError(concatenate("candidate_scores: a score of held-out event ", i, " is ", score,
                                         ", expected a finite number"));
  });
  return all;
}

/// The average ranks of held-out targets among the whole catalogue without what the user has seen, or with it
/// (EvaluateOptions::seen), in the order of `held_out` and without those that are left out.
template <EventScorer Scorer>
std::vector<RankingMetrics::UserRank> catalogue_ranks(const Scorer& scorer, const HeldOut& held_out,
                                                      const EvaluateOptions& options) {
  std::vector<RankingMetrics::UserRank> ranks(static_cast<std::size_t>(held_out.size()));
  std::vector<item_t> catalogue(static_cast<std::size_t>(scorer.num_items()));
  std::iota(catalogue.begin(), catalogue.end(), 0);
  const index_t ranked =
      detail::for_held_out_events(scorer, held_out, options, [&](auto& worker, index_t place, index_t i) {
        std::vector<double> scores(catalogue.size());
        ItemSet seen(scorer.num_items());
        worker.score(held_out, i, catalogue, std::span(scores));
        ranks[static_cast<std::size_t>(place)] =
            rank_in_catalogue(std::span<const double>(scores), held_out.targets.data()[i],
                              detail::exclusions(held_out, i, options.seen), seen);
      });
  ranks.resize(static_cast<std::size_t>(ranked));
  return ranks;
}

/// The scale and bias that turn scores into honest log-odds on held-out clicks: fit them on validation, and give them
/// to the test as EvaluateOptions::calibration.
/// @throws ArgumentError without candidates, DataError as fit_calibration
template <EventScorer Scorer>
Calibration fit_click_calibration(const Scorer& scorer, const HeldOut& held_out, const EvaluateOptions& options) {
  const std::vector<double> scores = candidate_scores(scorer, held_out, options);
  return clicks_of_scores(std::span(scores), options.candidates->lists()).calibration();
}

/// The metrics of a scorer on held-out items: by default a full ranking of the catalogue without what the user has
/// already seen, ties at the average rank (docs/protocol.md). With frozen candidates also what they say as clicks.
/// Users with nothing to rank a target against are left out, and named.
/// @throws as check_evaluation, NonFiniteError for a score that is NaN or, among candidates, infinite
template <EventScorer Scorer>
Evaluation evaluate(const Scorer& scorer, const HeldOut& held_out, const EvaluateOptions& options = {}) {
  return detail::evaluated(
      held_out, options, [&] { return candidate_scores(scorer, held_out, options); },
      [&] { return catalogue_ranks(scorer, held_out, options); });
}

}  // namespace seqrec
