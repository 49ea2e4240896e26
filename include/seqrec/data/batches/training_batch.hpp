// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/training_batch.hpp"
#include "seqrec/data/batches/batch_builder.hpp"
#include "seqrec/data/batches/batch_constants.hpp"
#include "seqrec/data/batches/batch_plan.hpp"
#include "seqrec/data/batches/block_index.hpp"
#include "seqrec/data/batches/click_sections.hpp"
#include "seqrec/data/batches/shared_negatives.hpp"

namespace seqrec {

/// One user's part of a training batch. Of all lists the last max_length elements are trained.
struct TrainingUser {
  index_t user = 0;                          ///< number in the data set
  std::span<const item_t> history;           ///< what the model reads, oldest first
  std::span<const item_t> next;              ///< for each event of the history the one after it; read if planned
  std::span<const std::int64_t> times = {};  ///< of the history's events; read if planned
};

/// Owns one training batch on the host: histories and what a plan names beside them, in one block.
///
/// Negatives come from a source that the caller gives:
///
///     source.draw(i, negatives)       fills (rows, negatives of a row) for user i of those given; one row where the
///                                     user's positions share them
///     source.draw_in_batch(users, offsets, rows)
///                                     fills all but the first column of (N, 1 + negatives), which holds next items,
///                                     for these users of the data set; where clicks have the batch's own
///     source.draw_shared(negatives)   fills (M), for all users
///     source.choose(next, negatives)  the same with M of the batch's (N) next items
///
/// with items of the model's table.
class HostTrainingBatch {
 public:
  /// @param window     most rows that a click sees; 0 is max_length
  /// @param constants  what batches refer to but do not own
  /// @throws ArgumentError for an option out of range
  HostTrainingBatch(const PackingOptions& packing, const BatchPlan& plan, index_t window,
                    const BatchConstants& constants = {});

  /// Replaces the batch by one of these users, longest first, cut by the token budget.
  /// @param targets_of_step  positions over which the loss is a mean, where several batches make one step of the
  ///                         optimiser; 0 for those of this batch
  /// @throws DataError     for an item that the model's table does not have
  /// @throws ArgumentError for lists of different lengths, or a batch of 2^31 rows, targets and negatives or more
  template <class NegativeSource>
  void pack(std::span<const TrainingUser> users, NegativeSource&& source, index_t targets_of_step = 0) {
    check(users);
    builder_.begin(histories_);
    fill(users, source, targets_of_step);
  }
  /// The same in the order given, cut before the users `cuts`.
  template <class NegativeSource>
  void pack_as_given(std::span<const TrainingUser> users, std::span<const index_t> cuts, NegativeSource&& source,
                     index_t targets_of_step = 0) {
    check(users);
    builder_.begin_as_given(histories_, cuts);
    fill(users, source, targets_of_step);
  }

  const BatchPlan& plan() const { return plan_; }
  /// Positions that are trained, which are also the rows.
  index_t num_targets() const { return builder_.rows(); }
  /// For each packed user its number in the data set.
  std::span<const index_t> users() const { return users_; }
  /// All arrays of the shards.
  const HostBlock& block() const { return builder_.block(); }
  /// What shards refer to outside of the block.
  const BatchConstants& constants() const { return constants_; }

  index_t num_shards() const { return builder_.num_shards(); }
  /// One shard. Views are valid until the next `pack`.
  TrainingBatch<HostSpace> shard(index_t i) const;
  /// The whole batch as one piece, for looking at: not all of it lies in the block.
  TrainingBatch<HostSpace> whole() const {
    TrainingBatch<HostSpace> batch = view(builder_.whole(), history_index_.whole(), next_index_.whole());
    shared_.set_whole(builder_, batch.next);
    if (plan_.clicks) set_clicks(batch, clicks_.whole(builder_, batch.histories, batch.next));
    return batch;
  }

 private:
  void check(std::span<const TrainingUser> users) {
    const Packing& packing = builder_.packing();
    histories_.clear();
    index_t rows = 0;
    for (std::size_t i = 0; i < users.size(); ++i) {
      const auto check_length = [&](const char* what, std::size_t size) {
        if (size != users[i].history.size())
          throw ArgumentError(concatenate("training user ", i, ": ", what, " are ", size, ", expected ",
                                          users[i].history.size(), ", one for each event of the history"));
      };
      if (plan_.next_items) check_length("next items", users[i].next.size());
      if (plan_.times) check_length("times", users[i].times.size());
      if (plan_.next_items)
        for (const item_t item : packing.last_events(users[i].next))
          if (item < 0 || item >= packing.options().num_items)
            throw DataError(concatenate("training user ", i, ": next item ", item,
                                        " is beyond the model's table, expected 0 to ",
                                        packing.options().num_items - 1));
      histories_.push_back(users[i].history);
      rows += std::ssize(packing.last_events(users[i].history));
    }
    check_argument(plan_.shared() == 0 || std::ssize(users) <= std::numeric_limits<offset_t>::max() / plan_.shared(),
                   "negatives of all users", std::ssize(users) * plan_.shared(),
                   "at most 2^31 - 1: use smaller batches or fewer negatives");
    check_argument(columns_ == 0 || rows <= std::numeric_limits<offset_t>::max() / columns_,
                   "targets and negatives of a batch", rows * columns_,
                   "at most 2^31 - 1: use smaller batches or fewer negatives");
  }

  template <class NegativeSource>
  void fill(std::span<const TrainingUser> users, NegativeSource& source, index_t targets_of_step) {
    lay_out();
    builder_.allocate();
    users_.clear();
    for (const index_t i : builder_.order()) users_.push_back(users.data()[i].user);
    if (constants_.features.of_users) std::copy(users_.begin(), users_.end(), builder_.data(profiles_));
    for (index_t packed = 0; packed < builder_.users(); ++packed) fill_user(users, packed, source);
    if (columns_ > 1 && plan_.in_batch())
      source.draw_in_batch(users_, builder_.packing().offsets(),
                           MatrixView<item_t, HostSpace>(builder_.data(next_), builder_.rows(), columns_));
    shared_.fill(
        builder_, [&](index_t packed, auto list) { source.draw(builder_.order().data()[packed], list); },
        [&](auto list) {
          if (plan_.in_batch())
            source.choose(std::span<const item_t>(builder_.data(next_), static_cast<std::size_t>(next_.size)), list);
          else
            source.draw_shared(list);
        });
    history_index_.build_by_rows(builder_, builder_.whole().items.values, 1);
    if (plan_.next_index) next_index_.build_by_rows(builder_, {builder_.data(next_), next_.size}, columns_);
    if (plan_.clicks) clicks_.fill(builder_);
    targets_of_step_ = std::max<index_t>(targets_of_step != 0 ? targets_of_step : num_targets(), 1);
  }

  void lay_out() {
    const index_t rows = builder_.rows(), entries = rows * columns_, shards = builder_.num_shards();
    history_index_.lay_out(builder_, rows, shards);
    if (constants_.features.of_users) profiles_ = builder_.add<user_t>(builder_.users());
    if (plan_.times) times_ = builder_.add<std::int64_t>(rows);
    if (plan_.next_items) next_ = builder_.add<item_t>(entries);
    if (plan_.next_index) next_index_.lay_out(builder_, entries, shards);
    shared_.lay_out(builder_);
    if (plan_.clicks) clicks_.lay_out(builder_);
  }

  template <class NegativeSource>
  void fill_user(std::span<const TrainingUser> users, index_t packed, NegativeSource& source) {
    const index_t i = builder_.order().data()[packed];
    const TrainingUser& user = users.data()[i];
    const offset_t* const row = builder_.packing().offsets().data() + packed;  // where its rows begin and end
    if (plan_.times) {
      const auto times = builder_.packing().last_events(user.times);
      std::copy(times.begin(), times.end(), builder_.data(times_) + row[0]);
    }
    if (!plan_.next_items) return;
    const MatrixView<item_t, HostSpace> rows(builder_.data(next_) + row[0] * columns_, row[1] - row[0], columns_);
    const std::span<const item_t> targets = builder_.packing().last_events(user.next);
    for (index_t position = 0; position < rows.rows(); ++position) rows(position, 0) = targets.data()[position];
    if (columns_ > 1 && !plan_.in_batch()) source.draw(i, rows.column_range(1, columns_ - 1));
  }

  TrainingBatch<HostSpace> view(const Batch<HostSpace>& histories, const RowIndex<HostSpace>& history_index,
                                const RowIndex<HostSpace>& next_index) const {
    TrainingBatch<HostSpace> batch;
    batch.histories = histories;
    batch.histories.item_index = history_index;
    batch.histories.batch_item_index = history_index_.whole();
    batch.histories.features = constants_.features;
    if (constants_.features.of_users)
      batch.histories.profiles = {builder_.data(profiles_) + histories.first_user, histories.users()};
    if (plan_.times) batch.histories.times = {builder_.data(times_) + histories.first_row, histories.rows()};
    batch.loss_scale = 1.0 / static_cast<double>(targets_of_step_);
    if (!plan_.next_items) return batch;
    batch.next.items = {builder_.data(next_) + histories.first_row * columns_, histories.rows(), columns_};
    batch.next.index = next_index;
    batch.next.batch_index = next_index_.whole();
    batch.next.first_row = histories.first_row;
    if (plan_.log_probability) batch.next.log_probability = constants_.log_probability;
    return batch;
  }
  void set_clicks(TrainingBatch<HostSpace>& batch, const Clicks<HostSpace>& clicks) const {
    batch.clicks = clicks;
    batch.clicks.loss_scale = batch.loss_scale / static_cast<double>(columns_);
  }

  BatchBuilder builder_;
  BatchPlan plan_;
  index_t columns_;              ///< target and negatives of a row's own
  index_t targets_of_step_ = 1;  ///< positions over which the loss is a mean
  BatchConstants constants_;
  std::vector<index_t> users_;  ///< (B)

  Section<user_t> profiles_;     ///< (B) the users again, as the features number them
  Section<std::int64_t> times_;  ///< (N)
  Section<item_t> next_;         ///< (N, columns)
  BlockIndex history_index_;     ///< of the histories' items
  BlockIndex next_index_;        ///< of next_, entry row * columns + column
  SharedNegatives shared_;
  ClickSections clicks_;

  std::vector<std::span<const item_t>> histories_;  ///< scratch
};

#if SEQREC_BODIES

SEQREC_FUNCTION HostTrainingBatch::HostTrainingBatch(const PackingOptions& packing, const BatchPlan& plan,
                                                     index_t window, const BatchConstants& constants)
    : builder_(packing),
      plan_(plan),
      columns_(plan.columns()),
      constants_(constants),
      shared_(plan),
      clicks_(columns_, window != 0 ? window : packing.max_length) {
  plan.check();
  check_argument(window >= 0, "window", window, "a number of at least 0");
}

SEQREC_FUNCTION TrainingBatch<HostSpace> HostTrainingBatch::shard(index_t i) const {
  TrainingBatch<HostSpace> batch = view(builder_.shard(i), history_index_.shard(i), next_index_.shard(i));
  shared_.set_shard(builder_, i, batch.next);
  if (plan_.clicks) set_clicks(batch, clicks_.shard(builder_, i, batch.histories, batch.next));
  return batch;
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
