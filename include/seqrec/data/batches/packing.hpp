// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "seqrec/core/batch.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"

namespace seqrec {

/// How histories are packed.
struct PackingOptions {
  index_t num_items = 0;       ///< rows of the model's item table; every id must be below
  index_t max_length = 200;    ///< of a history only the last so many events are kept; at least 1
  index_t token_budget = 256;  ///< rows of a shard, exceeded only by a single user that is longer; at least 1
};

/// Owns the histories of a batch, packed and cut into shards, and gives out views of them.
///
/// Users are sorted by length, longest first, so that a recurrent step is a dense prefix and a shard holds users of
/// like length. A shard takes users as long as its rows stay within the token budget, so that one shard's activations
/// stay in a core's cache through the whole network. The cut depends on nothing but the histories and the options.
///
/// Buffers are kept: packing a batch that is not larger than an earlier one allocates nothing.
class PackedHistories {
 public:
  /// @throws ArgumentError for an option out of range
  explicit PackedHistories(const PackingOptions& options) : options_(options) {
    check_argument(options.num_items >= 1 && options.num_items <= std::numeric_limits<item_t>::max(), "num_items",
                   options.num_items, "a number from 1 to 2^31 - 1");
    check_argument(options.max_length >= 1, "max_length", options.max_length, "a number of at least 1");
    check_argument(options.token_budget >= 1, "token_budget", options.token_budget, "a number of at least 1");
  }

  /// Packs one history per user, oldest item first; replaces what was packed before, but not where it throws.
  /// @throws DataError     for an item id that the model's table does not have
  /// @throws ArgumentError if the batch has 2^31 rows or more
  void pack(std::span<const std::span<const item_t>> histories) {
    check(histories);
    sort_by_length(histories);
    offsets_.assign(1, 0);
    items_.clear();
    for (const index_t user : order_) {
      const std::span<const item_t> kept = last_events(histories.data()[user]);
      items_.insert(items_.end(), kept.begin(), kept.end());
      offsets_.push_back(static_cast<offset_t>(items_.size()));
    }
    cut_into_shards();
  }

  index_t rows() const { return std::ssize(items_); }
  index_t users() const { return std::ssize(order_); }

  /// For each packed user, which of the histories given to `pack` it is.
  std::span<const index_t> order() const { return order_; }

  index_t num_shards() const { return std::ssize(shard_users_) - 1; }
  /// Where each shard's rows start, and the batch's end: (num_shards + 1).
  std::span<const offset_t> shard_rows() const { return shard_rows_; }

  /// The whole batch. Views are valid until the next `pack`.
  Batch<HostSpace> whole() const { return view(offsets_.data(), 0, users()); }

  /// One shard, its offsets counted from its own first row.
  Batch<HostSpace> shard(index_t i) const {
    const index_t first = shard_users_.data()[i], last = shard_users_.data()[i + 1];
    return view(shard_offsets_.data() + first + i, first, last - first);
  }

 private:
  std::span<const item_t> last_events(std::span<const item_t> history) const {
    return history.last(std::min(history.size(), static_cast<std::size_t>(options_.max_length)));
  }

  void check(std::span<const std::span<const item_t>> histories) const {
    index_t rows = 0;
    for (std::size_t user = 0; user < histories.size(); ++user) {
      const std::span<const item_t> kept = last_events(histories[user]);
      for (std::size_t event = 0; event < kept.size(); ++event)
        if (kept[event] < 0 || kept[event] >= options_.num_items)
          throw DataError(concatenate("history ", user, ": item id ", kept[event], " at event ",
                                      histories[user].size() - kept.size() + event,
                                      " is beyond the model's table, expected 0 to ", options_.num_items - 1));
      rows += std::ssize(kept);
    }
    check_argument(rows <= std::numeric_limits<offset_t>::max(), "rows of a batch", rows,
                   "at most 2^31 - 1: use smaller batches");
  }

  void sort_by_length(std::span<const std::span<const item_t>> histories) {
    order_.resize(histories.size());
    for (std::size_t user = 0; user < histories.size(); ++user) order_[user] = static_cast<index_t>(user);
    // Ties by position: as good as a stable sort, which would allocate.
    std::sort(order_.begin(), order_.end(), [&](index_t a, index_t b) {
      const std::size_t length_a = last_events(histories.data()[a]).size();
      const std::size_t length_b = last_events(histories.data()[b]).size();
      return length_a != length_b ? length_a > length_b : a < b;
    });
  }

  void cut_into_shards() {
    shard_users_.assign(1, 0);
    shard_rows_.assign(1, 0);
    shard_offsets_.clear();
    for (index_t user = 0; user < users();) {
      const offset_t begin = offsets_.data()[user];
      const index_t limit = std::max<index_t>(options_.token_budget, offsets_.data()[user + 1] - begin);
      shard_offsets_.push_back(0);
      for (; user < users() && offsets_.data()[user + 1] - begin <= limit; ++user)
        shard_offsets_.push_back(offsets_.data()[user + 1] - begin);
      shard_users_.push_back(user);
      shard_rows_.push_back(offsets_.data()[user]);
    }
  }

  Batch<HostSpace> view(const offset_t* offsets, index_t first_user, index_t users) const {
    Batch<HostSpace> batch;
    batch.first_user = first_user;
    batch.first_row = offsets_.data()[first_user];
    const index_t rows = offsets_.data()[first_user + users] - batch.first_row;
    batch.items = {{items_.data() + batch.first_row, rows}, {offsets, users + 1}};
    batch.longest = users == 0 ? 0 : offsets[1];  // the first is the longest
    return batch;
  }

  PackingOptions options_;
  std::vector<index_t> order_;           ///< (B) packed user -> the caller's
  std::vector<item_t> items_;            ///< (N)
  std::vector<offset_t> offsets_{0};     ///< (B+1) in the batch
  std::vector<offset_t> shard_offsets_;  ///< (B + shards) each shard's own offsets, one after another
  std::vector<index_t> shard_users_{0};  ///< (shards + 1) each shard's first user
  std::vector<offset_t> shard_rows_{0};  ///< (shards + 1) each shard's first row
};

}  // namespace seqrec
