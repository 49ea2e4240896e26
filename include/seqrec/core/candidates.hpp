// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "seqrec/core/batch.hpp"
#include "seqrec/core/check_offsets.hpp"
#include "seqrec/core/check_shape.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/jagged.hpp"

namespace seqrec {

/// Items to be scored for each user, and how much of the history each may see: of the `visible` first rows the last
/// `window`. (A model that reads 50 items can so be trained on all positions of longer histories.)
template <class Space>
struct Candidates {
  Jagged<const item_t, Space> items;          ///< (C) items, offsets (B+1)
  VectorView<const offset_t, Space> visible;  ///< (C) leading history rows that may be seen; ascending within a user
  RowIndex<Space> index;                      ///< of `items`; empty where no gradient is wanted
  index_t first_candidate = 0;                ///< of a shard in its batch
  index_t window = 0;                         ///< most rows that a candidate sees, at least 1
  index_t pairs = 0;                          ///< sum of min(visible, window), known on the host
  RowIndex<Space> batch_index{};              ///< of the whole batch's items; empty where `index` is

  constexpr index_t size() const { return items.size(); }
  constexpr ListIndex<Space> list() const { return {index, batch_index, first_candidate}; }
  constexpr explicit operator bool() const { return static_cast<bool>(items); }
};

/// Candidates for the histories of a batch, all on the host, with everything that follows from them (`pairs`). They
/// have no inverse index: they are for inference.
/// @param items   (C) of the users of `batch`, a segment each   @param visible (C)
/// @param window  most rows that a candidate sees; 0 is the whole history
/// @throws ArgumentError where a candidate would see more rows than its history has, or fewer than the one before it,
///                       or the window is negative
/// @throws ShapeError    unless there is a segment for each user and a number of visible rows for each candidate
inline Candidates<HostSpace> make_candidates(const Batch<HostSpace>& batch,
                                             const Jagged<const item_t, HostSpace>& items,
                                             VectorView<const offset_t, HostSpace> visible, index_t window = 0) {
  check_offsets("make_candidates", "offsets of items", items.offsets, items.size());
  check_extent("make_candidates", "segments of items", items.segments(), batch.users());
  check_shape("make_candidates", "visible", visible, items.size());
  check_argument(window >= 0, "make_candidates window", window, "at least 1, or 0 for the whole history");
  Candidates<HostSpace> candidates;
  candidates.items = items;
  candidates.visible = visible;
  candidates.window = window != 0 ? window : std::max<index_t>(batch.longest, 1);
  for (index_t user = 0; user < batch.users(); ++user) {
    offset_t before = 0;
    for (index_t c = items.offsets(user); c < items.offsets(user + 1); ++c) {
      if (visible(c) < before || visible(c) > batch.items.length(user))
        throw ArgumentError(concatenate("make_candidates visible[", c, "] is ", visible(c), ", expected ", before,
                                        " to ", batch.items.length(user), ", ascending within a user"));
      before = visible(c);
      candidates.pairs += std::min<index_t>(before, candidates.window);
    }
  }
  return candidates;
}

}  // namespace seqrec
