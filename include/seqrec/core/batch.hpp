// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "seqrec/core/check_offsets.hpp"
#include "seqrec/core/features.hpp"
#include "seqrec/core/jagged.hpp"

namespace seqrec {

/// What an encoder reads: the histories of B users, packed to N rows, oldest item first. Either a whole batch or a
/// shard of one: offsets count from the shard's first row, `first_row` and `first_user` say where it lies in the batch.
/// Made by a Batcher or a HostRankingBatch; `make_batch` makes one of items that lie on the host anyway.
template <class Space>
struct Batch {
  Jagged<const item_t, Space> items;  ///< (N) items, offsets (B+1)
  RowIndex<Space> item_index;         ///< of `items`; empty where no gradient is wanted
  index_t first_row = 0;
  index_t first_user = 0;
  index_t longest = 0;                          ///< length of the longest history, known on the host
  VectorView<const user_t, Space> profiles;     ///< (B) each user's segment of `features.of_users`; null without those
  Features<Space> features;                     ///< of the whole data set
  VectorView<const std::int64_t, Space> times;  ///< (N) seconds since 1970 of each event; null unless asked for
  RowIndex<Space> batch_item_index;             ///< of the whole batch's items; empty where `item_index` is

  constexpr index_t rows() const { return items.size(); }
  constexpr index_t users() const { return items.segments(); }
  constexpr VectorView<const offset_t, Space> offsets() const { return items.offsets; }
  constexpr ListIndex<Space> item_list() const { return {item_index, batch_item_index, first_row}; }
};

/// A batch of histories that lie packed on the host, with everything that follows from them (`longest`). It has no
/// inverse index: it is for inference, and for ops that are tried alone.
/// @param items (N)   @param offsets (B+1)
/// @throws ShapeError unless the offsets cut the items into segments
inline Batch<HostSpace> make_batch(VectorView<const item_t, HostSpace> items,
                                   VectorView<const offset_t, HostSpace> offsets) {
  check_offsets("make_batch", "offsets", offsets, items.size());
  Batch<HostSpace> batch;
  batch.items = {items, offsets};
  for (index_t user = 0; user < batch.users(); ++user)
    batch.longest = std::max<index_t>(batch.longest, batch.items.length(user));
  return batch;
}

}  // namespace seqrec
