// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "seqrec/data/batches/packing.hpp"

namespace seqrec {

/// What to rank for one user.
struct RankingRequest {
  std::span<const item_t> history;     ///< what the model reads, oldest first
  item_t target = -1;                  ///< the item whose rank is asked for; -1 where none is
  std::span<const item_t> exclusions;  ///< items not to be ranked, repetitions allowed
  std::span<const item_t> candidates;  ///< what the target is ranked among, without it; empty: the whole catalogue
  item_t profile = -1;                 ///< the user's segment of the features of users; -1 where there are none
};

/// Owns a batch of ranking requests on the host, packed and cut into shards as training batches are.
class HostRankingBatch {
 public:
  /// @throws ArgumentError for an option out of range
  /// @param features  of the users and items that will be asked about, where a model reads them
  explicit HostRankingBatch(const PackingOptions& options, const Features<HostSpace>& features = {})
      : histories_(options), num_items_(options.num_items), features_(features) {}

  /// Replaces what was packed before. Either all requests have candidates or none has.
  /// @throws DataError for an item that the model's table does not have, or a profile that the features do not have
  void pack(std::span<const RankingRequest> requests) {
    spans_.clear();
    for (const RankingRequest& request : requests) spans_.push_back(request.history);
    histories_.pack(spans_);
    targets_.clear();
    ranked_.assign(requests.size(), 0);
    exclusions_.clear();
    candidates_.clear();
    visible_.clear();
    profiles_.clear();
    for (index_t shard = 0; shard < num_shards(); ++shard) {
      const Batch<HostSpace> part = histories_.shard(shard);
      exclusions_.begin_shard();
      candidates_.begin_shard();
      for (index_t user = part.first_user; user < part.first_user + part.users(); ++user) {
        const index_t caller = histories_.order()[static_cast<std::size_t>(user)];
        const RankingRequest& request = requests[static_cast<std::size_t>(caller)];
        targets_.push_back(request.target < 0 ? request.target : checked(request.target, "target", caller));
        append_exclusions(request.exclusions, caller);
        ranked_[static_cast<std::size_t>(caller)] = count_ranked(request, targets_.back());
        if (!request.candidates.empty()) {
          candidates_.values.push_back(targets_.back());
          for (const item_t item : request.candidates) candidates_.values.push_back(checked(item, "candidate", caller));
          visible_.resize(candidates_.values.size(), static_cast<offset_t>(part.items.length(user - part.first_user)));
        }
        candidates_.end_segment();
        profiles_.push_back(checked_profile(request.profile, caller));
      }
    }
  }

  /// For each packed user, which request it is.
  std::span<const index_t> order() const { return histories_.order(); }
  index_t users() const { return histories_.users(); }
  /// How many items are ranked for a request, its target among them.
  index_t num_ranked(index_t request) const { return ranked_[static_cast<std::size_t>(request)]; }
  index_t num_shards() const { return histories_.num_shards(); }

  /// One shard. Views are valid until the next `pack`.
  RankingBatch<HostSpace> shard(index_t i) const {
    RankingBatch<HostSpace> batch;
    batch.histories = histories_.shard(i);
    const index_t first = batch.histories.first_user, users = batch.histories.users();
    batch.targets = {targets_.data() + first, users};
    batch.exclusions = exclusions_.view(i, first, users);
    batch.histories.features = features_;
    if (features_.of_users) batch.histories.profiles = {profiles_.data() + first, users};
    if (!candidates_.values.empty()) batch.candidates = candidates(i, batch.histories);
    return batch;
  }

 private:
  /// Item lists of all users, one after another, with offsets that begin anew in each shard.
  struct Lists {
    std::vector<item_t> values;
    std::vector<offset_t> offsets;          ///< (B + shards)
    std::vector<std::size_t> shard_values;  ///< (shards) where each shard's values start

    void clear() {
      values.clear();
      offsets.clear();
      shard_values.clear();
    }
    void begin_shard() {
      shard_values.push_back(values.size());
      offsets.push_back(0);
    }
    void end_segment() { offsets.push_back(static_cast<offset_t>(values.size() - shard_values.back())); }
    Jagged<const item_t, HostSpace> view(index_t shard, index_t first_user, index_t users) const {
      const offset_t* begin = offsets.data() + first_user + shard;
      return {{values.data() + shard_values[static_cast<std::size_t>(shard)], begin[users]}, {begin, users + 1}};
    }
  };

  /// Every candidate sees the whole history.
  Candidates<HostSpace> candidates(index_t shard, const Batch<HostSpace>& histories) const {
    Candidates<HostSpace> all;
    all.items = candidates_.view(shard, histories.first_user, histories.users());
    all.first_candidate = static_cast<index_t>(candidates_.shard_values[static_cast<std::size_t>(shard)]);
    all.visible = {visible_.data() + all.first_candidate, all.size()};
    for (index_t user = 0; user < histories.users(); ++user)
      all.pairs += histories.items.length(user) * all.items.length(user);
    all.window = histories.longest;
    return all;
  }

  item_t checked_profile(item_t profile, index_t request) const {
    if (features_.of_users && (profile < 0 || profile >= features_.of_users.segments()))
      throw DataError(concatenate("ranking request ", request, ": profile ", profile, " is not among the features of ",
                                  features_.of_users.segments(), " users"));
    return profile;
  }

  item_t checked(item_t item, const char* what, index_t request) const {
    if (item < 0 || item >= num_items_)
      throw DataError(concatenate("ranking request ", request, ": ", what, " ", item,
                                  " is beyond the model's table, expected 0 to ", num_items_ - 1));
    return item;
  }

  void append_exclusions(std::span<const item_t> items, index_t request) {
    const auto begin = static_cast<std::ptrdiff_t>(exclusions_.values.size());
    for (const item_t item : items) exclusions_.values.push_back(checked(item, "exclusion", request));
    const auto first = exclusions_.values.begin() + begin;
    std::sort(first, exclusions_.values.end());
    exclusions_.values.erase(std::unique(first, exclusions_.values.end()), exclusions_.values.end());
    exclusions_.end_segment();
  }

  /// To be called after the request's exclusions were appended.
  index_t count_ranked(const RankingRequest& request, item_t target) const {
    if (!request.candidates.empty()) return 1 + std::ssize(request.candidates);
    const std::size_t segment = exclusions_.offsets.size() - 2;
    const auto begin = exclusions_.values.end() - (exclusions_.offsets[segment + 1] - exclusions_.offsets[segment]);
    const bool spared = std::binary_search(begin, exclusions_.values.end(), target);
    return num_items_ - (exclusions_.values.end() - begin) + (spared ? 1 : 0);
  }

  PackedHistories histories_;
  index_t num_items_;
  Features<HostSpace> features_;
  std::vector<std::span<const item_t>> spans_;  ///< scratch
  std::vector<item_t> targets_;                 ///< (B)
  std::vector<index_t> ranked_;                 ///< (requests)
  Lists exclusions_;
  Lists candidates_;
  std::vector<offset_t> visible_;  ///< of every candidate
  std::vector<item_t> profiles_;   ///< (B)
};

}  // namespace seqrec
