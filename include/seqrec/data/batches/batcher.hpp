// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/random.hpp"
#include "seqrec/data/batches/batch_plan.hpp"
#include "seqrec/data/batches/sampling.hpp"
#include "seqrec/data/batches/training_batch.hpp"
#include "seqrec/data/known_features.hpp"
#include "seqrec/data/splits/split.hpp"

namespace seqrec {

/// How training batches are made.
struct BatcherOptions {
  index_t batch_size = 128;    ///< users of a step; the last of an epoch may have fewer
  index_t max_length = 200;    ///< positions of a user that are trained: the last so many
  index_t window = 0;          ///< most events that a candidate sees (see Candidates); 0 is max_length
  BatchPlan plan{};            ///< what a batch holds beside histories
  index_t token_budget = 256;  ///< rows of a shard (see Packing)
  index_t fewest_users = 1;    ///< of a shard (see Packing)
  std::uint64_t seed = 0;      ///< of order, negatives and windows
  /// Of a user with more positions than max_length, a random run of so many is trained each epoch, every one equally
  /// likely, and not always the last.
  bool random_windows = false;
};

/// Makes the batches of next-item training. Every user with at least two training events takes part once an epoch, in
/// an order shuffled anew each epoch; each of its events but the last is an input, the one after it the target. Where
/// negatives are drawn for each user, those for whom none is left (NegativeSampler) take no part.
///
/// A batch is a function of (seed, epoch, step) alone, so a resumed run sees exactly what an uninterrupted one would.
/// Making a batch of a size seen before allocates nothing.
class Batcher {
 public:
  /// @param split  must outlive the batcher
  /// @throws ArgumentError for an option out of range
  /// @throws DataError     if no user has two training events, or none of those a negative where such are wanted, or
  ///                       one fewer than are to be distinct, or times are wanted and the data set has none
  Batcher(const Split& split, const BatcherOptions& options);
  Batcher(const Split&&, const BatcherOptions&) = delete;

  const BatcherOptions& options() const { return options_; }
  /// What the batches refer to.
  const BatchConstants& constants() const { return batch_.constants(); }
  index_t num_users() const { return std::ssize(users_); }
  /// Users with two training events who take no part, ascending: no negative is left to draw for them.
  std::span<const index_t> without_negatives() const { return without_negatives_; }
  index_t steps_per_epoch() const { return (num_users() + options_.batch_size - 1) / options_.batch_size; }

  /// The batch of a step of an epoch, both counted from 0; valid until the next call.
  /// @param targets_of_step  positions over which the loss is a mean where several batches make one step of the
  ///                         optimiser; 0 for those of this batch
  /// @throws ArgumentError if there is no such step
  const HostTrainingBatch& make(index_t epoch, index_t step, index_t targets_of_step = 0);

  /// How many positions that batch trains, without making it.
  /// @throws ArgumentError if there is no such step
  index_t num_targets(index_t epoch, index_t step);

 private:
  /// Who is in the batch of a step.
  std::span<const index_t> users_of(index_t epoch, index_t step) {
    check_argument(epoch >= 0 && epoch <= std::numeric_limits<std::uint32_t>::max(), "epoch", epoch,
                   "a number from 0 to 2^32 - 1");
    check_argument(step >= 0 && step < steps_per_epoch(), "step", step, "a number from 0 to steps_per_epoch() - 1");
    if (epoch != shuffled_epoch_) shuffle(epoch);
    const index_t first = step * options_.batch_size;
    const index_t count = std::min(options_.batch_size, num_users() - first);
    return std::span(shuffled_).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
  }

  /// Where a batch's negatives come from.
  struct Drawing {
    Batcher& batcher;
    index_t epoch, step;

    void draw(index_t i, MatrixView<item_t, HostSpace> negatives) const {
      batcher.sampler_->draw(batcher.part_.data()[i].user, epoch, negatives);
    }
    void draw_in_batch(std::span<const index_t> users, std::span<const offset_t> offsets,
                       MatrixView<item_t, HostSpace> rows) const {
      batcher.sampler_->draw_in_batch(users, epoch, offsets, rows);
    }
    void draw_shared(VectorView<item_t, HostSpace> negatives) const {
      batcher.sampler_->draw_shared(epoch, step, negatives);
    }
    void choose(std::span<const item_t> next, VectorView<item_t, HostSpace> negatives) const {
      batcher.sampler_->choose(epoch, step, next, negatives);
    }
  };

  static const BatcherOptions& checked(const BatcherOptions& options) {
    check_argument(options.batch_size >= 1, "batch_size", options.batch_size, "a number of at least 1");
    check_argument(options.window >= 0, "window", options.window, "a number of at least 0");
    options.plan.check();
    return options;
  }

  static std::optional<NegativeSampler> sampler_of(const Split& split, const BatcherOptions& options) {
    if (options.plan.negatives == 0) return std::nullopt;
    return std::optional<NegativeSampler>(std::in_place, split, options.seed, options.plan.sampling);
  }
  VectorView<const float, HostSpace> log_probability() const {
    if (!sampler_ || sampler_->log_probability().empty()) return {};
    return {sampler_->log_probability().data(), std::ssize(sampler_->log_probability())};
  }

  /// Fisher and Yates, from the same start each time, so that an epoch's order does not depend on earlier epochs.
  void shuffle(index_t epoch) {
    shuffled_ = users_;
    RandomStream random(options_.seed, Purpose::shuffle, static_cast<std::uint64_t>(epoch));
    for (std::size_t left = shuffled_.size(); left > 1; --left)
      std::swap(shuffled_[left - 1], shuffled_[random.below(static_cast<std::uint32_t>(left))]);
    shuffled_epoch_ = epoch;
  }

  /// A user's training events, or a window of them: all but the last are read, all but the first come next.
  TrainingUser part_of(index_t user, index_t epoch) const {
    std::span<const item_t> events = split_->train_history(user);
    index_t first = 0;
    const index_t spare = std::ssize(events) - 1 - options_.max_length;
    if (options_.random_windows && spare > 0) {
      RandomStream random(options_.seed, Purpose::windows,
                          static_cast<std::uint64_t>(epoch) << 32 | static_cast<std::uint64_t>(user));
      first = random.below(static_cast<std::uint32_t>(spare + 1));
      events = events.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(options_.max_length + 1));
    }
    TrainingUser part{user, events.first(events.size() - 1), events.last(events.size() - 1)};
    if (options_.plan.times)
      part.times = {split_->data->times.data() + split_->data->offsets.data()[user] + first, part.history.size()};
    return part;
  }

  const Split* split_;
  BatcherOptions options_;
  std::optional<NegativeSampler> sampler_;
  HostTrainingBatch batch_;
  std::vector<index_t> users_;  ///< who takes part, ascending
  std::vector<index_t> without_negatives_;
  std::vector<index_t> shuffled_;  ///< the same in the order of `shuffled_epoch_`
  index_t shuffled_epoch_ = -1;
  std::vector<TrainingUser> part_;  ///< who is in the batch
};

#if SEQREC_BODIES

SEQREC_FUNCTION Batcher::Batcher(const Split& split, const BatcherOptions& options)
    : split_(&split),
      options_(checked(options)),
      sampler_(sampler_of(split, options)),
      batch_({.num_items = split.data->num_items(),
              .max_length = options.max_length,
              .token_budget = options.token_budget,
              .fewest_users = options.fewest_users},
             options.plan, options.window, {known_features(*split.data), log_probability()}) {
  if (options.plan.times) check_times("plan times", *split.data);
  const std::span<const index_t> without = sampler_ ? sampler_->without_negatives() : std::span<const index_t>();
  for (index_t user = 0; user < split.data->num_users(); ++user)
    if (split.train_lengths.data()[user] >= 2)
      (std::binary_search(without.begin(), without.end(), user) ? without_negatives_ : users_).push_back(user);
  if (users_.empty() && !without_negatives_.empty())
    throw DataError(concatenate(split.data->name, ": all ", without_negatives_.size(),
                                " users with two training events have all items, or nearly all popularity, in "
                                "training: no negative is left to draw for anybody"));
  if (users_.empty())
    throw DataError(split.data->name + ": no user has two training events, so there is no next item to learn");
  if (sampler_) sampler_->check_distinct(users_, options.plan.negatives, options.plan.in_batch() ? 1 : 0);
}

SEQREC_FUNCTION const HostTrainingBatch& Batcher::make(index_t epoch, index_t step, index_t targets_of_step) {
  check_argument(targets_of_step >= 0, "targets_of_step", targets_of_step, "a number of at least 0");
  part_.clear();
  for (const index_t user : users_of(epoch, step)) part_.push_back(part_of(user, epoch));
  batch_.pack(part_, Drawing{*this, epoch, step}, targets_of_step);
  return batch_;
}

SEQREC_FUNCTION index_t Batcher::num_targets(index_t epoch, index_t step) {
  index_t targets = 0;
  for (const index_t user : users_of(epoch, step))
    targets += std::min(options_.max_length, split_->train_lengths.data()[user] - 1);
  return targets;
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
