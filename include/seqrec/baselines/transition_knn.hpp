// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>
#include <vector>

#include "seqrec/baselines/item_weights.hpp"
#include "seqrec/baselines/train_events.hpp"
#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/options.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/core/vocabulary.hpp"
#include "seqrec/data/splits/item_counts.hpp"
#include "seqrec/data/splits/split.hpp"

namespace seqrec {

/// How TransitionKnn counts and forgets. The defaults were chosen on MovieLens; `decay` 0.6 suits ml-1m, 0.8 ml-100k.
struct TransitionKnnOptions {
  index_t max_gap = 20;
  index_t max_history = 20;
  double decay = 0.8;
  double shrinkage = 3;
  double from_exponent = 0.5;
  double to_exponent = 0.3;

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("max_gap", max_gap, at_least(1), "pairs of events further apart in a history are not counted");
    visit("max_history", max_history, at_least(1), "how much of a history is read: its last so many events");
    visit("decay", decay, share(), "of an event's influence with each later event");
    visit("shrinkage", shrinkage, not_negative(), "added to item counts, so that rare items do not win by one pair");
    visit("from_exponent", from_exponent, not_negative(), "how strongly the count of the earlier item divides");
    visit("to_exponent", to_exponent, not_negative(),
          "and that of the later one; less than 0.5 favours frequent items");
  }
};

/// The nearest-neighbour baseline of sequential recommendation: which items follow which, close behind. Nothing is
/// trained, and yet it is ahead of many a published model (Ludewig and Jannach 2018, "Evaluation of session-based
/// recommendation algorithms", on baselines of this kind). A sequential model that does not beat it is no result.
///
/// The weight from item i to item j, over all pairs of training events (p < q) of one user with i at place p, j at
/// place q, and gap q - p (neighbours have gap 1):
///
///     T[i, j] = sum over pairs with gap <= max_gap of 1 / gap,
///               over (n_i + shrinkage)^from_exponent (n_j + shrinkage)^to_exponent
///
/// with n the item's number of training events. T has a direction, and no limit on the neighbours. The score of j after
/// a history is the sum over its last `max_history` events of decay^age T[item, j], where the last event has age 0.
/// Histories at test time include the validation item, but T comes from training events only.
class TransitionKnn {
 public:
  static constexpr const char* name = "transition-kNN";

  /// Takes max_gap steps for each training event.
  /// @throws ArgumentError if an option is out of range
  explicit TransitionKnn(const Split& split, const TransitionKnnOptions& options = {});
  /// One that was made before, from its table.
  TransitionKnn(const TransitionKnnOptions& options, ItemWeights transitions, Vocabulary vocabulary)
      : options_(options), transitions_(std::move(transitions)), vocabulary_(std::move(vocabulary)) {}

  const TransitionKnnOptions& options() const { return options_; }
  index_t num_items() const { return transitions_.num_items(); }
  /// The original ids of the items.
  const Vocabulary& vocabulary() const { return vocabulary_; }

  /// T: rows are the earlier items.
  const ItemWeights& transitions() const { return transitions_; }

  /// @param scores (V)   @throws ShapeError if there is not one for each item
  void score(std::span<const item_t> history, std::span<double> scores) const;

 private:
  TransitionKnnOptions options_;
  ItemWeights transitions_;
  Vocabulary vocabulary_;
};

#if SEQREC_BODIES

SEQREC_FUNCTION TransitionKnn::TransitionKnn(const Split& split, const TransitionKnnOptions& options)
    : options_(options), transitions_(split.data->num_items()), vocabulary_(split.data->item_ids) {
  check_options("TransitionKnn", options);
  const TrainEvents events(split);
  const auto divisors = [&, counts = count_train_events(split)](double exponent) {
    std::vector<double> powers;
    powers.reserve(counts.size());
    for (const index_t n : counts) powers.push_back(std::pow(static_cast<double>(n) + options.shrinkage, exponent));
    return powers;
  };
  const std::vector<double> from = divisors(options.from_exponent), to = divisors(options.to_exponent);
  for (item_t item = 0; item < static_cast<item_t>(num_items()); ++item) {
    for (const TrainEvents::Event& event : events.of_item(item)) {
      const std::span<const item_t> history = split.train_history(event.user);
      const index_t furthest = std::min(options.max_gap, std::ssize(history) - 1 - event.position);
      for (index_t gap = 1; gap <= furthest; ++gap)
        transitions_.add(history.data()[event.position + gap], 1.0 / static_cast<double>(gap));
    }
    transitions_.end_row([&](item_t next, double sum) { return sum / (from.data()[item] * to.data()[next]); });
  }
}

SEQREC_FUNCTION void TransitionKnn::score(std::span<const item_t> history, std::span<double> scores) const {
  check_extent("TransitionKnn", "number of scores", std::ssize(scores), num_items());
  std::fill(scores.begin(), scores.end(), 0.0);
  double factor = 1;
  const index_t kept = std::min(options_.max_history, std::ssize(history));
  for (index_t age = 0; age < kept; ++age, factor *= options_.decay)
    transitions_.add_row(history.data()[std::ssize(history) - 1 - age], factor, scores);
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
