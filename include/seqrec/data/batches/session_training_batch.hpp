// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/session_batch.hpp"
#include "seqrec/data/batches/batch_builder.hpp"
#include "seqrec/data/batches/batch_constants.hpp"
#include "seqrec/data/batches/block_index.hpp"

namespace seqrec {

/// A row of a step of session-parallel training.
struct SessionRow {
  item_t read = 0;  ///< what the model reads
  item_t next = 0;  ///< the target
  offset_t carried = -1;
  user_t profile = 0;  ///< the session's segment of the features of users; read where there are any
};

/// Owns one step of session-parallel training on the host, in one block: an event of each lane with the next one, and
/// what all of them share as negatives: the targets of the whole step, and more items that the caller gives. (A loss
/// leaves out of a row what is its own target, so equal targets are no negatives of each other.)
class HostSessionBatch {
 public:
  /// @param packing    items of the catalogue, and rows of a shard
  /// @param constants  what batches refer to but do not own; must outlive them
  /// @throws ArgumentError for an option out of range
  explicit HostSessionBatch(const PackingOptions& packing, const BatchConstants& constants = {})
      : builder_(packing), constants_(constants) {}

  /// Replaces the step. Rows keep their order.
  /// @param more  shared negatives beside the targets
  /// @throws DataError for an item that the catalogue does not have, ArgumentError for 2^31 of them or more
  void pack(std::span<const SessionRow> rows, std::span<const item_t> more);

  /// Rows, which are also the targets.
  index_t num_targets() const { return builder_.rows(); }
  /// All arrays of the shards.
  const HostBlock& block() const { return builder_.block(); }
  /// What shards refer to outside of the block.
  const BatchConstants& constants() const { return constants_; }

  index_t num_shards() const { return builder_.num_shards(); }
  /// One shard. Views are valid until the next `pack`.
  SessionBatch<HostSpace> shard(index_t i) const;

 private:
  void check_items(const char* what, std::span<const item_t> items) const {
    const index_t num_items = builder_.packing().options().num_items;
    for (const item_t item : items)
      if (item < 0 || item >= num_items)
        throw DataError(concatenate("session batch: ", what, " ", item, " is beyond the model's table, expected 0 to ",
                                    num_items - 1));
  }

  BatchBuilder builder_;
  BatchConstants constants_;
  Section<item_t> shared_;     ///< (N + more) the targets of all rows, then what is sampled
  Section<offset_t> carried_;  ///< (N)
  Section<user_t> profiles_;   ///< (N)
  BlockIndex history_index_;   ///< of the events that are read
  BlockIndex next_index_;      ///< of the targets, shard by shard
  BlockIndex shared_index_;    ///< of `shared_`

  std::vector<item_t> read_, next_;  ///< scratch
  std::vector<std::span<const item_t>> histories_;
  std::vector<index_t> cuts_;
};

#if SEQREC_BODIES

SEQREC_FUNCTION void HostSessionBatch::pack(std::span<const SessionRow> rows, std::span<const item_t> more) {
  check_argument(rows.size() + more.size() <= std::numeric_limits<offset_t>::max(), "targets and negatives of a step",
                 rows.size() + more.size(), "at most 2^31 - 1: use fewer lanes or negatives");
  read_.clear();
  next_.clear();
  for (const SessionRow& row : rows) {
    read_.push_back(row.read);
    next_.push_back(row.next);
  }
  check_items("next item", next_);
  check_items("negative", more);
  histories_.clear();
  cuts_.clear();
  for (std::size_t row = 0; row < rows.size(); ++row) {
    histories_.push_back(std::span<const item_t>(read_).subspan(row, 1));
    const auto place = static_cast<index_t>(row);
    if (place != 0 && place % builder_.packing().options().token_budget == 0) cuts_.push_back(place);
  }
  builder_.begin_as_given(histories_, cuts_);
  const auto count = std::ssize(rows), num_shared = count + std::ssize(more);
  shared_ = builder_.add<item_t>(num_shared);
  carried_ = builder_.add<offset_t>(count);
  if (constants_.features.of_users) profiles_ = builder_.add<user_t>(count);
  history_index_.lay_out(builder_, count, num_shards());
  next_index_.lay_out(builder_, count, num_shards());
  shared_index_.lay_out(builder_, num_shared, 1);
  builder_.allocate();
  item_t* const shared = std::copy(next_.begin(), next_.end(), builder_.data(shared_));
  std::copy(more.begin(), more.end(), shared);
  for (std::size_t row = 0; row < rows.size(); ++row) {
    builder_.data(carried_)[row] = rows[row].carried;
    if (constants_.features.of_users) builder_.data(profiles_)[row] = rows[row].profile;
  }
  history_index_.build_by_rows(builder_, builder_.whole().items.values, 1);
  next_index_.build_by_rows(builder_, {builder_.data(shared_), count}, 1);
  shared_index_.build_in_one(builder_, {builder_.data(shared_), num_shared});
}

SEQREC_FUNCTION SessionBatch<HostSpace> HostSessionBatch::shard(index_t i) const {
  SessionBatch<HostSpace> batch;
  batch.training.histories = builder_.shard(i);
  batch.training.histories.item_index = history_index_.shard(i);
  batch.training.histories.batch_item_index = history_index_.whole();
  batch.training.histories.features = constants_.features;
  if (constants_.features.of_users) batch.training.histories.profiles = builder_.of_users(profiles_, i);
  batch.training.loss_scale = 1.0 / static_cast<double>(std::max<index_t>(num_targets(), 1));
  NextItems<HostSpace>& next = batch.training.next;
  next.items = {builder_.data(shared_) + builder_.first_row(i), batch.training.histories.rows(), 1};
  next.index = next_index_.shard(i);
  next.batch_index = next_index_.whole();
  next.first_row = builder_.first_row(i);
  next.shared = {builder_.data(shared_), shared_.size};
  next.shared_index = next.batch_shared_index = shared_index_.whole();
  next.log_probability = constants_.log_probability;
  batch.carried = builder_.of_rows(carried_, i);
  return batch;
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
