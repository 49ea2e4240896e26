// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <span>

#include "seqrec/core/types.hpp"

namespace seqrec {

/// Whatever gives every item of a catalogue a score after a history: the higher, the likelier it comes next. All that
/// `evaluate` (evaluate/evaluate_scorer.hpp) needs to rank; baselines are one kind of it.
///
/// `scorer.score(history, scores)`: history, oldest event first, of items 0 .. V-1, may be empty; scores (V), written
/// for every item, seen or not. No item's score may be NaN. A scorer is read-only while it scores, so that threads can
/// share it. One that has a member vocabulary(), the original ids of its items, is not asked about data in which items
/// have other numbers.
template <class Scorer>
concept ItemScorer = requires(const Scorer& scorer, std::span<const item_t> history, std::span<double> scores) {
  { scorer.num_items() } -> std::convertible_to<index_t>;
  scorer.score(history, scores);
};

}  // namespace seqrec
