// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <span>

#include "seqrec/core/types.hpp"
#include "seqrec/data/splits/split.hpp"

namespace seqrec {

/// Whatever scores candidates for a held-out event by more than the items before it: when it happened, who the user is,
/// what ratings he gave. All that `evaluate` (evaluate/evaluate_events.hpp) needs to rank.
///
/// `scorer.worker()` makes what one thread needs to itself; `worker.score(held_out, i, candidates, scores)` scores
/// candidates, repetitions allowed, for the i-th held-out event: scores (candidates), the higher, the likelier the item
/// is the event's. Of the event itself it may read its time alone, and nothing of what came later. A scorer must
/// outlive its workers, and does not change while they work. One that has a member names() is not asked about data in
/// which items have other numbers.
template <class Scorer>
concept EventScorer = requires(const Scorer& scorer, const HeldOut& held_out, index_t i,
                               std::span<const item_t> candidates, std::span<double> scores) {
  { scorer.num_items() } -> std::convertible_to<index_t>;
  scorer.worker().score(held_out, i, candidates, scores);
};

}  // namespace seqrec
