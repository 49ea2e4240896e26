// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "seqrec/core/types.hpp"
#include "seqrec/data/dataset.hpp"

namespace examples {

/// Made-up sessions of which it is known how well they can be predicted: walks along a ring of items. Each session goes
/// one way, which nobody tells; its steps are short, and now and then it jumps anywhere. Who knows the last item knows
/// a neighbourhood, who has read the session knows which half of it.
struct WalkOptions {
  seqrec::index_t users = 6000;
  seqrec::index_t sessions = 4;  ///< of each user, more than a day apart; their events less than two minutes
  seqrec::index_t items = 300;
  seqrec::index_t most_events = 12;  ///< of a session, which has two at least
  seqrec::index_t reach = 40;        ///< the longest step
  double shorter = 0.9;              ///< a step of k + 1 is so many times as likely as one of k
  double forward = 0.6;              ///< share of the sessions that go up
  double jumps = 0.1;                ///< share of the events that lie anywhere
  std::uint64_t seed = 1;
};

/// Users with their walks, and when they took place.
seqrec::Dataset walks(const WalkOptions& options);

/// Scores items with the probability that a walk goes there next, given all that it has visited: no recommender can be
/// better than that, on average. A seqrec::ItemScorer.
class WalkOracle {
 public:
  static constexpr const char* name = "the best possible";

  /// @param data  walks, or a part of them
  WalkOracle(const seqrec::Dataset& data, const WalkOptions& options);

  seqrec::index_t num_items() const { return static_cast<seqrec::index_t>(places_.size()); }
  void score(std::span<const seqrec::item_t> history, std::span<double> scores) const;

 private:
  /// The probability to go from a place to another.   @param up the session's way
  double step(seqrec::index_t from, seqrec::index_t to, bool up) const;

  WalkOptions options_;
  std::vector<seqrec::index_t> places_;  ///< (V) on the ring
  std::vector<double> steps_;            ///< (reach) probabilities of steps of 1, 2, ...
};

}  // namespace examples
