// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/data/candidates.hpp"
#include "seqrec/data/split.hpp"
#include "seqrec/metrics/ranking.hpp"

namespace examples {

/// The simplest recommender, which every model must beat: the more often an item occurs in the training events, the
/// higher it ranks, for everybody alike. Ranked under the same protocol as the models: the same candidates or the same
/// exclusions, ties at the average rank.
/// @param candidates null ranks the whole catalogue without what the user has seen
seqrec::RankingResult evaluate_popularity(const seqrec::Split& split, const seqrec::HeldOut& held_out,
                                          const seqrec::CandidateLists* candidates);

}  // namespace examples
