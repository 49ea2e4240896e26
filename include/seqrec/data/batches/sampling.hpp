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
#include "seqrec/core/random.hpp"
#include "seqrec/core/tensor.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/data/alias_table.hpp"
#include "seqrec/data/batches/negative_sampling.hpp"
#include "seqrec/data/item_pool.hpp"
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
    RandomStream random = begin(user, epoch, negatives.columns(), 0);
    for (index_t row = 0; row < negatives.rows(); ++row) fill({negatives.row(row), negatives.columns()}, random);
  }

  /// Fills (rows of a batch, 1 + negatives), whose first column holds the targets, with other targets of the batch. In
  /// each draw all have the same chance that are neither the row's own nor rejected: items come by how often they are
  /// next. Where none is left the catalogue fills up, by `draw`'s probabilities. Depends on who is in the batch and on
  /// (seed, epoch).
  /// @param users  of the batch   @param offsets (users + 1) where the rows of each begin
  /// @throws DataError  as `draw`, or if there is hardly anything beside a target
  void draw_in_batch(std::span<const index_t> users, index_t epoch, std::span<const offset_t> offsets,
                     MatrixView<item_t, HostSpace> rows) {
    pool_.clear();
    for (index_t row = 0; row < rows.rows(); ++row) pool_.add(rows(row, 0));
    for (std::size_t i = 0; i < users.size(); ++i) {
      RandomStream random = begin(users[i], epoch, rows.columns() - 1, 1);
      pool_.begin_user();
      for (index_t row = offsets[i]; row < offsets[i + 1]; ++row)
        fill_in_batch(rows(row, 0), {rows.row(row) + 1, rows.columns() - 1}, random);
    }
  }

  /// @param targets  1 where a position's target is no negative even if seen ones are, else 0
  /// @throws DataError naming the first of these users who has fewer than `count` items left, where so many are to be
  ///         distinct
  void check_distinct(std::span<const index_t> users, index_t count, index_t targets = 0) {
    if (!distinct_) return;
    for (const index_t user : users) {
      look_at(user);
      check_enough(user, count, targets);
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
  void look_at(index_t user) {
    seen_.clear();
    if (reject_seen_) seen_.insert(split_->train_history(user));
  }

  /// What a user's lists are drawn by, once it is sure that there is enough to draw.
  RandomStream begin(index_t user, index_t epoch, index_t count, index_t targets) {
    if (std::binary_search(without_negatives_.begin(), without_negatives_.end(), user))
      throw DataError(
          concatenate(split_->data->name, ": user ", split_->data->user_ids[user],
                      " has all items, or nearly all popularity, in training: no negative is left to draw"));
    look_at(user);
    check_enough(user, count, targets);
    return {seed_, Purpose::negatives, static_cast<std::uint64_t>(epoch) << 32 | static_cast<std::uint64_t>(user)};
  }

  item_t draw_from_catalogue(RandomStream& random) const {
    return table_ ? draw_item_outside(seen_, *table_, random) : draw_item_outside(seen_, random);
  }

  /// One list.
  void fill(VectorView<item_t, HostSpace> list, RandomStream& random) {
    if (distinct_) drawn_.clear();
    for (index_t i = 0; i < list.size();) {
      list(i) = draw_from_catalogue(random);
      if (!distinct_ || drawn_.insert(list(i))) ++i;
    }
  }

  /// One list, of a position with this target.
  void fill_in_batch(item_t target, VectorView<item_t, HostSpace> list, RandomStream& random) {
    if (distinct_) drawn_.clear();
    const auto wanted = [&](item_t item) { return item != target && (!distinct_ || drawn_.insert(item)); };
    pool_.begin_list();
    for (index_t i = 0; i < list.size();) {
      if (pool_.empty()) {
        check_others(target);
        list(i) = draw_from_catalogue(random);
        if (wanted(list(i))) ++i;
        continue;
      }
      const std::size_t entry = pool_.draw(random);
      const item_t item = pool_[entry];
      if (seen_.contains(item))
        pool_.put_aside_for_user(entry);
      else if (wanted(item))
        list(i++) = item;
      else
        pool_.put_aside_for_list(entry);
    }
  }

  /// @param user  whose items are in seen_   @param targets  1 where another item must stay out of each list
  void check_enough(index_t user, index_t count, index_t targets) const {
    const index_t left = seen_.num_items() - std::max(seen_.size(), targets), needed = distinct_ ? count : 1;
    if (left < needed)
      throw DataError(concatenate(split_->data->name, ": user ", split_->data->user_ids[user], " has ", left,
                                  " items left to draw, expected at least the ", needed,
                                  distinct_ ? " negatives of a list that are to be distinct" : " beside the target"));
  }

  /// That more than a target is left to draw, where it alone is rejected.
  void check_others(item_t target) const {
    if (table_ && !seen_.contains(target) &&
        1 - table_->probabilities()[static_cast<std::size_t>(target)] < least_probability_left)
      throw DataError(concatenate(split_->data->name, ": item ", split_->data->item_ids[target],
                                  " has nearly all popularity in training, and a batch has no other next item: no "
                                  "negative is left to draw"));
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
  ItemPool pool_;                    ///< a batch's next items
  std::optional<AliasTable> table_;  ///< none for uniform draws
  std::vector<float> log_probability_;
  std::vector<index_t> without_negatives_;
};

}  // namespace seqrec
