// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/hash.hpp"
#include "seqrec/core/item_set.hpp"
#include "seqrec/core/option_text.hpp"
#include "seqrec/core/random.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/data/alias_table.hpp"
#include "seqrec/data/batches/sampling.hpp"
#include "seqrec/data/dataset.hpp"
#include "seqrec/data/splits/item_counts.hpp"
#include "seqrec/data/splits/split.hpp"
#include "seqrec/evaluate/seen_items.hpp"

namespace seqrec {

/// Which negatives a held-out target is ranked against.
struct CandidateOptions {
  index_t negatives = 99;  ///< per target, 1 .. what the user has not seen; 100 is the papers' "sampled-101"
  std::uint64_t seed = 1;  ///< fixed by protocol, not the seed of a run: every model meets the same lists
  /// 0: uniform; else items are drawn with probability ~ (events of the data set)^popularity_exponent.
  double popularity_exponent = 0;
  /// `ranked` draws from all items but the target: a sample of what a full ranking of all items ranks.
  SeenItems seen = SeenItems::left_out;
  /// Only items that somebody had before the target's moment. What nobody had met by then is no rival, and a model that
  /// knows times could tell. The data set must have times.
  bool appeared = false;
};

/// The frozen candidates of a sampled evaluation: for each held-out event the same number of negatives, but for those
/// that are left out, because their users have too few other items.
/// With few negatives metrics are far higher than over the whole catalogue, and they may order models differently
/// (Krichene & Rendle 2020, "On sampled metrics for item recommendation"): report both.
struct CandidateLists {
  std::string held_out;  ///< "validation" or "test"
  std::string data_hash;
  CandidateOptions options;
  index_t users = 0;                ///< held-out events; in leave-one-out as many users
  std::vector<item_t> items;        ///< (lists, negatives)
  std::vector<index_t> left_out{};  ///< places of held-out events that have no list, ascending

  /// How many held-out events have a list.
  index_t lists() const { return users - std::ssize(left_out); }

  /// The negatives of the i-th held-out event; none if it is left out.
  std::span<const item_t> negatives(index_t i) const {
    const auto place = std::lower_bound(left_out.begin(), left_out.end(), i);
    if (place != left_out.end() && *place == i) return {};
    const index_t list = i - (place - left_out.begin());
    return {items.data() + list * options.negatives, static_cast<std::size_t>(options.negatives)};
  }

  /// Tells candidate lists apart: what they were drawn for and every item.
  std::string hash() const;
};

/// Draws negatives for each held-out event, uniformly or by popularity, without replacement from the catalogue minus
/// *all* the user's items, whether seen before the target or after; or, with SeenItems::ranked, minus the target alone.
/// Validation and test get different ones, so do the events of one user; a user's do not depend on the other users.
///
/// Events of users who have fewer such items than that, or other items of nearly no popularity where that decides, are
/// left out.
/// @throws ArgumentError if an option is out of range
/// @throws DataError     if all are left out, naming the first of them; for `appeared` without times
SEQREC_FUNCTION CandidateLists draw_candidates(const HeldOut& held_out, const CandidateOptions& options = {});

#if SEQREC_BODIES

namespace detail {

/// The items of a data set in order of when somebody had them first.
class FirstTimes {
 public:
  explicit FirstTimes(const Dataset& data) {
    std::vector<std::int64_t> first(static_cast<std::size_t>(data.num_items()),
                                    std::numeric_limits<std::int64_t>::max());
    for (std::size_t event = 0; event < data.times.size(); ++event) {
      std::int64_t& time = first[static_cast<std::size_t>(data.items[event])];
      time = std::min(time, data.times[event]);
    }
    for (std::size_t item = 0; item < first.size(); ++item) order_.emplace_back(first[item], static_cast<item_t>(item));
    std::sort(order_.begin(), order_.end());
  }

  /// Calls visit(item) for each that nobody had before this time.
  template <class Visit>
  void not_before(std::int64_t time, Visit&& visit) const {
    const std::pair<std::int64_t, item_t> begin(time, 0);
    for (auto it = std::lower_bound(order_.begin(), order_.end(), begin); it != order_.end(); ++it) visit(it->second);
  }

 private:
  std::vector<std::pair<std::int64_t, item_t>> order_;
};

}  // namespace detail

SEQREC_FUNCTION CandidateLists draw_candidates(const HeldOut& held_out, const CandidateOptions& options) {
  check_argument(options.negatives >= 1, "negatives", options.negatives, "a number of at least 1");
  check_argument(options.popularity_exponent >= 0 && std::isfinite(options.popularity_exponent), "popularity_exponent",
                 options.popularity_exponent, "a finite number of at least 0");
  const Dataset& data = *held_out.data;
  CandidateLists lists{held_out.name, data.hash(), options, held_out.size(), {}, {}};
  std::optional<AliasTable> table;
  if (options.popularity_exponent > 0)
    table.emplace(popularity_weights(count_events(data), options.popularity_exponent));
  std::optional<detail::FirstTimes> first_times;
  if (options.appeared) {
    check_times("appeared", data);
    first_times.emplace(data);
  }
  const auto probability = [&](item_t item) { return table->probabilities()[static_cast<std::size_t>(item)]; };

  const std::uint64_t first_stream = Hash().add(held_out.name).value();
  ItemSet excluded(data.num_items());
  std::uint64_t event = 0;  // of this user, counted from 0
  std::string first_left_out;
  for (index_t i = 0; i < held_out.size(); ++i) {
    const index_t user = held_out.users.data()[i];
    event = i > 0 && held_out.users.data()[i - 1] == user ? event + 1 : 0;
    excluded.clear();
    double left = 1;  // probability of what is not excluded
    const auto exclude = [&](item_t item) {
      if (excluded.insert(item) && table) left -= probability(item);
    };
    if (options.seen == SeenItems::left_out)
      for (const item_t item : held_out.whole_history(i)) exclude(item);
    else
      exclude(held_out.targets.data()[i]);
    if (first_times)
      first_times->not_before(data.times.data()[data.offsets.data()[user] + held_out.history_lengths.data()[i]],
                              exclude);
    const index_t others = excluded.num_items() - excluded.size();
    const std::uint64_t stream = first_stream + static_cast<std::uint64_t>(user) + (event == 0 ? 0 : mix_bits(event));
    RandomStream random(options.seed, Purpose::candidates, stream);
    index_t drawn = 0;
    for (; drawn < options.negatives && options.negatives <= others && left >= least_probability_left; ++drawn) {
      lists.items.push_back(table ? draw_item_outside(excluded, *table, random) : draw_item_outside(excluded, random));
      exclude(lists.items.back());
    }
    if (drawn == options.negatives) continue;
    lists.items.resize(lists.items.size() - static_cast<std::size_t>(drawn));
    lists.left_out.push_back(i);
    if (lists.left_out.size() > 1) continue;
    first_left_out = others < options.negatives
                         ? concatenate(others, " other items")
                         : concatenate("other items of nearly no popularity, enough for ", drawn);
  }
  if (lists.lists() == 0 && lists.users > 0)
    throw DataError(concatenate(data.name, ": none of ", lists.users, " ", held_out.name,
                                " targets can be ranked: user ", data.user_ids[held_out.users.front()], " has ",
                                first_left_out, ", expected at least ", options.negatives,
                                " to draw as negatives, and so have the others"));
  return lists;
}

SEQREC_FUNCTION std::string CandidateLists::hash() const {
  Hash hash;
  hash.add(held_out).add(data_hash).add(options.negatives).add(options.seed).add(users);
  // What is as ever is not named, so that old hashes stay as they were.
  if (options.popularity_exponent != 0) hash.add(option_text(options.popularity_exponent));
  if (options.seen != SeenItems::left_out) hash.add("seen").add(option_text(options.seen));
  if (options.appeared) hash.add("appeared");
  if (!left_out.empty()) hash.add("left out");
  for (const index_t i : left_out) hash.add(i);
  for (const item_t item : items) hash.add(item);
  return hash.text();
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
