// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/jagged.hpp"

namespace seqrec {

/// What is known of users and items beside who met whom: for each user of the data set and each item of the catalogue a
/// few category numbers (gender, age group, genres, ...), each kind counted by its own.
template <class Space>
struct Features {
  Jagged<const item_t, Space> of_users;  ///< (U) segments of categories; null where there are none
  Jagged<const item_t, Space> of_items;  ///< (V) segments of categories; null where there are none
  index_t user_categories = 0;           ///< every category of a user is below
  index_t item_categories = 0;           ///< every category of an item is below
};

/// What an encoder reads: the histories of B users, packed to N rows, oldest item first. Either a whole batch or a
/// shard of one: offsets count from the shard's first row, `first_row` and `first_user` say where it lies in the batch.
template <class Space>
struct Batch {
  Jagged<const item_t, Space> items;  ///< (N) items, offsets (B+1)
  RowIndex<Space> item_index;         ///< of `items`; empty where no gradient is wanted
  index_t first_row = 0;
  index_t first_user = 0;
  index_t longest = 0;                       ///< length of the longest history, known on the host
  VectorView<const item_t, Space> profiles;  ///< (B) each user's segment of `features.of_users`; null without those
  Features<Space> features;                  ///< of the whole data set

  constexpr index_t rows() const { return items.size(); }
  constexpr index_t users() const { return items.segments(); }
  constexpr VectorView<const offset_t, Space> offsets() const { return items.offsets; }
};

/// What a next-item objective adds to a batch: for each row the item that came next, followed by sampled negatives.
template <class Space>
struct NextItems {
  MatrixView<const item_t, Space> items;           ///< (N, 1 + negatives), the target first
  RowIndex<Space> index;                           ///< of `items`, row by row; empty where no gradient is wanted
  VectorView<const float, Space> log_probability;  ///< (V) with which an item is sampled; null for uniform sampling
  VectorView<const item_t, Space> shared{};        ///< (M) negatives that rows share; null where there are none
  VectorView<const offset_t, Space>
      shared_offsets{};            ///< (B+1) a user's rows share a segment; null: all rows share all
  RowIndex<Space> shared_index{};  ///< of `shared`; empty where no gradient is wanted
};

/// Items to be scored for each user, and how much of the history each may see: of the `visible` first rows the last
/// `window`. (A model that reads 50 items can so be trained on all positions of longer histories.)
template <class Space>
struct Candidates {
  Jagged<const item_t, Space> items;          ///< (C) items, offsets (B+1)
  VectorView<const offset_t, Space> visible;  ///< (C) leading history rows that may be seen; ascending within a user
  RowIndex<Space> index;                      ///< of `items`; empty where no gradient is wanted
  index_t first_candidate = 0;                ///< of a shard in its batch
  index_t window = 0;                         ///< most rows that a candidate sees
  index_t pairs = 0;                          ///< sum of min(visible, window), known on the host

  constexpr index_t size() const { return items.size(); }
  constexpr explicit operator bool() const { return static_cast<bool>(items); }
};

/// What a click objective adds to a batch: candidates with what became of them.
template <class Space>
struct Clicks {
  Candidates<Space> candidates;
  VectorView<const float, Space> labels;  ///< (C) 1 where the user took the item, 0 where not
  double loss_scale = 0;                  ///< 1 / candidates of the whole step
};

/// A batch, or a shard of one, with what its loss needs.
template <class Space>
struct TrainingBatch {
  Batch<Space> histories;
  NextItems<Space> next;
  Clicks<Space> clicks;   ///< the same items, each as a question of its own
  double loss_scale = 0;  ///< 1 / targets of the whole step, so that shards simply add up
};

/// Histories to be ranked for, or a shard of them: whom to rank, what not to offer.
template <class Space>
struct RankingBatch {
  Batch<Space> histories;
  VectorView<const item_t, Space> targets;  ///< (B) the item that came next; empty where none is known
  Jagged<const item_t, Space> exclusions;   ///< distinct items per user that are not ranked
  Candidates<Space> candidates;             ///< per user the target and those it is ranked among; null: the catalogue
};

}  // namespace seqrec
