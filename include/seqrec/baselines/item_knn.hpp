// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "seqrec/baselines/item_weights.hpp"
#include "seqrec/baselines/train_events.hpp"
#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/options.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/core/vocabulary.hpp"
#include "seqrec/data/splits/split.hpp"

namespace seqrec {

/// How ItemKnn compares and how far back it reads. The defaults come closest to other implementations on
/// MovieLens; a shorter history scores higher there.
struct ItemKnnOptions {
  index_t neighbours = 0;  ///< all of them take up to V^2 entries of eight bytes
  index_t max_history = 30;
  double shrinkage = 20;

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("neighbours", neighbours, at_least(0), "most similar items kept of each item; 0 keeps all");
    visit("max_history", max_history, at_least(1), "how much of a history is read: its last so many events");
    visit("shrinkage", shrinkage, not_negative(), "added to the cosine's divisor: few common users prove little");
  }
};

/// Item-based collaborative filtering (Sarwar et al. 2001; Deshpande and Karypis 2004). Two items are as similar as the
/// shrunk cosine of their columns in the user-item matrix of the training events, which is 1 where the user has the
/// item, however often (Ferrari Dacrema et al. 2019, "Are we really making much progress?", define it so):
///
///     users of both / (sqrt(users of i * users of j) + shrinkage)
///
/// An item's score is the sum of its similarities to the distinct items among the last `max_history` events; their
/// order plays no part. An item is no neighbour of itself. The whole history in place of its end is worse on MovieLens,
/// most of all in the pooled AUC, because sums over long histories are larger.
class ItemKnn {
 public:
  static constexpr const char* name = "item-kNN";

  /// Takes the sum over users of the squared lengths of their histories.
  /// @throws ArgumentError if an option is out of range
  explicit ItemKnn(const Split& split, const ItemKnnOptions& options = {});
  /// One that was made before, from its table.
  ItemKnn(const ItemKnnOptions& options, ItemWeights similarities, Vocabulary vocabulary)
      : options_(options), similarities_(std::move(similarities)), vocabulary_(std::move(vocabulary)) {}

  const ItemKnnOptions& options() const { return options_; }
  index_t num_items() const { return similarities_.num_items(); }
  /// The original ids of the items.
  const Vocabulary& vocabulary() const { return vocabulary_; }

  /// Rows: an item's neighbours.
  const ItemWeights& similarities() const { return similarities_; }

  /// @param scores (V)   @throws ShapeError if there is not one for each item
  void score(std::span<const item_t> history, std::span<double> scores) const;

 private:
  static std::vector<item_t> distinct(std::span<const item_t> history) {
    std::vector<item_t> items(history.begin(), history.end());
    std::sort(items.begin(), items.end());
    items.erase(std::unique(items.begin(), items.end()), items.end());
    return items;
  }

  ItemKnnOptions options_;
  ItemWeights similarities_;
  Vocabulary vocabulary_;
};

#if SEQREC_BODIES

SEQREC_FUNCTION ItemKnn::ItemKnn(const Split& split, const ItemKnnOptions& options)
    : options_(options), similarities_(split.data->num_items()), vocabulary_(split.data->item_ids) {
  check_options("ItemKnn", options);
  const TrainEvents events(split);
  std::vector<std::vector<item_t>> items_of(static_cast<std::size_t>(split.data->num_users()));  // distinct
  std::vector<double> users_of(static_cast<std::size_t>(num_items()), 0.0);
  for (index_t user = 0; user < split.data->num_users(); ++user) {
    items_of.data()[user] = distinct(split.train_history(user));
    for (const item_t item : items_of.data()[user]) ++users_of.data()[item];
  }
  for (item_t item = 0; item < static_cast<item_t>(num_items()); ++item) {
    index_t last_user = -1;
    for (const TrainEvents::Event& event : events.of_item(item)) {
      if (event.user == last_user) continue;  // had it again
      last_user = event.user;
      for (const item_t other : items_of.data()[event.user]) similarities_.add(other, 1.0);
    }
    similarities_.end_row(
        [&](item_t other, double both) {
          const double geometric_mean = std::sqrt(users_of.data()[item] * users_of.data()[other]);
          return other == item ? 0.0 : both / (geometric_mean + options.shrinkage);
        },
        options.neighbours);
  }
}

SEQREC_FUNCTION void ItemKnn::score(std::span<const item_t> history, std::span<double> scores) const {
  check_extent("ItemKnn", "number of scores", std::ssize(scores), num_items());
  std::fill(scores.begin(), scores.end(), 0.0);
  const std::size_t kept = std::min(history.size(), static_cast<std::size_t>(options_.max_history));
  for (const item_t item : distinct(history.last(kept))) similarities_.add_row(item, 1.0, scores);
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
