// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/ranking_batch.hpp"
#include "seqrec/data/batches/batch_builder.hpp"
#include "seqrec/data/batches/batch_constants.hpp"

namespace seqrec {

/// What to rank for one user.
struct RankingRequest {
  std::span<const item_t> history;     ///< what the model reads, oldest first
  item_t target = -1;                  ///< the item whose rank is asked for; -1 where none is
  std::span<const item_t> exclusions;  ///< items not to be ranked, repetitions allowed
  /// None: the whole catalogue is ranked. Else what the target is ranked among, without it; or, without a target,
  /// exactly what is scored.
  std::optional<std::span<const item_t>> candidates;
  user_t profile = -1;                       ///< the user's segment of the features of users; -1 where there are none
  std::span<const std::int64_t> times = {};  ///< seconds since 1970 of the history's events, where they are read
};

/// Owns a batch of ranking requests on the host, packed and cut into shards as training batches are.
class HostRankingBatch {
 public:
  /// @throws ArgumentError for an option out of range
  /// @param features  of the users and items that will be asked about, where a model reads them
  /// @param times_option  the model's option by which it reads when events happened; null where it does not
  explicit HostRankingBatch(const PackingOptions& options, const Features<HostSpace>& features = {},
                            const char* times_option = nullptr)
      : builder_(options), constants_{features, {}}, times_option_(times_option) {}

  /// Refuses what cannot be packed.
  /// @throws DataError     for an item that the model's table does not have, or a profile that the features do not have
  /// @throws ArgumentError for other times than one an event where they are read, and where some requests have
  /// candidates and others rank the catalogue
  void check(std::span<const RankingRequest> requests);

  /// Replaces what was packed before, but not where it throws. Candidates are a user's load in the packing options.
  /// @throws as check
  void pack(std::span<const RankingRequest> requests);

  /// For each packed user, which request it is.
  std::span<const index_t> order() const { return builder_.order(); }
  index_t users() const { return builder_.users(); }
  /// How many items are ranked for a request, its target among them.
  index_t num_ranked(index_t request) const { return ranked_[static_cast<std::size_t>(request)]; }
  /// All arrays of the shards.
  const HostBlock& block() const { return builder_.block(); }
  /// What shards refer to outside of the block.
  const BatchConstants& constants() const { return constants_; }

  index_t num_shards() const { return builder_.num_shards(); }
  /// One shard. Views are valid until the next `pack`.
  RankingBatch<HostSpace> shard(index_t i) const;

 private:
  /// A list of items per user, one after another, with offsets that begin anew in each shard.
  struct Lists {
    Section<item_t> values;
    Section<offset_t> offsets;          ///< (B + shards)
    std::vector<index_t> shard_values;  ///< (shards) where each shard's values start

    void lay_out(BatchBuilder& builder, index_t size) {
      values = builder.add<item_t>(size);
      offsets = builder.add_offsets();
    }
    /// To be called when there is memory.   @param length  length(user) of a packed user's list
    template <class Length>
    void fill_offsets(const BatchBuilder& builder, Length length) {
      builder.fill_offsets(offsets, length);
      shard_values.clear();
      index_t first = 0;
      for (index_t i = 0; i < builder.num_shards(); ++i) {
        shard_values.push_back(first);
        const auto of_shard = builder.offsets(offsets, i);
        first += of_shard(of_shard.size() - 1);
      }
    }
    Jagged<const item_t, HostSpace> view(const BatchBuilder& builder, index_t shard) const {
      const auto of_shard = builder.offsets(offsets, shard);
      return {{builder.data(values) + shard_values.data()[shard], of_shard(of_shard.size() - 1)}, of_shard};
    }
  };

  /// Candidates, with the target in front where there is one.
  static index_t num_candidates(const RankingRequest& request) {
    return request.candidates ? (request.target < 0 ? 0 : 1) + std::ssize(*request.candidates) : 0;
  }

  /// Each request's exclusions, sorted and distinct.
  void collect_exclusions(std::span<const RankingRequest> requests) {
    excluded_.clear();
    excluded_offsets_.assign(1, 0);
    for (const RankingRequest& request : requests) {
      const auto begin = std::ssize(excluded_);
      excluded_.insert(excluded_.end(), request.exclusions.begin(), request.exclusions.end());
      std::sort(excluded_.begin() + begin, excluded_.end());
      excluded_.erase(std::unique(excluded_.begin() + begin, excluded_.end()), excluded_.end());
      excluded_offsets_.push_back(excluded_.size());
    }
  }
  std::span<const item_t> excluded(std::size_t request) const {
    const std::size_t begin = excluded_offsets_[request];
    return std::span(excluded_).subspan(begin, excluded_offsets_[request + 1] - begin);
  }

  index_t count_ranked(const RankingRequest& request, std::span<const item_t> exclusions) const {
    if (request.candidates) return num_candidates(request);
    const bool spared = std::binary_search(exclusions.begin(), exclusions.end(), request.target);
    return builder_.packing().options().num_items - std::ssize(exclusions) + (spared ? 1 : 0);
  }

  void lay_out(std::span<const RankingRequest> requests) {
    targets_ = builder_.add<item_t>(users());
    if (constants_.features.of_users) profiles_ = builder_.add<user_t>(users());
    if (times_option_ != nullptr) times_ = builder_.add<std::int64_t>(builder_.rows());
    exclusions_.lay_out(builder_, std::ssize(excluded_));
    has_candidates_ = !requests.empty() && requests.front().candidates.has_value();
    if (!has_candidates_) return;
    index_t all = 0;
    for (const RankingRequest& request : requests) all += num_candidates(request);
    candidates_.lay_out(builder_, all);
    visible_ = builder_.add<offset_t>(all);
  }

  void fill(std::span<const RankingRequest> requests) {
    const auto request_of = [&](index_t user) -> const RankingRequest& {
      return requests[static_cast<std::size_t>(order().data()[user])];
    };
    const auto exclusions_of = [&](index_t user) { return excluded(static_cast<std::size_t>(order().data()[user])); };
    exclusions_.fill_offsets(builder_, [&](index_t user) { return std::ssize(exclusions_of(user)); });
    if (has_candidates_)
      candidates_.fill_offsets(builder_, [&](index_t user) { return num_candidates(request_of(user)); });
    item_t* exclusion = builder_.data(exclusions_.values);
    item_t* candidate = builder_.data(candidates_.values);
    offset_t* visible = builder_.data(visible_);
    std::int64_t* time = times_option_ != nullptr ? builder_.data(times_) : nullptr;
    for (index_t user = 0; user < users(); ++user) {
      const RankingRequest& request = request_of(user);
      const auto exclusions = exclusions_of(user);
      exclusion = std::copy(exclusions.begin(), exclusions.end(), exclusion);
      builder_.data(targets_)[user] = request.target;
      if (constants_.features.of_users) builder_.data(profiles_)[user] = request.profile;
      if (times_option_ != nullptr) {
        const auto times = builder_.packing().last_events(request.times);
        time = std::copy(times.begin(), times.end(), time);
      }
      if (!has_candidates_) continue;
      if (request.target >= 0) *candidate++ = request.target;
      candidate = std::copy(request.candidates->begin(), request.candidates->end(), candidate);
      const auto offsets = builder_.packing().offsets();
      visible = std::fill_n(visible, num_candidates(request), offsets.data()[user + 1] - offsets.data()[user]);
    }
  }

  /// Every candidate sees the whole history.
  Candidates<HostSpace> candidates(index_t shard, const Batch<HostSpace>& histories) const {
    const Jagged<const item_t, HostSpace> items = candidates_.view(builder_, shard);
    const index_t first = candidates_.shard_values.data()[shard];
    Candidates<HostSpace> all = make_candidates(histories, items, {builder_.data(visible_) + first, items.size()});
    all.first_candidate = first;
    return all;
  }

  BatchBuilder builder_;
  BatchConstants constants_;
  const char* times_option_;
  bool has_candidates_ = false;
  Section<item_t> targets_;      ///< (B)
  Section<user_t> profiles_;     ///< (B)
  Section<std::int64_t> times_;  ///< (N)
  Lists exclusions_, candidates_;
  Section<offset_t> visible_;    ///< of every candidate
  std::vector<index_t> ranked_;  ///< (requests)

  std::vector<std::span<const item_t>> spans_;  ///< scratch: the histories
  std::vector<index_t> loads_;                  ///< scratch: candidates of each request
  std::vector<item_t> excluded_;                ///< scratch: of each request, one after another
  std::vector<std::size_t> excluded_offsets_;   ///< (requests + 1)
};

#if SEQREC_BODIES

SEQREC_FUNCTION void HostRankingBatch::check(std::span<const RankingRequest> requests) {
  const index_t num_items = builder_.packing().options().num_items;
  const Jagged<const category_t, HostSpace>& profiles = constants_.features.of_users;
  spans_.clear();
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const RankingRequest& request = requests[i];
    spans_.push_back(request.history);
    const auto check_items = [&](const char* what, std::span<const item_t> items) {
      for (const item_t item : items)
        if (item < 0 || item >= num_items)
          throw DataError(concatenate("ranking request ", i, ": ", what, " ", item,
                                      " is beyond the model's table, expected 0 to ", num_items - 1));
    };
    if (request.target >= 0) check_items("target", {&request.target, 1});
    check_items("exclusion", request.exclusions);
    if (request.candidates) check_items("candidate", *request.candidates);
    if (request.candidates.has_value() != requests.front().candidates.has_value())
      throw ArgumentError(concatenate("ranking request ", i, ": ", request.candidates ? "has" : "lacks",
                                      " candidates, expected ", request.candidates ? "none" : "some",
                                      " as in request 0: a batch ranks either candidates or the catalogue"));
    if (times_option_ != nullptr && request.times.size() != request.history.size())
      throw ArgumentError(concatenate("ranking request ", i, ": times are ", request.times.size(), ", expected ",
                                      request.history.size(), ", one for each event of the history: the model's ",
                                      times_option_, " reads them"));
    if (profiles && (request.profile < 0 || request.profile >= profiles.segments()))
      throw DataError(concatenate("ranking request ", i, ": profile ", request.profile,
                                  " is not among the features of ", profiles.segments(), " users"));
  }
  builder_.packing().check(spans_);
}

SEQREC_FUNCTION void HostRankingBatch::pack(std::span<const RankingRequest> requests) {
  check(requests);
  loads_.clear();
  for (const RankingRequest& request : requests) loads_.push_back(num_candidates(request));
  builder_.begin(spans_, loads_);
  collect_exclusions(requests);
  ranked_.clear();
  for (std::size_t i = 0; i < requests.size(); ++i) ranked_.push_back(count_ranked(requests[i], excluded(i)));
  lay_out(requests);
  builder_.allocate();
  fill(requests);
}

SEQREC_FUNCTION RankingBatch<HostSpace> HostRankingBatch::shard(index_t i) const {
  RankingBatch<HostSpace> batch;
  batch.histories = builder_.shard(i);
  batch.histories.features = constants_.features;
  if (constants_.features.of_users) batch.histories.profiles = builder_.of_users(profiles_, i);
  if (times_option_ != nullptr) batch.histories.times = builder_.of_rows(times_, i);
  batch.targets = builder_.of_users(targets_, i);
  batch.exclusions = exclusions_.view(builder_, i);
  if (has_candidates_) batch.candidates = candidates(i, batch.histories);
  return batch;
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
