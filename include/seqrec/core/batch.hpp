// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/jagged.hpp"

namespace seqrec {

/// What an encoder reads: the histories of B users, packed to N rows, oldest item first. Either a whole batch or a
/// shard of one: offsets count from the shard's first row, `first_row` and `first_user` say where it lies in the batch.
template <class Space>
struct Batch {
  Jagged<const item_t, Space> items;  ///< (N) items, offsets (B+1)
  RowIndex<Space> item_index;         ///< of `items`; empty where no gradient is wanted
  index_t first_row = 0;
  index_t first_user = 0;
  index_t longest = 0;  ///< length of the longest history, known on the host

  constexpr index_t rows() const { return items.size(); }
  constexpr index_t users() const { return items.segments(); }
  constexpr VectorView<const offset_t, Space> offsets() const { return items.offsets; }
};

/// What a next-item objective adds to a batch: for each row the item that came next, followed by sampled negatives.
template <class Space>
struct NextItems {
  MatrixView<const item_t, Space> items;  ///< (N, 1 + negatives), the target first
  RowIndex<Space> index;                  ///< of `items`, row by row; empty where no gradient is wanted
};

/// A batch, or a shard of one, with what its loss needs.
template <class Space>
struct TrainingBatch {
  Batch<Space> histories;
  NextItems<Space> next;
  double loss_scale = 0;  ///< 1 / targets of the whole step, so that shards simply add up
};

/// Histories to be ranked for, or a shard of them: whom to rank, what not to offer.
template <class Space>
struct RankingBatch {
  Batch<Space> histories;
  VectorView<const item_t, Space> targets;  ///< (B) the item that came next; empty where none is known
  Jagged<const item_t, Space> exclusions;   ///< distinct items per user that are not ranked
  Jagged<const item_t, Space> candidates;   ///< per user the target and those it is ranked among; null: the catalogue
};

/// Items to be scored for each user, and how much of the history each may see.
template <class Space>
struct Candidates {
  Jagged<const item_t, Space> items;          ///< (C) items, offsets (B+1)
  VectorView<const offset_t, Space> visible;  ///< (C) leading history rows seen; ascending within a user
};

}  // namespace seqrec
