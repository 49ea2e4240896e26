// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "seqrec/core/batch.hpp"
#include "seqrec/data/batches/packing.hpp"
#include "seqrec/data/batches/row_index.hpp"

namespace seqrec {

/// Owns one training batch on the host: histories, next items with their negatives, the same items as clicks, and the
/// inverse indices by which the item table's gradient is summed. Filled by a Batcher.
class HostTrainingBatch {
 public:
  /// Positions that are trained, which are also the rows.
  index_t num_targets() const { return histories_.rows(); }
  /// For each packed user its number in the data set.
  std::span<const index_t> users() const { return users_; }

  index_t num_shards() const { return histories_.num_shards(); }
  /// One shard. Views are valid until the Batcher makes the next batch.
  TrainingBatch<HostSpace> shard(index_t i) const {
    const Batch<HostSpace> part = histories_.shard(i);
    return view(part, history_index_.shard(i), next_index_.shard(i), shard_click_offsets_.data() + part.first_user + i,
                shard_pairs_.data()[i]);
  }
  /// The whole batch as one piece.
  TrainingBatch<HostSpace> whole() const {
    index_t pairs = 0;
    for (const index_t of_shard : shard_pairs_) pairs += of_shard;
    return view(histories_.whole(), history_index_.whole(), next_index_.whole(), click_offsets_.data(), pairs);
  }

 private:
  friend class Batcher;
  HostTrainingBatch(const PackingOptions& packing, index_t negatives, index_t window,
                    const Features<HostSpace>& features)
      : histories_(packing), columns_(1 + negatives), window_(window), features_(features) {}

  /// Every next item as a click, every negative as none: at each row of a history, seen with that row and those before.
  void lay_out_clicks() {
    click_offsets_.clear();
    shard_click_offsets_.clear();
    shard_pairs_.clear();
    visible_.clear();
    for (index_t s = 0; s < num_shards(); ++s) {
      const Batch<HostSpace> part = histories_.shard(s);
      shard_click_offsets_.push_back(0);
      index_t pairs = 0;
      for (index_t user = 0; user < part.users(); ++user) {
        shard_click_offsets_.push_back(static_cast<offset_t>(part.items.offsets(user + 1) * columns_));
        for (offset_t row = 1; row <= part.items.length(user); ++row) {
          visible_.insert(visible_.end(), static_cast<std::size_t>(columns_), row);
          pairs += std::min<index_t>(row, window_) * columns_;
        }
      }
      shard_pairs_.push_back(pairs);
    }
    const Batch<HostSpace> whole = histories_.whole();
    for (index_t user = 0; user <= whole.users(); ++user)
      click_offsets_.push_back(static_cast<offset_t>(whole.items.offsets(user) * columns_));
    labels_.assign(visible_.size(), 0.0f);
    for (std::size_t entry = 0; entry < labels_.size(); entry += static_cast<std::size_t>(columns_))
      labels_[entry] = 1.0f;
  }

  TrainingBatch<HostSpace> view(const Batch<HostSpace>& histories, const RowIndex<HostSpace>& history_index,
                                const RowIndex<HostSpace>& next_index, const offset_t* click_offsets,
                                index_t pairs) const {
    TrainingBatch<HostSpace> batch;
    batch.histories = histories;
    batch.histories.item_index = history_index;
    batch.histories.features = features_;
    if (features_.of_users) batch.histories.profiles = {profiles_.data() + histories.first_user, histories.users()};
    const index_t first = histories.first_row * columns_, entries = histories.rows() * columns_;
    batch.next.items = {next_items_.data() + first, histories.rows(), columns_};
    batch.next.index = next_index;
    if (!log_probability_.empty()) batch.next.log_probability = {log_probability_.data(), std::ssize(log_probability_)};
    Candidates<HostSpace>& candidates = batch.clicks.candidates;
    candidates.items = {{next_items_.data() + first, entries}, {click_offsets, histories.users() + 1}};
    candidates.visible = {visible_.data() + first, entries};
    candidates.index = next_index;
    candidates.first_candidate = first;
    candidates.pairs = pairs;
    candidates.window = std::min(window_, histories.longest);
    batch.clicks.labels = {labels_.data() + first, entries};
    batch.loss_scale = 1.0 / static_cast<double>(targets_of_step_);
    batch.clicks.loss_scale = batch.loss_scale / static_cast<double>(columns_);
    return batch;
  }

  PackedHistories histories_;
  index_t columns_;                         ///< target and negatives
  index_t window_;                          ///< most rows that a click sees
  index_t targets_of_step_ = 1;             ///< positions over which the loss is a mean
  std::vector<item_t> next_items_;          ///< (N, columns)
  std::span<const float> log_probability_;  ///< (V) with which negatives are drawn; empty for uniform draws
  std::vector<index_t> users_;              ///< (B)
  Features<HostSpace> features_;            ///< of the data set
  std::vector<item_t> profiles_;            ///< (B) the users again, as the features number them
  ShardedRowIndex history_index_;           ///< of the histories' items
  ShardedRowIndex next_index_;              ///< of next_items, entry row * columns + column

  std::vector<offset_t> visible_;              ///< (N columns)
  std::vector<float> labels_;                  ///< (N columns)
  std::vector<offset_t> click_offsets_;        ///< (B+1)
  std::vector<offset_t> shard_click_offsets_;  ///< (B + shards) each shard's own, one after another
  std::vector<index_t> shard_pairs_;           ///< (shards)
};

}  // namespace seqrec
