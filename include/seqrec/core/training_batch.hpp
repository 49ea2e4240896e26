// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/batch.hpp"
#include "seqrec/core/candidates.hpp"

namespace seqrec {

/// What a next-item objective adds to a batch: for each row the item that came next, with what it is told apart from:
/// negatives of the row's own, or some that other rows share, or none (the whole catalogue).
template <class Space>
struct NextItems {
  MatrixView<const item_t, Space> items;             ///< (N, 1 + negatives of a row's own), the target first
  RowIndex<Space> index;                             ///< of `items`, row by row; empty unless asked for
  VectorView<const item_t, Space> shared;            ///< (M) negatives that rows share; null where there are none
  VectorView<const offset_t, Space> shared_offsets;  ///< (B+1) a user's rows share a segment; null: all rows share all
  RowIndex<Space> shared_index;                      ///< of `shared`; empty unless asked for
  VectorView<const float, Space> log_probability;  ///< (V) with which an item is sampled; null for uniform sampling, or
                                                   ///< where nobody asked
  RowIndex<Space> batch_index;                     ///< of the whole batch's `items`; empty where `index` is
  RowIndex<Space> batch_shared_index;              ///< of the whole batch's `shared`; empty where `shared_index` is
  index_t first_row = 0;                           ///< of a shard in its batch
  index_t first_shared = 0;                        ///< of a shard's lists in its batch
  index_t longest_shared = 0;                      ///< no user's list has more items; where users have lists

  constexpr ListIndex<Space> list() const { return {index, batch_index, first_row * items.columns()}; }
  constexpr ListIndex<Space> shared_list() const {
    return {shared_index, batch_shared_index, first_shared, !shared_offsets};
  }
};

/// What a click objective adds to a batch: candidates with what became of them.
template <class Space>
struct Clicks {
  Candidates<Space> candidates;           ///< null unless asked for
  VectorView<const float, Space> labels;  ///< (C) 1 where the user took the item, 0 where not
  double loss_scale = 0;                  ///< 1 / candidates of the whole step
};

/// A batch, or a shard of one, with what its loss needs: as much as the objective's plan names (BatchPlan).
template <class Space>
struct TrainingBatch {
  Batch<Space> histories;
  NextItems<Space> next;
  Clicks<Space> clicks;   ///< the same items, each as a question of its own
  double loss_scale = 0;  ///< 1 / targets of the whole step, so that shards simply add up
};

}  // namespace seqrec
