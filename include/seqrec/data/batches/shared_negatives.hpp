// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <vector>

#include "seqrec/core/training_batch.hpp"
#include "seqrec/data/batches/batch_builder.hpp"
#include "seqrec/data/batches/batch_plan.hpp"
#include "seqrec/data/batches/block_index.hpp"

namespace seqrec {

/// The part of a training batch's block that holds negatives which positions share: a list for each user, or one for
/// the batch, drawn or taken from its own next items. Nothing where the plan has no such negatives.
class SharedNegatives {
 public:
  explicit SharedNegatives(const BatchPlan& plan)
      : negatives_(plan.shared()),
        by_batch_(plan.shared_by_batch()),
        in_batch_(plan.in_batch()),
        with_index_(plan.next_index) {}

  void lay_out(BatchBuilder& builder) {
    if (negatives_ == 0) return;
    const index_t of_batch = in_batch_ ? std::min(negatives_, builder.rows()) : negatives_;
    const index_t size = by_batch_ ? of_batch : negatives_ * builder.users();
    items_ = builder.add<item_t>(size);
    if (!by_batch_) offsets_ = builder.add_offsets();
    if (with_index_) index_.lay_out(builder, size, by_batch_ ? 1 : builder.num_shards());
  }

  /// Fills the lists.   @param draw_user  draw_user(packed user, (1, negatives))   @param draw_batch  draw_batch((M))
  template <class DrawUser, class DrawBatch>
  void fill(const BatchBuilder& builder, DrawUser draw_user, DrawBatch draw_batch) {
    if (negatives_ == 0) return;
    item_t* const items = builder.data(items_);
    if (by_batch_) {
      draw_batch(VectorView<item_t, HostSpace>(items, items_.size));
    } else {
      for (index_t user = 0; user < builder.users(); ++user)
        draw_user(user, MatrixView<item_t, HostSpace>(items + user * negatives_, 1, negatives_));
      builder.fill_offsets(offsets_, [&](index_t) { return negatives_; });
      whole_offsets_.clear();
      for (index_t user = 0; user <= builder.users(); ++user)
        whole_offsets_.push_back(static_cast<offset_t>(user * negatives_));
    }
    if (!with_index_) return;
    if (by_batch_)
      index_.build_in_one(builder, {items, items_.size});
    else
      index_.build_by_users(builder, {items, items_.size}, negatives_);
  }

  /// Adds what a shard's rows share.
  void set_shard(const BatchBuilder& builder, index_t i, NextItems<HostSpace>& next) const {
    if (by_batch_ || negatives_ == 0) return set_whole(builder, next);
    const index_t first = builder.first_user(i), users = builder.first_user(i + 1) - first;
    next.shared = {builder.data(items_) + first * negatives_, users * negatives_};
    next.shared_offsets = builder.offsets(offsets_, i);
    next.longest_shared = negatives_;
    next.first_shared = first * negatives_;
    next.shared_index = index_.shard(i);
    next.batch_shared_index = index_.whole();
  }
  /// Adds what the rows of the whole batch share.
  void set_whole(const BatchBuilder& builder, NextItems<HostSpace>& next) const {
    if (negatives_ == 0) return;
    next.shared = {builder.data(items_), items_.size};
    if (!by_batch_) {
      next.shared_offsets = {whole_offsets_.data(), std::ssize(whole_offsets_)};
      next.longest_shared = negatives_;
    }
    next.shared_index = next.batch_shared_index = index_.whole();
  }

 private:
  index_t negatives_;
  bool by_batch_, in_batch_, with_index_;
  Section<item_t> items_;                ///< (M)
  Section<offset_t> offsets_;            ///< (B + shards)
  BlockIndex index_;                     ///< of the items
  std::vector<offset_t> whole_offsets_;  ///< (B+1)
};

}  // namespace seqrec
