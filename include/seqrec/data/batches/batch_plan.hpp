// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <limits>
#include <string>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/options.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/data/batches/negative_sampling.hpp"

namespace seqrec {

/// Who is asked about the same negatives. Scores of shared ones are a product of two matrices, which is faster.
enum class NegativeSharing {
  per_position,  ///< nobody: each position has its own
  per_user,      ///< all positions of a user
  per_batch,     ///< all positions of a batch
  in_batch,      ///< the same, and nothing is drawn: what else comes next in the batch are the negatives; of clicks
                 ///< each position has its own, drawn from those
};
constexpr std::array<const char*, 4> names_of(NegativeSharing) {
  return {"per_position", "per_user", "per_batch", "in_batch"};
}

/// What training batches must hold beside histories: an objective says it, the batcher makes it, and nothing else.
/// States that sessions in lanes carry from step to step are no part of it (SessionBatcher).
struct BatchPlan {
  bool next_items = true;  ///< the item that came next, at every position
  index_t negatives = 1;   ///< sampled for each position, user or batch; 0 for objectives over the whole catalogue; of
                           ///< a batch's own next items at most so many
  NegativeSharing sharing = NegativeSharing::per_position;
  NegativeSampling sampling{};   ///< what negatives are drawn from; in_batch: how next items come about
  bool log_probability = false;  ///< of every item to be sampled, where sampling is not uniform
  bool next_index = true;        ///< inverse of next items and shared negatives, to sum the gradient of their table by
  bool clicks = false;           ///< next items and negatives as candidates with labels
  bool times = false;            ///< when the events of the histories happened

  /// Next item and own negatives of a position: columns of NextItems::items.
  index_t columns() const {
    if (!next_items) return 0;
    return 1 + (has_own() ? negatives : 0);
  }
  /// Negatives that the positions of a user, or of a batch, share, at most; 0 where each has its own.
  index_t shared() const { return has_own() ? 0 : negatives; }
  bool shared_by_batch() const { return (sharing == NegativeSharing::per_batch || in_batch()) && shared() > 0; }
  /// Whether negatives are the batch's other next items.
  bool in_batch() const { return sharing == NegativeSharing::in_batch; }
  /// Whether each position has negatives of its own: a click is a question of its own, also about the batch's others.
  bool has_own() const { return sharing == NegativeSharing::per_position || (in_batch() && clicks); }

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("next_items", next_items, any(), "the item that came next, at every position");
    visit("negatives", negatives, in_range(0, std::numeric_limits<offset_t>::max() - 1),
          "sampled for those who share them");
    visit("sharing", sharing, any(), "who is asked about the same negatives");
    visit("", sampling);
    visit("log_probability", log_probability, any(), "of every item to be sampled");
    visit("next_index", next_index, any(), "inverse of next items and shared negatives");
    visit("clicks", clicks, any(), "next items and negatives as candidates with labels");
    visit("times", times, any(), "when the events of the histories happened");
  }

  /// @throws ArgumentError when a number is out of range, or one part needs another that is not asked for
  void check() const {
    check_argument(negatives >= 0 && negatives < std::numeric_limits<offset_t>::max(), "negatives", negatives,
                   "a number from 0 to 2^31 - 2");
    sampling.check();
    check_argument(next_items || negatives == 0, "negatives", negatives, "0 without next items");
    check_argument(next_items || !clicks, "clicks", "true", "false without next items: clicks are made of them");
    check_argument(next_items || !next_index, "next_index", "true", "false without next items");
    check_argument(!clicks || shared() == 0, "sharing", option_text(sharing), "per_position or in_batch for clicks");
    check_argument(!in_batch() || sampling.distinct || sampling.popularity_exponent == 1, "popularity_exponent",
                   sampling.popularity_exponent, "1 in_batch: next items come as often as they are taken");
    check_argument(!in_batch() || clicks || !sampling.distinct, "distinct", "true",
                   "false in_batch: nothing is drawn, and next items may repeat");
    check_argument(
        !log_probability || !in_batch() || !sampling.distinct, "log_probability", "true",
        "false with distinct: without replacement, how often an item is drawn is no power of its popularity");
    check_argument(!shared_by_batch() || !sampling.reject_seen, "reject_seen", "true",
                   "false where a batch shares negatives: what one of its users has seen, another has not");
  }
};

}  // namespace seqrec
