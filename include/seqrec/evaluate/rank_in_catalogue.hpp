// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <span>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/item_set.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/metrics/ranking.hpp"

namespace seqrec {

/// The average rank of a target in the whole catalogue without the excluded items. The target itself is never left out.
/// @param scores     (V), of excluded items too
/// @param exclusions items of 0 .. V-1, in any order, may repeat
/// @param scratch    of V items; overwritten
/// @throws ShapeError     if the scratch set is of another catalogue
/// @throws NonFiniteError if a score is NaN, which compares as neither greater nor equal and would rank first
template <class Score>
RankingMetrics::UserRank rank_in_catalogue(std::span<const Score> scores, item_t target,
                                           std::span<const item_t> exclusions, ItemSet& scratch) {
  check_extent("rank_in_catalogue", "number of items of scratch", scratch.num_items(), std::ssize(scores));
  const Score own = scores.data()[target];
  bool is_nan = false;
  index_t greater = 0, equal = -1, ranked = std::ssize(scores);  // the target equals itself
  for (const Score score : scores) {
    is_nan |= std::isnan(score);
    greater += score > own;
    equal += score == own;
  }
  if (is_nan) throw NonFiniteError("rank_in_catalogue: a score is NaN, expected a number");
  scratch.clear();
  scratch.insert(target);
  for (const item_t item : exclusions) {  // far fewer than items: taken back, instead of looked up for each item
    if (!scratch.insert(item)) continue;
    greater -= scores.data()[item] > own;
    equal -= scores.data()[item] == own;
    --ranked;
  }
  return {average_rank(greater, equal), ranked};
}

}  // namespace seqrec
