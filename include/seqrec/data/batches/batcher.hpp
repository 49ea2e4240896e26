// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/random.hpp"
#include "seqrec/data/batches/sampling.hpp"
#include "seqrec/data/batches/training_batch.hpp"
#include "seqrec/data/known_features.hpp"
#include "seqrec/data/splits/split.hpp"

namespace seqrec {

/// How training batches are made.
struct BatcherOptions {
  index_t batch_size = 128;     ///< users of a step; the last of an epoch may have fewer
  index_t max_length = 200;     ///< positions of a user that are trained: the last so many
  index_t window = 0;           ///< most events that a candidate sees (see Candidates); 0 is max_length
  index_t negatives = 1;        ///< sampled for each position; 0 for objectives over the whole catalogue
  NegativeSampling sampling{};  ///< what negatives are drawn from
  index_t token_budget = 256;   ///< rows of a shard (see PackedHistories)
  std::uint64_t seed = 0;       ///< of order and negatives
};

/// Makes the batches of next-item training. Every user with at least two training events takes part once an epoch, in
/// an order shuffled anew each epoch; each of its events but the last is an input, the one after it the target.
///
/// A batch is a function of (seed, epoch, step) alone, so a resumed run sees exactly what an uninterrupted one would.
/// Making a batch of a size seen before allocates nothing.
class Batcher {
 public:
  /// @param split  must outlive the batcher
  /// @throws ArgumentError for an option out of range
  /// @throws DataError     if no user has two training events, or negatives are wanted and a user has seen every item
  Batcher(const Split& split, const BatcherOptions& options)
      : split_(&split),
        options_(checked(options)),
        batch_({split.data->num_items(), options.max_length, options.token_budget}, options.negatives,
               options.window != 0 ? options.window : options.max_length, features_of(*split.data)) {
    if (options.negatives > 0) {
      sampler_.emplace(split, options.seed, options.sampling);
      batch_.log_probability_ = sampler_->log_probability();
    }
    for (index_t user = 0; user < split.data->num_users(); ++user)
      if (split.train_lengths.data()[user] >= 2) users_.push_back(user);
    if (users_.empty())
      throw DataError(split.data->name + ": no user has two training events, so there is no next item to learn");
  }
  Batcher(const Split&&, const BatcherOptions&) = delete;

  const BatcherOptions& options() const { return options_; }
  index_t num_users() const { return std::ssize(users_); }
  index_t steps_per_epoch() const { return (num_users() + options_.batch_size - 1) / options_.batch_size; }

  /// The batch of a step of an epoch, both counted from 0; valid until the next call.
  /// @param targets_of_step  positions over which the loss is a mean where several batches make one step of the
  ///                         optimiser; 0 for those of this batch
  /// @throws ArgumentError if there is no such step
  const HostTrainingBatch& make(index_t epoch, index_t step, index_t targets_of_step = 0) {
    check_argument(targets_of_step >= 0, "targets_of_step", targets_of_step, "a number of at least 0");
    fill(epoch, users_of(epoch, step));
    batch_.targets_of_step_ = targets_of_step != 0 ? targets_of_step : batch_.num_targets();
    return batch_;
  }

  /// How many positions that batch trains, without making it.
  /// @throws ArgumentError if there is no such step
  index_t num_targets(index_t epoch, index_t step) {
    index_t targets = 0;
    for (const index_t user : users_of(epoch, step))
      targets += std::min(options_.max_length, split_->train_lengths.data()[user] - 1);
    return targets;
  }

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

  /// Positions in a batch are int32.
  static constexpr index_t most_entries = std::numeric_limits<offset_t>::max();

  static const BatcherOptions& checked(const BatcherOptions& options) {
    check_argument(options.batch_size >= 1, "batch_size", options.batch_size, "a number of at least 1");
    check_argument(options.window >= 0, "window", options.window, "a number of at least 0");
    check_argument(options.negatives >= 0 && options.negatives < most_entries, "negatives", options.negatives,
                   "a number from 0 to 2^31 - 2");
    return options;
  }

  /// Fisher and Yates, from the same start each time, so that an epoch's order does not depend on earlier epochs.
  void shuffle(index_t epoch) {
    shuffled_ = users_;
    RandomStream random(options_.seed, Purpose::shuffle, static_cast<std::uint64_t>(epoch));
    for (std::size_t left = shuffled_.size(); left > 1; --left)
      std::swap(shuffled_[left - 1], shuffled_[random.below(static_cast<std::uint32_t>(left))]);
    shuffled_epoch_ = epoch;
  }

  void fill(index_t epoch, std::span<const index_t> users) {
    inputs_.clear();
    for (const index_t user : users) {
      const std::span<const item_t> events = split_->train_history(user);
      inputs_.push_back(events.first(events.size() - 1));
    }
    batch_.histories_.pack(inputs_);
    fill_next_items(epoch, users);
    batch_.lay_out_clicks();
    build_indices();
  }

  void fill_next_items(index_t epoch, std::span<const index_t> users) {
    const index_t columns = batch_.columns_;
    const Batch<HostSpace> histories = batch_.histories_.whole();
    const index_t entries = histories.rows() * columns;
    check_argument(entries <= most_entries, "targets and negatives of a batch", entries,
                   "at most 2^31 - 1: use smaller batches or fewer negatives");
    batch_.next_items_.resize(static_cast<std::size_t>(entries));
    const MatrixView<item_t, HostSpace> next(batch_.next_items_.data(), histories.rows(), columns);
    batch_.users_.clear();
    batch_.profiles_.clear();
    for (index_t i = 0; i < histories.users(); ++i) {
      const index_t user = users.data()[batch_.histories_.order().data()[i]];
      batch_.users_.push_back(user);
      batch_.profiles_.push_back(static_cast<item_t>(user));
      const auto rows = next.row_range(histories.items.offsets(i), histories.items.length(i));
      const std::span<const item_t> targets = split_->train_history(user).last(static_cast<std::size_t>(rows.rows()));
      for (index_t row = 0; row < rows.rows(); ++row) rows(row, 0) = targets.data()[row];
      if (sampler_) sampler_->draw(user, epoch, rows.column_range(1, columns - 1));
    }
  }

  void build_indices() {
    const index_t num_items = split_->data->num_items();
    const Batch<HostSpace> histories = batch_.histories_.whole();
    const std::span<const offset_t> shard_rows = batch_.histories_.shard_rows();
    batch_.history_index_.build({histories.items.values.data, static_cast<std::size_t>(histories.rows())}, shard_rows,
                                num_items);
    shard_entries_.clear();
    for (const offset_t row : shard_rows) shard_entries_.push_back(static_cast<offset_t>(row * batch_.columns_));
    batch_.next_index_.build(batch_.next_items_, shard_entries_, num_items);
  }

  const Split* split_;
  BatcherOptions options_;
  std::optional<NegativeSampler> sampler_;
  HostTrainingBatch batch_;
  std::vector<index_t> users_;     ///< who takes part, ascending
  std::vector<index_t> shuffled_;  ///< the same in the order of `shuffled_epoch_`
  index_t shuffled_epoch_ = -1;
  std::vector<std::span<const item_t>> inputs_;  ///< (B) scratch
  std::vector<offset_t> shard_entries_;          ///< (S+1) scratch
};

}  // namespace seqrec
