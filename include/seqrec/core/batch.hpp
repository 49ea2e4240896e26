// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "seqrec/core/check_shape.hpp"
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

  constexpr index_t rows() const { return items.size(); }
  constexpr index_t users() const { return items.segments(); }
  constexpr VectorView<const offset_t, Space> offsets() const { return items.offsets; }
};

/// Throws ArgumentError unless offsets cut `size` values into segments: from 0 to `size`, never descending.
/// @param owner who asks   @param offsets (B+1), or null where there is no segment
inline void check_offsets(const char* owner, VectorView<const offset_t, HostSpace> offsets, index_t size) {
  const auto check = [&](bool holds, index_t i, index_t value, const auto&... expected) {
    if (!holds) throw ArgumentError(concatenate(owner, " offsets[", i, "] is ", value, ", expected ", expected...));
  };
  const index_t last = offsets.size() - 1;
  if (last < 0) return check(size == 0, 0, 0, size, ", the number of values: there are no offsets");
  check(offsets(0) == 0, 0, offsets(0), 0);
  for (index_t i = 1; i <= last; ++i)
    check(offsets(i) >= offsets(i - 1), i, offsets(i), "at least ", offsets(i - 1), ", where the segment starts");
  check(offsets(last) == size, last, offsets(last), size, ", the number of values");
}

/// A batch of histories that lie packed on the host, with everything that follows from them (`longest`). It has no
/// inverse index: it is for inference, and for ops that are tried alone.
/// @param items (N)   @param offsets (B+1)
/// @throws ArgumentError unless the offsets cut the items into segments
inline Batch<HostSpace> make_batch(VectorView<const item_t, HostSpace> items,
                                   VectorView<const offset_t, HostSpace> offsets) {
  check_offsets("make_batch", offsets, items.size());
  Batch<HostSpace> batch;
  batch.items = {items, offsets};
  for (index_t user = 0; user < batch.users(); ++user)
    batch.longest = std::max<index_t>(batch.longest, batch.items.length(user));
  return batch;
}

}  // namespace seqrec
