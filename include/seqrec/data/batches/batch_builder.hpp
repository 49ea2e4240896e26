// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "seqrec/core/batch.hpp"
#include "seqrec/data/batches/host_block.hpp"
#include "seqrec/data/batches/packing.hpp"
#include "seqrec/data/batches/row_index.hpp"

namespace seqrec {

/// Builds a batch on the host, of whichever kind, in one block of memory: histories in the order and cut of a Packing,
/// and beside them what the kind adds. First everything is laid out, then there is memory for it:
///
///     builder.begin(histories);                              // order and shards are known now
///     const auto targets = builder.add<item_t>(builder.users());
///     builder.allocate();                                    // histories are written
///     builder.data(targets)[0] = ...;
///
/// Buffers are kept: building a batch that is not larger than an earlier one allocates nothing.
class BatchBuilder {
 public:
  /// Sections of the inverse indices of all shards and of the batch (RowIndexPlace).
  struct IndexSections {
    Section<offset_t> order;
    Section<item_t> rows;
    Section<offset_t> row_offsets;
    Section<offset_t> whole_order;
    Section<item_t> whole_rows;
    Section<offset_t> whole_row_offsets;
  };

  /// @throws ArgumentError for an option out of range
  explicit BatchBuilder(const PackingOptions& options) : packing_(options) {}

  // Laying out.

  /// Begins a batch of one history per user, oldest item first, longest first and cut by the token budget. Replaces the
  /// batch before, but not where it throws. The histories must stay until `allocate`.
  /// @param loads  as Packing::arrange takes them   @throws DataError, ArgumentError as Packing::arrange
  void begin(Packing::Histories histories, std::span<const index_t> loads = {}) {
    packing_.arrange(histories, loads);
    lay_out(histories);
  }
  /// The same in the order given, cut before the users `cuts`.
  /// @throws DataError, ArgumentError as Packing::arrange_as_given
  void begin_as_given(Packing::Histories histories, std::span<const index_t> cuts = {}) {
    packing_.arrange_as_given(histories, cuts);
    lay_out(histories);
  }

  /// Lays out an array of the whole batch.
  template <class T>
  Section<T> add(index_t size) {
    return block_.add<T>(size);
  }
  /// Lays out offsets of a list per user that begin anew in each shard: (users + shards).
  Section<offset_t> add_offsets() { return add<offset_t>(users() + num_shards()); }
  /// Lays out the inverse indices of a list of `entries` items that is cut into so many shards.
  IndexSections add_index(index_t entries, index_t shards) {
    return {add<offset_t>(entries), add<item_t>(entries), add<offset_t>(entries + shards),
            add<offset_t>(entries), add<item_t>(entries), add<offset_t>(entries + 1)};
  }

  /// Makes memory for what was laid out, and writes the histories there.
  void allocate() {
    block_.allocate();
    item_t* item = data(items_);
    for (const std::span<const item_t> history : kept_) item = std::copy(history.begin(), history.end(), item);
    fill_offsets(offsets_, [&](index_t user) { return std::ssize(kept_.data()[user]); });
  }

  /// A batch of histories and nothing else: begin and allocate.
  void pack(Packing::Histories histories) {
    begin(histories);
    allocate();
  }

  // Filling, once there is memory.

  template <class T>
  T* data(Section<T> section) const {
    return block_.data(section);
  }
  /// Where the inverse indices go.
  RowIndexPlace place(const IndexSections& index) const {
    const auto span = [&](auto section) { return std::span(data(section), static_cast<std::size_t>(section.size)); };
    return {span(index.order),       span(index.rows),       span(index.row_offsets),
            span(index.whole_order), span(index.whole_rows), span(index.whole_row_offsets)};
  }
  /// Writes offsets that begin anew in each shard.   @param length  length(user) of a packed user's list
  template <class Length>
  void fill_offsets(Section<offset_t> section, Length length) const {
    offset_t* offset = data(section);
    for (index_t shard = 0; shard < num_shards(); ++shard) {
      *offset++ = 0;
      for (index_t user = first_user(shard); user < first_user(shard + 1); ++user, ++offset)
        *offset = static_cast<offset_t>(offset[-1] + length(user));
    }
  }

  // Looking.

  const Packing& packing() const { return packing_; }
  const HostBlock& block() const { return block_; }
  index_t rows() const { return packing_.rows(); }
  index_t users() const { return packing_.users(); }
  index_t num_shards() const { return packing_.num_shards(); }
  /// For each packed user, which of the histories given to `begin` it is.
  std::span<const index_t> order() const { return packing_.order(); }
  /// The first user of a shard; of shard num_shards(), the number of users.
  index_t first_user(index_t shard) const { return packing_.shard_users().data()[shard]; }
  /// The first row of a shard; of shard num_shards(), the number of rows.
  index_t first_row(index_t shard) const { return packing_.offsets().data()[first_user(shard)]; }

  /// A shard's part of an array with an element for each user.
  template <class T>
  VectorView<const T, HostSpace> of_users(Section<T> section, index_t shard) const {
    return {data(section) + first_user(shard), first_user(shard + 1) - first_user(shard)};
  }
  /// A shard's part of an array with `each` elements for each row.
  template <class T>
  VectorView<const T, HostSpace> of_rows(Section<T> section, index_t shard, index_t each = 1) const {
    return {data(section) + first_row(shard) * each, (first_row(shard + 1) - first_row(shard)) * each};
  }
  /// A shard's part of offsets.
  VectorView<const offset_t, HostSpace> offsets(Section<offset_t> section, index_t shard) const {
    return {data(section) + first_user(shard) + shard, first_user(shard + 1) - first_user(shard) + 1};
  }

  /// The histories of one shard, their offsets counted from its first row. Views are valid until the next `begin`.
  Batch<HostSpace> shard(index_t i) const {
    Batch<HostSpace> batch;
    batch.first_user = first_user(i);
    batch.first_row = first_row(i);
    batch.items = {of_rows(items_, i), offsets(offsets_, i)};
    for (index_t user = 0; user < batch.users(); ++user)
      batch.longest = std::max<index_t>(batch.longest, batch.items.length(user));
    return batch;
  }

  /// The histories of the whole batch as one piece.
  Batch<HostSpace> whole() const {
    Batch<HostSpace> batch;
    batch.items = {{data(items_), rows()}, {packing_.offsets().data(), users() + 1}};
    for (index_t user = 0; user < users(); ++user)
      batch.longest = std::max<index_t>(batch.longest, batch.items.length(user));
    return batch;
  }

 private:
  void lay_out(Packing::Histories histories) {
    kept_.clear();
    for (const index_t user : packing_.order()) kept_.push_back(packing_.last_events(histories.data()[user]));
    block_.clear();
    items_ = add<item_t>(rows());
    offsets_ = add_offsets();
  }

  Packing packing_;
  HostBlock block_;
  std::vector<std::span<const item_t>> kept_;  ///< (B) of each packed user, the caller's memory; read by `allocate`
  Section<item_t> items_;                      ///< (N)
  Section<offset_t> offsets_;                  ///< (B + shards)
};

}  // namespace seqrec
