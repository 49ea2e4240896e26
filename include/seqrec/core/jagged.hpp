// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/tensor.hpp"

namespace seqrec {

/// Segments of different lengths, packed one after another without padding. Segment i holds values
/// offsets[i] .. offsets[i+1]-1. (`offsets` is `cu_seqlens` in FlashAttention, `indptr` in FlashInfer and SciPy.)
template <class Value, class Space>
struct Jagged {
  VectorView<Value, Space> values;            ///< (N)
  VectorView<const offset_t, Space> offsets;  ///< (B+1), offsets[0] = 0, offsets[B] = N

  SEQREC_HOST_DEVICE constexpr index_t segments() const { return offsets.size() == 0 ? 0 : offsets.size() - 1; }
  SEQREC_HOST_DEVICE constexpr index_t size() const { return values.size(); }
  SEQREC_HOST_DEVICE constexpr index_t length(index_t segment) const { return offsets(segment + 1) - offsets(segment); }
  /// The values of one segment.
  SEQREC_HOST_DEVICE constexpr VectorView<Value, Space> operator[](index_t segment) const {
    return values.row_range(offsets(segment), length(segment));
  }
  SEQREC_HOST_DEVICE constexpr explicit operator bool() const { return offsets.data != nullptr; }
};

/// The inverse of a list of table rows: for each distinct row, which positions of the list name it. Lets a table's
/// gradient be summed row by row in a fixed order, without atomics.
template <class Space>
struct RowIndex {
  VectorView<const offset_t, Space> order;        ///< (M) positions, grouped by row, ascending within a group
  VectorView<const item_t, Space> rows;           ///< (R) the distinct rows, ascending
  VectorView<const offset_t, Space> row_offsets;  ///< (R+1) where each row's group starts in `order`
};

/// A shard's part of a list of table rows that belongs to a whole batch: by what the gradient of a table is summed,
/// either at once, shard by shard, or when all shards have left their rows.
template <class Space>
struct ListIndex {
  RowIndex<Space> shard;  ///< of the shard's entries, counted from its first
  RowIndex<Space> batch;  ///< of the whole list; empty where there is none
  index_t first = 0;      ///< the shard's first entry in the whole list
  bool shared = false;    ///< every shard has all entries
};

}  // namespace seqrec
