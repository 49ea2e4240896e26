// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "seqrec/data/batches/batch_builder.hpp"
#include "seqrec/data/batches/row_index.hpp"

namespace seqrec {

/// The inverse indices of a list of items in a batch's block, one for each shard, which lie in the block too. Empty
/// indices where none was laid out.
class BlockIndex {
 public:
  /// @param entries  of the whole list   @param shards  that it is cut into
  void lay_out(BatchBuilder& builder, index_t entries, index_t shards) {
    sections_ = builder.add_index(entries, shards);
    laid_out_ = true;
  }

  /// Of a list with `each` items for every row of the batch.
  void build_by_rows(const BatchBuilder& builder, VectorView<const item_t, HostSpace> items, index_t each) {
    begins_.clear();
    for (index_t shard = 0; shard <= builder.num_shards(); ++shard)
      begins_.push_back(static_cast<offset_t>(builder.first_row(shard) * each));
    build(builder, items);
  }
  /// Of a list with `each` items for every user of the batch.
  void build_by_users(const BatchBuilder& builder, VectorView<const item_t, HostSpace> items, index_t each) {
    begins_.clear();
    for (index_t shard = 0; shard <= builder.num_shards(); ++shard)
      begins_.push_back(static_cast<offset_t>(builder.first_user(shard) * each));
    build(builder, items);
  }
  /// Of a list that all shards read whole: its only index is shard 0's.
  void build_in_one(const BatchBuilder& builder, VectorView<const item_t, HostSpace> items) {
    begins_.assign({0, static_cast<offset_t>(items.size())});
    build(builder, items);
  }

  RowIndex<HostSpace> shard(index_t i) const { return laid_out_ ? index_.shard(i) : RowIndex<HostSpace>{}; }
  RowIndex<HostSpace> whole() const { return laid_out_ ? index_.whole() : RowIndex<HostSpace>{}; }

 private:
  void build(const BatchBuilder& builder, VectorView<const item_t, HostSpace> items) {
    index_.build({items.data, static_cast<std::size_t>(items.size())}, begins_, builder.packing().options().num_items,
                 builder.place(sections_));
  }

  bool laid_out_ = false;
  BatchBuilder::IndexSections sections_;
  ShardedRowIndex index_;
  std::vector<offset_t> begins_;  ///< scratch
};

}  // namespace seqrec
