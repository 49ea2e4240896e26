// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <vector>

#include "seqrec/core/training_batch.hpp"
#include "seqrec/data/batches/batch_builder.hpp"

namespace seqrec {

/// The part of a training batch's block that asks of every next item and every negative as a click: an item each, at
/// each row of a history, seen with that row and those before. The items themselves are those of NextItems.
class ClickSections {
 public:
  /// @param columns  next item and negatives of a row   @param window  most rows that a click sees
  ClickSections(index_t columns, index_t window) : columns_(columns), window_(window) {}

  void lay_out(BatchBuilder& builder) {
    offsets_ = builder.add_offsets();
    visible_ = builder.add<offset_t>(builder.rows() * columns_);
    labels_ = builder.add<float>(builder.rows() * columns_);
  }

  void fill(const BatchBuilder& builder) {
    const auto offsets = builder.packing().offsets();
    const auto length = [&](index_t user) { return offsets.data()[user + 1] - offsets.data()[user]; };
    builder.fill_offsets(offsets_, [&](index_t user) { return length(user) * columns_; });
    whole_offsets_.clear();
    for (const offset_t offset : offsets) whole_offsets_.push_back(static_cast<offset_t>(offset * columns_));
    offset_t* visible = builder.data(visible_);
    float* label = builder.data(labels_);
    for (index_t user = 0; user < builder.users(); ++user)
      for (offset_t row = 1; row <= length(user); ++row) {
        visible = std::fill_n(visible, columns_, row);
        *label = 1;
        label = std::fill_n(label + 1, columns_ - 1, 0.0f);
      }
  }

  /// The clicks of one shard.
  Clicks<HostSpace> shard(const BatchBuilder& builder, index_t i, const Batch<HostSpace>& histories,
                          const NextItems<HostSpace>& next) const {
    return view(builder, builder.offsets(offsets_, i), histories, next);
  }
  /// The clicks of the whole batch.
  Clicks<HostSpace> whole(const BatchBuilder& builder, const Batch<HostSpace>& histories,
                          const NextItems<HostSpace>& next) const {
    return view(builder, {whole_offsets_.data(), std::ssize(whole_offsets_)}, histories, next);
  }

 private:
  Clicks<HostSpace> view(const BatchBuilder& builder, VectorView<const offset_t, HostSpace> offsets,
                         const Batch<HostSpace>& histories, const NextItems<HostSpace>& next) const {
    Clicks<HostSpace> clicks;
    Candidates<HostSpace>& candidates = clicks.candidates;
    const index_t entries = next.items.size();
    candidates.items = {{next.items.data, entries}, offsets};
    candidates.first_candidate = histories.first_row * columns_;
    candidates.visible = {builder.data(visible_) + candidates.first_candidate, entries};
    candidates.index = next.index;
    candidates.batch_index = next.batch_index;
    candidates.window = std::max<index_t>(std::min(window_, histories.longest), 1);
    for (index_t user = 0; user < histories.users(); ++user)
      candidates.pairs += pairs(histories.items.length(user)) * columns_;
    clicks.labels = {builder.data(labels_) + candidates.first_candidate, entries};
    return clicks;
  }

  /// The sum of min(row, window) over rows 1 .. length.
  index_t pairs(index_t length) const {
    const index_t short_rows = std::min(length, window_);
    return short_rows * (short_rows + 1) / 2 + (length - short_rows) * window_;
  }

  index_t columns_, window_;
  Section<offset_t> offsets_;            ///< (B + shards)
  Section<offset_t> visible_;            ///< (N columns)
  Section<float> labels_;                ///< (N columns)
  std::vector<offset_t> whole_offsets_;  ///< (B+1)
};

}  // namespace seqrec
