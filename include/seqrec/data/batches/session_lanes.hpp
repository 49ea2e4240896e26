// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/random.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/data/splits/split.hpp"

namespace seqrec {

/// What a lane does in a step: it reads an event of a session; the one after it is the target.
struct LaneStep {
  index_t session = 0;
  index_t position = 0;   ///< of the event that is read
  offset_t carried = -1;  ///< the lane's place in the step before; -1 where the session begins
};

/// How sessions take turns.
struct SessionLanesOptions {
  index_t lanes = 32;
  bool shuffle = false;
  std::uint64_t seed = 0;
};

/// The order of session-parallel mini-batches (Hidasi et al. 2016, section 3.2.1): so many sessions at a time, each in
/// a lane of its own, one event a step; a lane whose session has ended goes on with the next one. In the end, when no
/// session is left to begin, lanes run out one by one, so that every event of every session is trained once an epoch.
///
/// Sessions come in the order of the data set, which is that of time (make_sessions). Shuffled, each changes places
/// with others of its length, anew each epoch, so that all epochs have the same steps. A step is a function of (seed,
/// epoch, step); one after the other they cost their rows, others the whole way from the epoch's start.
class SessionLanes {
 public:
  /// @param split  its training events; sessions of fewer than two take no part. Must outlive the lanes
  /// @throws ArgumentError without a lane   @throws DataError if no session has two training events
  SessionLanes(const Split& split, const SessionLanesOptions& options);
  SessionLanes(const Split&&, const SessionLanesOptions&) = delete;

  const SessionLanesOptions& options() const { return options_; }
  index_t num_sessions() const { return std::ssize(sessions_); }
  index_t steps_per_epoch() const { return steps_; }

  /// What the lanes do in a step of an epoch, both counted from 0; valid until the next call.
  /// @throws ArgumentError if there is no such step
  std::span<const LaneStep> at(index_t epoch, index_t step) {
    check_argument(epoch >= 0 && epoch <= std::numeric_limits<std::uint32_t>::max(), "epoch", epoch,
                   "a number from 0 to 2^32 - 1");
    check_argument(step >= 0 && step < steps_, "step", step, "a number from 0 to steps_per_epoch() - 1");
    if (epoch != epoch_ || step < step_) begin(epoch);
    while (step_ < step) advance();
    return rows_;
  }

 private:
  index_t length(index_t session) const { return split_->train_lengths.data()[session]; }

  void begin(index_t epoch) {
    if (options_.shuffle && epoch != epoch_) shuffle(epoch);
    epoch_ = epoch;
    step_ = next_ = 0;
    rows_.clear();
    while (std::ssize(rows_) < options_.lanes && next_ < num_sessions())
      rows_.push_back({order()[static_cast<std::size_t>(next_++)], 0, -1});
  }

  /// Lanes keep their order; what has run out is gone from among them.
  void advance() {
    std::size_t kept = 0;
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      LaneStep lane = rows_[row];
      if (lane.position + 2 < length(lane.session))
        lane = {lane.session, lane.position + 1, static_cast<offset_t>(row)};
      else if (next_ < num_sessions())
        lane = {order()[static_cast<std::size_t>(next_++)], 0, -1};
      else
        continue;
      rows_[kept++] = lane;
    }
    rows_.resize(kept);
    ++step_;
  }

  std::span<const index_t> order() const { return options_.shuffle ? shuffled_ : sessions_; }

  /// Fisher and Yates among the sessions of each length.
  void shuffle(index_t epoch) {
    shuffled_ = sessions_;
    RandomStream random(options_.seed, Purpose::shuffle, static_cast<std::uint64_t>(epoch));
    for (std::size_t first = 0; first < by_length_.size();) {
      std::size_t last = first;
      while (last < by_length_.size() && length_at(last) == length_at(first)) ++last;
      for (std::size_t left = last - first; left > 1; --left)
        std::swap(shuffled_[by_length_[first + left - 1]],
                  shuffled_[by_length_[first + random.below(static_cast<std::uint32_t>(left))]]);
      first = last;
    }
  }
  index_t length_at(std::size_t i) const { return length(sessions_[by_length_[i]]); }

  const Split* split_;
  SessionLanesOptions options_;
  std::vector<index_t> sessions_;       ///< who takes part, ascending
  std::vector<std::size_t> by_length_;  ///< their places, those of one length together; where they are shuffled
  std::vector<index_t> shuffled_;       ///< in the order of `epoch_`, where they are
  index_t steps_ = 0;
  index_t epoch_ = -1, step_ = 0, next_ = 0;  ///< where `rows_` stands, and the next session to begin
  std::vector<LaneStep> rows_;
};

#if SEQREC_BODIES

SEQREC_FUNCTION SessionLanes::SessionLanes(const Split& split, const SessionLanesOptions& options)
    : split_(&split), options_(options) {
  check_argument(options.lanes >= 1 && options.lanes <= std::numeric_limits<offset_t>::max(), "lanes", options.lanes,
                 "a number from 1 to 2^31 - 1");
  for (index_t session = 0; session < split.data->num_users(); ++session)
    if (length(session) >= 2) sessions_.push_back(session);
  if (sessions_.empty())
    throw DataError(split.data->name + ": no session has two training events, so there is no next item to learn");
  if (options.shuffle) {
    for (std::size_t i = 0; i < sessions_.size(); ++i) by_length_.push_back(i);
    std::stable_sort(by_length_.begin(), by_length_.end(),
                     [&](std::size_t a, std::size_t b) { return length(sessions_[a]) < length(sessions_[b]); });
    shuffled_ = sessions_;
  }
  for (begin(-1); !rows_.empty(); ++steps_) advance();  // any order of the same lengths has as many
  epoch_ = -2;
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
