// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"

namespace seqrec {

/// How histories are packed.
struct PackingOptions {
  index_t num_items = 0;       ///< rows of the model's item table; every id must be below
  index_t max_length = 200;    ///< of a history only the last so many events are kept; at least 1
  index_t token_budget = 256;  ///< rows of a shard, exceeded only by a single user that is longer; at least 1
  index_t load_budget = 0;     ///< of what else users bring along, in the same way; 0 for no limit
  index_t fewest_users = 1;    ///< of a shard, even if their rows exceed the token budget; at least 1
};

/// In which order the histories of a batch are packed, and where it is cut into shards. Holds no items.
///
/// Users are sorted by length, longest first, so that a recurrent step is a dense prefix and a shard holds users of
/// like length. A shard takes users as long as its rows stay within the token budget, so that one shard's activations
/// stay in a core's cache through the whole network; but as many as a recurrent model wants, whose products have a row
/// for each user. The cut depends on nothing but the histories and the options.
///
/// Buffers are kept: arranging a batch that is not larger than an earlier one allocates nothing.
class Packing {
 public:
  using Histories = std::span<const std::span<const item_t>>;

  /// @throws ArgumentError for an option out of range
  explicit Packing(const PackingOptions& options) : options_(options) {
    check_argument(options.num_items >= 1 && options.num_items <= std::numeric_limits<item_t>::max(), "num_items",
                   options.num_items, "a number from 1 to 2^31 - 1");
    check_argument(options.max_length >= 1, "max_length", options.max_length, "a number of at least 1");
    check_argument(options.token_budget >= 1, "token_budget", options.token_budget, "a number of at least 1");
    check_argument(options.load_budget >= 0, "load_budget", options.load_budget, "a number of at least 0");
    check_argument(options.fewest_users >= 1, "fewest_users", options.fewest_users, "a number of at least 1");
  }

  const PackingOptions& options() const { return options_; }

  /// Arranges one history per user, oldest item first; replaces what was arranged before, but not where it throws.
  /// @param loads  of each user, for the load budget; empty where there is none
  /// @throws DataError     for an item id that the model's table does not have
  /// @throws ArgumentError if the batch has 2^31 rows or more
  void arrange(Histories histories, std::span<const index_t> loads = {}) {
    check(histories);
    sort_by_length(histories);
    measure(histories);
    cut_by_budget(loads);
  }

  /// The same in the order given, a shard beginning before each of the users `cuts` (ascending) and before the first:
  /// for batches whose order means something, and for tests.
  /// @throws ArgumentError also for cuts that are not ascending users of the batch
  void arrange_as_given(Histories histories, std::span<const index_t> cuts = {}) {
    check(histories);
    index_t before = 0;
    for (const index_t cut : cuts) {
      check_argument(cut >= before && cut <= std::ssize(histories), "cut", cut, "a user, not before the last cut");
      before = cut;
    }
    number(histories);
    measure(histories);
    shard_users_.assign(1, 0);
    shard_users_.insert(shard_users_.end(), cuts.begin(), cuts.end());
    shard_users_.push_back(users());
  }

  /// Refuses what cannot be arranged.   @throws as arrange
  void check(Histories histories) const {
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

  index_t rows() const { return offsets_.back(); }
  index_t users() const { return std::ssize(order_); }
  index_t num_shards() const { return std::ssize(shard_users_) - 1; }

  /// For each packed user, which of the histories given it is.
  std::span<const index_t> order() const { return order_; }
  /// (B+1) Where each packed user's rows start in the batch.
  std::span<const offset_t> offsets() const { return offsets_; }
  /// (num_shards + 1) Each shard's first user, and the number of users.
  std::span<const index_t> shard_users() const { return shard_users_; }

  /// What is kept of a history.
  template <class Event>
  std::span<const Event> last_events(std::span<const Event> history) const {
    return history.last(std::min(history.size(), static_cast<std::size_t>(options_.max_length)));
  }

 private:
  void number(Histories histories) {
    order_.resize(histories.size());
    for (std::size_t user = 0; user < histories.size(); ++user) order_[user] = static_cast<index_t>(user);
  }

  void sort_by_length(Histories histories) {
    number(histories);
    // Ties by position: as good as a stable sort, which would allocate.
    std::sort(order_.begin(), order_.end(), [&](index_t a, index_t b) {
      const std::size_t length_a = last_events(histories.data()[a]).size();
      const std::size_t length_b = last_events(histories.data()[b]).size();
      return length_a != length_b ? length_a > length_b : a < b;
    });
  }

  void measure(Histories histories) {
    offsets_.assign(1, 0);
    for (const index_t user : order_)
      offsets_.push_back(offsets_.back() + static_cast<offset_t>(last_events(histories.data()[user]).size()));
  }

  void cut_by_budget(std::span<const index_t> loads) {
    const bool loaded = options_.load_budget != 0 && !loads.empty();
    const auto load_of = [&](index_t user) {
      return loaded ? loads[static_cast<std::size_t>(order_.data()[user])] : 0;
    };
    shard_users_.assign(1, 0);
    for (index_t user = 0; user < users();) {
      const offset_t begin = offsets_.data()[user];
      const index_t limit = std::max<index_t>(options_.token_budget, offsets_.data()[user + 1] - begin);
      index_t left = std::max(options_.load_budget, load_of(user));
      const index_t enough = user + options_.fewest_users;
      for (; user < users() && load_of(user) <= left; ++user) {
        if (user >= enough && offsets_.data()[user + 1] - begin > limit) break;
        left -= load_of(user);
      }
      shard_users_.push_back(user);
    }
  }

  PackingOptions options_;
  std::vector<index_t> order_;           ///< (B) packed user -> the caller's
  std::vector<offset_t> offsets_{0};     ///< (B+1)
  std::vector<index_t> shard_users_{0};  ///< (shards + 1)
};

}  // namespace seqrec
