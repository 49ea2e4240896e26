// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/item_set.hpp"
#include "seqrec/core/options.hpp"
#include "seqrec/core/random.hpp"
#include "seqrec/core/tensor.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/data/alias_table.hpp"
#include "seqrec/data/splits/item_counts.hpp"
#include "seqrec/data/splits/split.hpp"

namespace seqrec {

/// An item drawn uniformly from those that `excluded` lacks, by rejection: unbiased, and one draw is nearly always
/// enough because a catalogue is much longer than a history. At least one item must be outside `excluded`.
inline item_t draw_item_outside(const ItemSet& excluded, RandomStream& random) {
  const auto num_items = static_cast<std::uint32_t>(excluded.num_items());
  for (;;) {
    const auto item = static_cast<item_t>(random.below(num_items));
    if (!excluded.contains(item)) return item;
  }
}

/// The same with the probabilities of `table`. The items outside `excluded` must have a probability of at least
/// `least_probability_left` together, or the search would take long, or for ever.
inline item_t draw_item_outside(const ItemSet& excluded, const AliasTable& table, RandomStream& random) {
  for (;;) {
    const item_t item = table.draw(random);
    if (!excluded.contains(item)) return item;
  }
}

/// Below this share of all probability left to draw from, drawing by rejection is refused.
inline constexpr double least_probability_left = 1e-3;

/// What training negatives are drawn from.
struct NegativeSampling {
  /// 0: uniform; else item i is drawn with probability ~ (training events of i)^popularity_exponent. Items without
  /// training events are never drawn then.
  double popularity_exponent = 0;
  bool reject_seen = true;  ///< never draw a training item of the user
  bool distinct = false;    ///< no item twice in one list (of a position, or of those who share it); uniform draws only

  /// What is not as usual, for the names of objectives: " by popularity^0.75, seen items among them".
  std::string text() const {
    return (popularity_exponent != 0 ? concatenate(" by popularity^", popularity_exponent) : std::string()) +
           (distinct ? ", no item twice" : "") + (reject_seen ? "" : ", seen items among them");
  }
  /// @throws ArgumentError if the exponent is negative or not finite, or not 0 where items are distinct
  void check() const {
    check_options("NegativeSampling", *this);
    check_argument(!distinct || popularity_exponent == 0, "popularity_exponent", popularity_exponent,
                   "0 with distinct: without replacement, how often an item is drawn is no power of its popularity");
  }

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("popularity_exponent", popularity_exponent, not_negative(),
          "negatives are drawn with probability ~ (training events)^this; 0 is uniform");
    visit("reject_seen", reject_seen, any(), "a user's own training items are no negatives");
    visit("distinct", distinct, any(), "negatives are drawn without replacement: no item twice in a list");
  }
};

/// Draws training negatives: over the catalogue without the user's *training* items. Held-out items stay possible, or
/// the model could learn from their absence what is going to be asked.
///
/// What a user gets in an epoch depends on (seed, epoch, user) only: not on the batch it is in, nor on any thread.
class NegativeSampler {
 public:
  /// @param split  must outlive the sampler
  /// @throws ArgumentError as NegativeSampling::check
  NegativeSampler(const Split& split, std::uint64_t seed, const NegativeSampling& sampling = {})
      : split_(&split),
        seed_(seed),
        reject_seen_(sampling.reject_seen),
        distinct_(sampling.distinct),
        seen_(split.data->num_items()),
        drawn_(sampling.distinct ? split.data->num_items() : 0) {
    sampling.check();
    if (sampling.popularity_exponent > 0) {
      table_.emplace(popularity_weights(count_train_events(split), sampling.popularity_exponent));
      for (const double probability : table_->probabilities())
        log_probability_.push_back(static_cast<float>(std::log(probability)));
    }
    if (reject_seen_)
      for (index_t user = 0; user < split.data->num_users(); ++user)
        if (!has_negatives(user)) without_negatives_.push_back(user);
  }
  NegativeSampler(const Split&&, std::uint64_t, const NegativeSampling& = {}) = delete;

  /// Users for whom nothing is left to draw, ascending: every item of the catalogue, or nearly all of its popularity
  /// where that decides, is among their training items. They cannot be trained with negatives of their own.
  std::span<const index_t> without_negatives() const { return without_negatives_; }

  /// Fills (rows, negatives per row) for one user.
  /// @throws DataError naming a user who has no negatives, or fewer than are to be distinct
  void draw(index_t user, index_t epoch, MatrixView<item_t, HostSpace> negatives) {
    if (std::binary_search(without_negatives_.begin(), without_negatives_.end(), user))
      throw DataError(
          concatenate(split_->data->name, ": user ", split_->data->user_ids[user],
                      " has all items, or nearly all popularity, in training: no negative is left to draw"));
    RandomStream random(seed_, Purpose::negatives,
                        static_cast<std::uint64_t>(epoch) << 32 | static_cast<std::uint64_t>(user));
    seen_.clear();
    if (reject_seen_) seen_.insert(split_->train_history(user));
    check_enough(user, negatives.columns());
    for (index_t row = 0; row < negatives.rows(); ++row) fill({negatives.row(row), negatives.columns()}, random);
  }

  /// @throws DataError naming the first of these users who has fewer than `count` items left, where so many are to be
  ///         distinct
  void check_distinct(std::span<const index_t> users, index_t count) {
    if (!distinct_) return;
    for (const index_t user : users) {
      seen_.clear();
      if (reject_seen_) seen_.insert(split_->train_history(user));
      check_enough(user, count);
    }
  }

  /// Fills (M) for all users of a batch: of what they have seen nothing is rejected.
  /// @throws ArgumentError for more than the catalogue where they are to be distinct
  void draw_shared(index_t epoch, index_t step, VectorView<item_t, HostSpace> negatives) {
    RandomStream random(seed_, Purpose::shared_negatives,
                        static_cast<std::uint64_t>(epoch) << 32 | static_cast<std::uint64_t>(step));
    seen_.clear();
    if (distinct_ && negatives.size() > seen_.num_items())
      throw ArgumentError(concatenate("negatives is ", negatives.size(), ", expected at most ", seen_.num_items(),
                                      ", the catalogue, where they are to be distinct"));
    fill(negatives, random);
  }

  /// Fills (M) with as many of a batch's next items, in their order; each has the same chance (Knuth's algorithm S).
  /// @param next  (N >= M)
  void choose(index_t epoch, index_t step, std::span<const item_t> next,
              VectorView<item_t, HostSpace> negatives) const {
    RandomStream random(seed_, Purpose::shared_negatives,
                        static_cast<std::uint64_t>(epoch) << 32 | static_cast<std::uint64_t>(step));
    index_t chosen = 0;
    for (std::size_t seen = 0; chosen < negatives.size(); ++seen) {
      const auto left = static_cast<std::uint32_t>(next.size() - seen);
      if (static_cast<index_t>(random.below(left)) < negatives.size() - chosen) negatives(chosen++) = next[seen];
    }
  }

  /// (V) The logarithm of the probability with which an item is drawn, before any is rejected, which a sampled softmax
  /// subtracts (logQ; Bengio & Senécal 2008). Minus infinity for items that are never drawn. Empty for uniform draws.
  std::span<const float> log_probability() const { return log_probability_; }

 private:
  /// One list.
  void fill(VectorView<item_t, HostSpace> list, RandomStream& random) {
    if (distinct_) drawn_.clear();
    for (index_t i = 0; i < list.size();) {
      list(i) = table_ ? draw_item_outside(seen_, *table_, random) : draw_item_outside(seen_, random);
      if (!distinct_ || drawn_.insert(list(i))) ++i;
    }
  }

  /// @param user  whose items are in seen_
  void check_enough(index_t user, index_t count) const {
    const index_t left = seen_.num_items() - seen_.size();
    if (distinct_ && count > left)
      throw DataError(concatenate(split_->data->name, ": user ", split_->data->user_ids[user], " has ", left,
                                  " items left to draw, expected at least the ", count,
                                  " negatives of a list that are to be distinct"));
  }

  bool has_negatives(index_t user) {
    const index_t num_items = split_->data->num_items();
    const std::span<const item_t> history = split_->train_history(user);
    if (!table_ && std::ssize(history) < num_items) return true;  // too short to hold them all: no need to look
    seen_.clear();
    double left = 1;
    for (const item_t item : history)
      if (seen_.insert(item) && table_) left -= table_->probabilities()[static_cast<std::size_t>(item)];
    return seen_.size() < num_items && left >= least_probability_left;
  }

  const Split* split_;
  std::uint64_t seed_;
  bool reject_seen_, distinct_;
  ItemSet seen_;
  ItemSet drawn_;                    ///< of a list, where its items are distinct
  std::optional<AliasTable> table_;  ///< none for uniform draws
  std::vector<float> log_probability_;
  std::vector<index_t> without_negatives_;
};

}  // namespace seqrec
